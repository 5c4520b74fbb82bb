//! A queue that is full: who waits, who is refused, and what the log says of it afterwards.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;
use tracing::Subscriber;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt as _};

use super::faulty::FaultyStore;
use super::{ORIGIN, builder, clock, events, members, settle, stop};
use crate::__private::{Site, Verdict};
use crate::context::AuditContext;
use crate::event::{Event, Outcome};
use crate::recorder::{Edge, NotRecorded, Pending, Recorder, Refusal};
use crate::testing::ManualClock;

/// A recorder whose queue of two is full, over a store that hangs with one event more.
async fn full(store: &FaultyStore, clock: &ManualClock) -> Recorder {
    let recorder = Recorder::builder(store.clone())
        .origin(ORIGIN)
        .clock(clock.clone())
        .queue_capacity(2)
        .queue_wait(Duration::from_millis(70));
    let recorder = recorder.start().await.unwrap();
    store.hang(true);
    recorder.record(Event::builder("a.first")).await;
    settle().await;
    recorder.record(Event::builder("a.second")).await;
    recorder.record(Event::builder("a.third")).await;
    recorder
}

#[tokio::test(start_paused = true)]
async fn events_beyond_a_full_queue_wait_and_then_are_counted_in_a_gap_event() {
    let (store, clock) = (FaultyStore::default(), clock());
    let recorder = full(&store, &clock).await;
    for _ in 0..3 {
        let begun = Instant::now();
        recorder.record(Event::builder("a.lost")).await;
        assert_eq!(begun.elapsed().as_millis(), 70);
        clock.advance(Duration::from_secs(1));
    }
    store.hang(false);
    settle().await;
    // Nothing else had to be recorded for that.
    assert_eq!(
        members(&events(&store, "standard").await, "/action"),
        ["a.first", "a.second", "a.third"]
    );
    let gaps = events(&store, "audit").await;
    assert_eq!(members(&gaps, "/action"), ["audit.gap"]);
    assert_eq!(
        gaps[0]["metadata"],
        json!({
            "count": 3, "from": "2026-01-02T03:04:05.000000Z", "to": "2026-01-02T03:04:07.000000Z",
            "reason": Refusal::QueueFull.to_string(),
        })
    );
    // What is accepted afterwards is no part of it, and is numbered as if nothing had been.
    recorder.record(Event::builder("a.fourth")).await;
    stop(&recorder).await;
    let arrived = events(&store, "standard").await;
    assert_eq!(
        arrived.iter().map(|event| event["producer"]["seq"].as_u64().unwrap()).collect::<Vec<_>>(),
        [0, 1, 2, 3]
    );
    assert_eq!(events(&store, "audit").await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_durable_operation_that_finds_no_place_does_not_run_and_is_no_gap() {
    let (store, clock) = (FaultyStore::default(), clock());
    let recorder = full(&store, &clock).await;
    let begun = Instant::now();
    let refused = Pending::begin_durable(&recorder, Event::builder("a.d")).await.unwrap_err();
    assert_eq!(refused, NotRecorded::NotRun(Refusal::QueueFull));
    assert_eq!(begun.elapsed().as_millis(), 70);
    let refused = recorder.record_durable(Event::builder("a.d")).await.unwrap_err();
    assert_eq!(refused, NotRecorded::NotRun(Refusal::QueueFull));
    store.hang(false);
    stop(&recorder).await;
    assert_eq!(events(&store, "standard").await.len(), 3);
    assert!(events(&store, "audit").await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_event_whose_caller_leaves_while_it_waits_for_a_place_is_counted() {
    let (store, clock) = (FaultyStore::default(), clock());
    let recorder = full(&store, &clock).await;
    // As a layer begins an event of its own, when the request is over.
    let edge = Edge::new(recorder.clone(), &AuditContext::new(), None);
    let pending = edge.event(Event::builder("a.lost").outcome(Outcome::Success));
    let waited = tokio::time::timeout(Duration::from_millis(10), pending.finish_durable()).await;
    assert!(waited.is_err());
    store.hang(false);
    stop(&recorder).await;
    assert_eq!(events(&store, "standard").await.len(), 3);
    assert_eq!(events(&store, "audit").await[0]["metadata"]["count"], 1);
}

#[tokio::test(start_paused = true)]
async fn a_place_that_becomes_free_while_somebody_waits_is_taken() {
    let (store, clock) = (FaultyStore::default(), clock());
    let recorder = full(&store, &clock).await;
    let event = async { recorder.record_durable(Event::builder("a.waited")).await };
    let free = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        store.hang(false);
    };
    let (receipt, ()) = tokio::join!(event, free);
    assert_eq!(receipt.unwrap().index, Some(3));
    stop(&recorder).await;
}

#[tokio::test(start_paused = true)]
async fn an_operation_that_began_without_a_place_finds_one_when_it_ends() {
    let (store, clock) = (FaultyStore::default(), clock());
    let recorder = full(&store, &clock).await;
    let late = Pending::begin(&recorder, Event::builder("a.late")).await;
    let lost = Pending::begin(&recorder, Event::builder("a.lost")).await;
    lost.finish();
    store.hang(false);
    settle().await;
    late.finish();
    stop(&recorder).await;
    let arrived = events(&store, "standard").await;
    assert_eq!(members(&arrived, "/action"), ["a.first", "a.second", "a.third", "a.late"]);
    assert_eq!(events(&store, "audit").await[0]["metadata"]["count"], 1);
}

#[tokio::test(start_paused = true)]
async fn an_operation_holds_its_place_while_it_runs() {
    let store = FaultyStore::default();
    let recorder = super::builder(&store).queue_capacity(1).start().await.unwrap();
    let running = Pending::begin(&recorder, Event::builder("a.running")).await;
    let refused = recorder.record_durable(Event::builder("a.b")).await.unwrap_err();
    assert_eq!(refused, NotRecorded::NotRun(Refusal::QueueFull));
    running.finish();
    recorder.record_durable(Event::builder("a.c")).await.unwrap();
    stop(&recorder).await;
    assert_eq!(members(&events(&store, "standard").await, "/action"), ["a.running", "a.c"]);
}

/// A subscriber that has the errors that it is told recorded, too.
struct Recording(Recorder);

static TOLD: Site = Site::new("queue.rs", 1);

impl<S: Subscriber> Layer<S> for Recording {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        if *event.metadata().level() > tracing::Level::ERROR {
            return;
        }
        let facts = TOLD.facts_with("log.line".into(), &mut |facts| facts.recorder(&self.0));
        facts.begin_now().finish(Verdict::success());
    }
}

#[tokio::test(start_paused = true)]
async fn who_records_what_is_said_of_a_loss_does_not_stop_the_log() {
    let (store, clock) = (FaultyStore::default(), clock());
    let recorder = full(&store, &clock).await;
    let subscriber = tracing_subscriber::registry().with(Recording(recorder.clone()));
    let _listening = tracing::subscriber::set_default(subscriber);
    recorder.record(Event::builder("a.lost")).await;
    store.hang(false);
    stop(&recorder).await;
    let gaps = events(&store, "audit").await;
    assert_eq!(gaps[0]["metadata"]["count"], 2);
}

#[tokio::test(start_paused = true)]
async fn denials_have_places_that_nothing_else_takes() {
    let store = FaultyStore::default();
    let recorder = builder(&store).queue_capacity(4).start().await.unwrap();
    store.hang(true);
    for number in 0..500 {
        let outcome = if number % 2 == 0 { Outcome::Denied } else { Outcome::Success };
        recorder.record(Event::builder("a.b").outcome(outcome)).await;
    }
    store.hang(false);
    stop(&recorder).await;
    let arrived = events(&store, "standard").await;
    let denied = members(&arrived, "/outcome").iter().filter(|&&word| word == "denied").count();
    assert_eq!(denied, 250, "of {}", arrived.len());
    // What else there was had the queue only: four on their way, and four in it.
    assert!(arrived.len() <= 258, "{}", arrived.len());
    let lost = recorder.health().lost;
    assert_eq!(arrived.len() + usize::try_from(lost).unwrap(), 500);
}

#[tokio::test(start_paused = true)]
async fn a_queue_is_full_by_bytes_long_before_it_is_by_events() {
    let store = FaultyStore::default();
    let recorder = builder(&store).queue_bytes(100_000).start().await.unwrap();
    store.hang(true);
    let large = || Event::builder("a.b").metadata("text", "x".repeat(30_000));
    for _ in 0..20 {
        recorder.record(large()).await;
    }
    let full = recorder.health();
    assert_eq!(full.lost, 16, "four are held");
    assert!(full.queue_bytes >= 120_000 && !full.is_good(), "{full:?}");
    // Who waits goes on as soon as there is room.
    let event = async { recorder.record_durable(large()).await };
    let free = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        store.hang(false);
    };
    let (receipt, ()) = tokio::join!(event, free);
    assert_eq!(receipt.unwrap().index, Some(4));
    stop(&recorder).await;
    assert_eq!(events(&store, "standard").await.len(), 5);
}
