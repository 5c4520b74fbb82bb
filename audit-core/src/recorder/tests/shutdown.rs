//! The end of a recorder: what it waits for, what it refuses, what it leaves.

use std::time::Duration;

use super::faulty::FaultyStore;
use super::{builder, events, members, settle, start, stop};
use crate::event::Event;
use crate::recorder::{NotRecorded, Pending, Refusal, ShutdownError, StartError};

const LONG: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn a_shutdown_drains_the_queue_and_waits_for_operations_that_are_running() {
    let store = FaultyStore::default();
    let recorder = start(&store).await;
    for _ in 0..10 {
        recorder.record(Event::builder("a.queued")).await;
    }
    let running = Pending::begin_durable(&recorder, Event::builder("a.running")).await.unwrap();
    let operation = async {
        tokio::time::sleep(Duration::from_secs(30)).await;
        // No longer taken, while the running one still is.
        let refused = recorder.record_durable(Event::builder("a.later")).await;
        assert_eq!(refused.unwrap_err(), NotRecorded::NotRun(Refusal::Stopped));
        running.finish_durable().await.unwrap().index
    };
    let (done, index) = tokio::join!(recorder.shutdown(LONG), operation);
    assert_eq!((done, index), (Ok(()), Some(10)));
    assert_eq!(events(&store, "standard").await.len(), 11);
    assert_eq!(recorder.shutdown(LONG).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn events_after_a_shutdown_are_counted() {
    let store = FaultyStore::default();
    let recorder = start(&store).await;
    stop(&recorder).await;
    recorder.record(Event::builder("a.b")).await;
    recorder.record(Event::builder("a.b")).await;
    let refused = recorder.record_durable(Event::builder("a.b")).await.unwrap_err();
    assert_eq!(refused, NotRecorded::NotRun(Refusal::Stopped));
    assert!(events(&store, "standard").await.is_empty());
    let gap = recorder.shared.intake.take_gap().unwrap();
    assert_eq!(gap.fields.metadata["count"], 2);
    assert_eq!(gap.fields.metadata["reason"], Refusal::Stopped.to_string());
}

#[tokio::test(start_paused = true)]
async fn events_lost_during_a_shutdown_are_counted_in_its_last_entry() {
    let store = FaultyStore::default();
    let recorder = start(&store).await;
    let running = Pending::begin(&recorder, Event::builder("a.running")).await;
    let operation = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        recorder.record(Event::builder("a.lost")).await;
        running.finish();
    };
    let (done, ()) = tokio::join!(recorder.shutdown(LONG), operation);
    assert_eq!(done, Ok(()));
    assert_eq!(events(&store, "audit").await[0]["metadata"]["count"], 1);
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_that_runs_out_of_time_says_how_many_events_are_left() {
    let store = FaultyStore::default();
    let recorder = start(&store).await;
    store.hang(true);
    for _ in 0..3 {
        recorder.record(Event::builder("a.queued")).await;
    }
    settle().await;
    recorder.record(Event::builder("a.queued")).await;
    let running = Pending::begin(&recorder, Event::builder("a.running")).await;
    let begun = tokio::time::Instant::now();
    assert_eq!(recorder.shutdown(Duration::from_secs(7)).await, Err(ShutdownError { left: 5 }));
    assert_eq!(begun.elapsed().as_millis(), 7_000);
    drop(running);
}

#[tokio::test(start_paused = true)]
async fn the_logs_own_events_and_lost_ones_do_not_blur_the_count_of_those_that_are_left() {
    let store = FaultyStore::default();
    store.refuse("poison.pill", "no");
    let recorder = builder(&store).queue_capacity(1).start().await.unwrap();
    assert!(recorder.record_durable(Event::builder("poison.pill")).await.is_err());
    let running = Pending::begin(&recorder, Event::builder("a.running")).await;
    recorder.record(Event::builder("a.lost")).await;
    settle().await;
    assert_eq!(members(&events(&store, "audit").await, "/action"), ["audit.rejected"]);
    assert_eq!(recorder.shutdown(Duration::from_secs(7)).await, Err(ShutdownError { left: 1 }));
    drop(running);
}

#[tokio::test(start_paused = true)]
async fn a_durable_caller_whose_recorder_cannot_end_is_told_after_its_deadline() {
    let store = FaultyStore::default();
    let deadline = Duration::from_secs(3);
    let recorder = builder(&store).deadline(deadline).start().await.unwrap();
    store.hang(true);
    let caller = recorder.record_durable(Event::builder("a.b"));
    let (answer, done) = tokio::join!(caller, async {
        settle().await;
        recorder.shutdown(Duration::from_secs(1)).await
    });
    assert!(
        matches!(&answer, Err(NotRecorded::RanButUnrecorded { why, .. }) if *why == Refusal::Deadline(deadline)),
        "{answer:?}"
    );
    assert_eq!(done, Err(ShutdownError { left: 1 }));
}

#[tokio::test(start_paused = true)]
async fn a_recorder_that_is_dropped_without_a_shutdown_still_drains() {
    let store = FaultyStore::default();
    let recorder = start(&store).await;
    recorder.record(Event::builder("a.queued")).await;
    let running = Pending::begin(&recorder, Event::builder("a.running")).await;
    drop(recorder);
    settle().await;
    running.finish();
    settle().await;
    assert_eq!(members(&events(&store, "standard").await, "/action"), ["a.queued", "a.running"]);
}

#[tokio::test(start_paused = true)]
async fn a_recorder_without_a_usable_name_for_its_logs_does_not_start() {
    let long = "x".repeat(201);
    for origin in ["", "a b", "a+b", "a\nb", &long] {
        let error = crate::Recorder::builder(FaultyStore::default())
            .origin(origin)
            .start()
            .await
            .unwrap_err();
        assert!(matches!(error, StartError::Origin(_)), "{origin}");
        assert!(!error.to_string().contains('\n'));
    }
}

#[tokio::test(start_paused = true)]
async fn a_further_shutdown_waits_for_the_same_end() {
    let store = FaultyStore::default();
    let recorder = start(&store).await;
    let running = Pending::begin(&recorder, Event::builder("a.running")).await;
    let short = Duration::from_secs(1);
    assert_eq!(recorder.shutdown(short).await, Err(ShutdownError { left: 1 }));
    assert_eq!(recorder.shutdown(short).await, Err(ShutdownError { left: 1 }));
    let operation = async {
        tokio::time::sleep(short).await;
        running.finish();
    };
    let ends = tokio::join!(recorder.shutdown(LONG), recorder.shutdown(LONG), operation);
    assert_eq!((ends.0, ends.1), (Ok(()), Ok(())));
    assert_eq!(events(&store, "standard").await.len(), 1);
}
