//! Operations that began and that nobody completes any more.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;
use uuid::Uuid;

use super::faulty::FaultyStore;
use super::{ORIGIN, all_events, builder, clock, events, members, stop};
use crate::event::{Actor, Event, EventBuilder, Producer};
use crate::recorder::{Pending, Recorder};
use crate::store::{Leaf, Store};
use crate::testing::ManualClock;

/// How often the recorders of these tests give a sign of life.
const BEAT: Duration = Duration::from_secs(10);

/// A process that is killed: all that it leaves is what is in the log.
struct Killed {
    store: FaultyStore,
    clock: ManualClock,
    producer: Producer,
}

impl Killed {
    async fn new(store: &FaultyStore, clock: &ManualClock) -> Self {
        let (store, clock) = (store.clone(), clock.clone());
        let killed = Self { store, clock, producer: Producer::new("host-0") };
        killed.says("audit.started").await;
        killed
    }

    async fn says(&self, word: &'static str) {
        let boot = self.producer.boot().to_string();
        let event = EventBuilder::of_the_log(word).label("boot", boot);
        self.append(event.metadata("heartbeat_ms", 20_000), "audit").await;
    }

    async fn append(&self, event: EventBuilder, log: &str) {
        let event = event.seal(&self.clock);
        let leaf = Leaf::of(&event, &self.producer, 0);
        let id = self.store.open_log(&format!("{ORIGIN}/{log}"), event.class()).await.unwrap();
        self.store.append(id, &[leaf], crate::clock::Clock::now(&self.clock)).await.unwrap();
    }

    /// Begins what it will not complete.
    async fn begins(&self, id: u128, log: &str) {
        let event = Event::builder("invoice.approve").id(Uuid::from_u128(id)).tenant("eu");
        let event = event.actor(Actor::user("u-1")).resource("invoice", "17");
        let mut event = event.operation_id("op-3").category("money").message("not kept");
        if log != "standard" {
            event = event.retention("long");
        }
        event.fields.is_begun = true;
        self.append(event, log).await;
    }
}

async fn start(store: &FaultyStore, clock: &ManualClock) -> Recorder {
    let recorder = builder(store).clock(clock.clone()).heartbeat(BEAT);
    recorder.orphaned_after(Duration::from_secs(600)).start().await.unwrap()
}

/// Lets the time of the clock go on, and that of the runtime with it.
async fn pass(clock: &ManualClock, time: Duration) {
    clock.advance(time);
    sleep(time).await;
}

fn completions(events: &[Value]) -> Vec<&Value> {
    events.iter().filter(|event| event["stage"] == "complete").collect()
}

#[tokio::test(start_paused = true)]
async fn what_a_process_that_has_stopped_began_is_closed_in_its_log_with_what_it_said() {
    let (store, clock) = (FaultyStore::default(), clock());
    let killed = Killed::new(&store, &clock).await;
    killed.begins(7, "long/eu").await;
    killed.says("audit.stopped").await;
    stop(&start(&store, &clock).await).await;
    let recorder = start(&store, &clock).await;
    sleep(3 * BEAT).await;
    stop(&recorder).await;

    let in_log = events(&store, "long/eu").await;
    assert_eq!(in_log.len(), 2, "{in_log:#?}");
    let event = &in_log[1];
    assert_eq!(event["begun_id"], Uuid::from_u128(7).to_string());
    assert_eq!((&event["outcome"], &event["stage"]), (&json!("unknown"), &json!("complete")));
    assert_eq!(event["error"]["code"], "audit.orphaned");
    for member in ["action", "actor", "resource", "tenant", "operation_id", "category", "retention"]
    {
        assert_eq!(event[member], in_log[0][member], "{member}");
    }
    assert_eq!(event["producer"]["id"], "host-1");
    let own = events(&store, "audit").await;
    assert_eq!(members(&own, "/action"), ["audit.reconciled"]);
    assert_eq!(own[0]["metadata"], json!({"closed": 1, "up_to": {format!("{ORIGIN}/long/eu"): 2}}));
}

#[tokio::test(start_paused = true)]
async fn a_process_is_given_three_signs_of_life() {
    let (store, clock) = (FaultyStore::default(), clock());
    Killed::new(&store, &clock).await.begins(7, "standard").await;
    let recorder = start(&store, &clock).await;
    for _ in 0..5 {
        pass(&clock, BEAT).await;
    }
    assert_eq!(events(&store, "standard").await.len(), 1);
    // Its own are 20 seconds apart.
    for _ in 0..4 {
        pass(&clock, BEAT).await;
    }
    stop(&recorder).await;
    assert_eq!(members(&events(&store, "standard").await, "/outcome"), ["-", "unknown"]);
}

