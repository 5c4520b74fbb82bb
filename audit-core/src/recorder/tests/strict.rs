//! Operations that must not run before the log says that they begin.

use std::time::Duration;

use super::faulty::FaultyStore;
use super::{builder, events, members, settle, start, stop};
use crate::event::{Event, EventBuilder, Outcome};
use crate::recorder::{NotRecorded, Pending, Refusal};

fn rotate() -> EventBuilder {
    Event::builder("key.rotate").resource("key", "k-3")
}

#[tokio::test(start_paused = true)]
async fn a_strict_operation_runs_between_its_two_entries() {
    let store = FaultyStore::default();
    let recorder = start(&store).await;
    let pending = Pending::begin_strict(&recorder, rotate()).await.unwrap();

    let begun = events(&store, "standard").await;
    assert_eq!(members(&begun, "/stage"), ["begun"]);
    assert_eq!(members(&begun, "/resource/id"), ["k-3"]);
    assert_eq!(members(&begun, "/outcome"), ["-"]);

    let pending = pending.with(|event| event.outcome(Outcome::Success));
    assert!(pending.is_awaited());
    assert_eq!(pending.finish_durable().await.unwrap().index, Some(1));
    let both = events(&store, "standard").await;
    assert_eq!(members(&both, "/stage"), ["begun", "complete"]);
    assert_eq!(both[1]["begun_id"], both[0]["id"]);
    assert_ne!(both[1]["id"], both[0]["id"]);
    assert_eq!(both[1]["outcome"], "success");
    assert!(both[0].get("duration_us").is_none() && both[1].get("duration_us").is_some());
    stop(&recorder).await;
}

#[tokio::test(start_paused = true)]
async fn an_operation_whose_beginning_is_not_committed_in_time_must_not_run_and_the_log_says_so() {
    let store = FaultyStore::default();
    let recorder = builder(&store).deadline(Duration::from_secs(1)).start().await.unwrap();
    store.hang(true);
    let refused = Pending::begin_strict(&recorder, rotate()).await.unwrap_err();
    assert_eq!(refused, NotRecorded::NotRun(Refusal::Deadline(Duration::from_secs(1))));

    // It was on its way all the same.
    store.hang(false);
    stop(&recorder).await;
    let both = events(&store, "standard").await;
    assert_eq!(members(&both, "/stage"), ["begun", "complete"]);
    assert_eq!(both[1]["begun_id"], both[0]["id"]);
    assert_eq!(members(&both, "/outcome"), ["-", "failure"]);
    assert_eq!(members(&both, "/error/code"), ["-", "audit.not_run"]);
}

#[tokio::test(start_paused = true)]
async fn an_operation_that_is_dropped_before_it_could_run_is_cancelled() {
    let store = FaultyStore::default();
    let recorder = start(&store).await;
    store.hang(true);
    let begin = Pending::begin_strict(&recorder, rotate());
    tokio::time::timeout(Duration::from_millis(1), begin).await.map(drop).unwrap_err();
    store.hang(false);
    stop(&recorder).await;
    let both = events(&store, "standard").await;
    assert_eq!(both[1]["begun_id"], both[0]["id"]);
    assert_eq!(members(&both, "/outcome"), ["-", "cancelled"]);
}

#[tokio::test(start_paused = true)]
async fn with_no_place_for_both_entries_nothing_is_begun() {
    let store = FaultyStore::default();
    let recorder = builder(&store).queue_capacity(1).start().await.unwrap();
    let refused = Pending::begin_strict(&recorder, rotate()).await.unwrap_err();
    assert_eq!(refused, NotRecorded::NotRun(Refusal::QueueFull));
    // The place that it had is free again.
    recorder.record(Event::builder("a.b")).await;
    stop(&recorder).await;
    assert_eq!(members(&events(&store, "standard").await, "/action"), ["a.b"]);
}

#[tokio::test(start_paused = true)]
async fn what_has_begun_in_the_log_is_completed_there_though_it_be_discarded() {
    let store = FaultyStore::default();
    let recorder = start(&store).await;
    for strict in [false, true] {
        let pending = match strict {
            true => Pending::begin_strict(&recorder, rotate()).await.unwrap(),
            false => Pending::begin_durable(&recorder, rotate()).await.unwrap(),
        };
        pending.inside().unwrap().heard().unwrap().draft().discarded = true;
        let pending = pending.with(|event| event.outcome(Outcome::Success));
        assert_eq!(pending.is_awaited(), strict);
        pending.finish();
        settle().await;
    }
    stop(&recorder).await;
    assert_eq!(members(&events(&store, "standard").await, "/stage"), ["begun", "complete"]);
}
