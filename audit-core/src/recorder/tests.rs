//! Tests of recorder and appender, over a store in memory that can be made to fail.
//!
//! Time is tokio's paused one: it goes on only when every task waits, so that no test sleeps and hopes.

mod batches;
mod catalogue;
mod closed;
mod delivery;
mod edges;
mod faults;
mod faulty;
mod faulty_spool;
mod health;
mod interleavings;
mod lifecycle;
mod pendings;
mod queue;
mod reconciling;
mod scopes;
mod set_aside;
mod shutdown;
mod spooling;
mod strict;

use std::time::Duration;

use serde_json::Value;

use super::{Recorder, RecorderBuilder};
use crate::__private::{Run, Site, Verdict};
use crate::event::open_all;
use crate::store::{Row, Store};
use crate::testing::ManualClock;
use faulty::{FaultyStore, is_lifecycle};

pub(super) const ORIGIN: &str = "test.example/audit";

/// Nanoseconds that no microsecond column can hold.
pub(super) fn clock() -> ManualClock {
    ManualClock::new("2026-01-02T03:04:05.000000999Z".parse().unwrap())
}

pub(super) fn builder(store: &FaultyStore) -> RecorderBuilder {
    Recorder::builder(store.clone()).origin(ORIGIN).producer("host-1").clock(clock())
}

pub(super) async fn start(store: &FaultyStore) -> Recorder {
    builder(store).start().await.unwrap()
}

pub(super) async fn stop(recorder: &Recorder) {
    recorder.shutdown(Duration::from_secs(60)).await.unwrap();
}

/// Lets every task run until it waits for something.
pub(super) async fn settle() {
    tokio::time::sleep(Duration::from_nanos(1)).await;
}

/// The rows of a class, by index.
pub(super) async fn rows(store: &FaultyStore, class: &str) -> Vec<Row> {
    let origin = format!("{ORIGIN}/{class}");
    let log = store.logs().await.unwrap().into_iter().find(|log| log.origin == origin).unwrap();
    let rows = store.read(log.id, 0, 1_000_000).await.unwrap();
    assert!(rows.iter().zip(0..).all(|(row, index)| row.index == index));
    rows
}

/// The events of a class, by index, with their personal values; but for what recorders say of themselves.
pub(super) async fn events(store: &FaultyStore, class: &str) -> Vec<Value> {
    let mut events = all_events(store, class).await;
    events.retain(|event| !event["action"].as_str().is_some_and(is_lifecycle));
    events
}

pub(super) async fn all_events(store: &FaultyStore, class: &str) -> Vec<Value> {
    let event = |row: Row| {
        let mut event: Value = serde_json::from_slice(&row.canon).unwrap();
        for opening in row.openings.iter().flat_map(|openings| open_all(openings).unwrap()) {
            *event.pointer_mut(&opening.pointer).unwrap() = opening.value;
        }
        event
    };
    rows(store, class).await.into_iter().map(event).collect()
}

/// One member of each event.
pub(super) fn members<'a>(events: &'a [Value], pointer: &str) -> Vec<&'a str> {
    events
        .iter()
        .map(|event| event.pointer(pointer).and_then(Value::as_str).unwrap_or("-"))
        .collect()
}

/// A call of an annotated function, as the attribute writes it.
pub(super) async fn call<T>(
    (site, action): (&'static Site, &'static str),
    body: impl Future<Output = T>,
) -> T {
    let body = std::pin::pin!(Some(body));
    let (call, output) = Run::new(site.facts(action.into()).begin().await, body).await;
    call.finish(Verdict::success());
    output
}