#[tokio::test(start_paused = true)]
async fn a_process_that_is_there_has_until_the_limit() {
    let (store, clock) = (FaultyStore::default(), clock());
    let killed = Killed::new(&store, &clock).await;
    killed.begins(7, "standard").await;
    let recorder = start(&store, &clock).await;
    let own = Pending::begin_strict(&recorder, Event::builder("own.slow")).await.unwrap();
    for _ in 0..57 {
        pass(&clock, BEAT).await;
        killed.says("audit.heartbeat").await;
    }
    assert_eq!(completions(&events(&store, "standard").await), Vec::<&Value>::new());
    for _ in 0..6 {
        pass(&clock, BEAT).await;
        killed.says("audit.heartbeat").await;
    }
    let in_log = events(&store, "standard").await;
    assert_eq!(completions(&in_log).len(), 2, "also that of the recorder that closes");
    // A late completion stands beside the other.
    own.finish_durable().await.unwrap();
    stop(&recorder).await;
    let in_log = events(&store, "standard").await;
    let of_own: Vec<_> =
        in_log.iter().filter(|event| event["begun_id"] == in_log[1]["id"]).collect();
    assert_eq!(of_own.len(), 2);
    assert_eq!(of_own[0]["error"]["code"], "audit.orphaned");
    assert!(of_own[1]["error"].is_null());
}

#[tokio::test(start_paused = true)]
async fn nothing_is_closed_twice_and_nobody_looks_again_at_what_is_over() {
    let (store, clock) = (FaultyStore::default(), clock());
    let killed = Killed::new(&store, &clock).await;
    for id in 1..=3 {
        killed.begins(id, "standard").await;
    }
    killed.says("audit.stopped").await;
    for _ in 0..3 {
        let recorder = start(&store, &clock).await;
        pass(&clock, 3 * BEAT).await;
        stop(&recorder).await;
    }
    let in_log = events(&store, "standard").await;
    assert_eq!(completions(&in_log).len(), 3);
    let own = events(&store, "audit").await;
    assert_eq!(members(&own, "/action"), ["audit.reconciled"]);
    // What stands before that is over, whatever it was: nobody goes there again. It is noted when it was seen.
    assert_eq!(own[0]["metadata"]["up_to"][format!("{ORIGIN}/standard")], 6);
}

#[tokio::test(start_paused = true)]
async fn of_two_that_close_at_once_the_log_takes_one() {
    let (store, clock) = (FaultyStore::default(), clock());
    let killed = Killed::new(&store, &clock).await;
    killed.begins(7, "standard").await;
    killed.says("audit.stopped").await;
    let (one, other) = (start(&store, &clock).await, start(&store, &clock).await);
    sleep(3 * BEAT).await;
    stop(&one).await;
    stop(&other).await;
    assert_eq!(completions(&events(&store, "standard").await).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_is_completed_leaves_no_trace_of_having_been_looked_at() {
    let (store, clock) = (FaultyStore::default(), clock());
    let recorder = start(&store, &clock).await;
    let pending = Pending::begin_strict(&recorder, Event::builder("a.b")).await.unwrap();
    pending.finish_durable().await.unwrap();
    for _ in 0..70 {
        pass(&clock, BEAT).await;
    }
    stop(&recorder).await;
    assert_eq!(events(&store, "standard").await.len(), 2);
    let words = all_events(&store, "audit").await;
    assert!(words.iter().all(|word| word["action"] != "audit.reconciled"));
}

#[tokio::test(start_paused = true)]
async fn a_completion_in_another_log_is_one() {
    let (store, clock) = (FaultyStore::default(), clock());
    let killed = Killed::new(&store, &clock).await;
    killed.begins(7, "standard").await;
    // As where the shard is known only when the operation is over.
    let mut event = Event::builder("invoice.approve");
    event.fields.begun_id = Some(Uuid::from_u128(7));
    killed.append(event, "standard/acme").await;
    killed.says("audit.stopped").await;
    let recorder = start(&store, &clock).await;
    sleep(3 * BEAT).await;
    stop(&recorder).await;
    assert_eq!(events(&store, "standard").await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn logs_of_another_recorder_are_left_to_that_one() {
    let (store, clock) = (FaultyStore::default(), clock());
    let killed = Killed::new(&store, &clock).await;
    // Its base is longer than this one's.
    killed.begins(7, "eu/standard").await;
    killed.says("audit.stopped").await;
    let recorder = start(&store, &clock).await;
    sleep(3 * BEAT).await;
    stop(&recorder).await;
    assert_eq!(events(&store, "eu/standard").await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn while_a_log_takes_nothing_nobody_is_taken_for_dead() {
    let (store, clock) = (FaultyStore::default(), clock());
    Killed::new(&store, &clock).await.begins(7, "standard").await;
    let recorder = start(&store, &clock).await;
    store.be_unavailable(usize::MAX);
    recorder.record(Event::builder("a.b")).await;
    for _ in 0..20 {
        pass(&clock, BEAT).await;
    }
    store.be_unavailable(0);
    stop(&recorder).await;
    assert_eq!(members(&events(&store, "standard").await, "/stage"), ["begun", "complete"]);
    assert_eq!(members(&events(&store, "standard").await, "/action")[1], "a.b");
}
