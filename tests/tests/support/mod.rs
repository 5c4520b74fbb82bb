//! What the tests share.

use audit_core::recorder::RecorderBuilder;
use audit_core::store::MemoryStore;
use audit_core::{Query, Recorder};
use serde_json::Value;
use std::time::Duration;

/// A recorder over a log in memory.
pub(crate) fn recorder() -> RecorderBuilder {
    Recorder::builder(MemoryStore::new()).origin("test.example/audit").producer("test")
}

/// All events of all logs, in the order in which they were recorded, once all are in.
pub(crate) async fn events(recorder: &Recorder) -> Vec<Value> {
    recorder.shutdown(Duration::from_secs(10)).await.unwrap();
    let page = recorder.reader().search(&Query::new().limit(1_000)).await.unwrap();
    let mut events: Vec<_> = page.entries.iter().map(audit_core::store::Entry::event).collect();
    events.reverse();
    events
}

/// The one event that there is.
pub(crate) async fn only_event(recorder: &Recorder) -> Value {
    let mut events = events(recorder).await;
    assert_eq!(events.len(), 1, "{events:#?}");
    events.remove(0)
}
