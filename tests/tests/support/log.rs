//! A log, read as a whole.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use audit_core::store::{Entry, Reader, Store};
use audit_core::verify::verify;
use audit_core::{Query, Recorder};
use serde_json::Value;

/// A recorder for the logs that all of these tests have.
pub(crate) async fn start(store: impl Store) -> Recorder {
    Recorder::builder(store).origin("test.example/audit").start().await.unwrap()
}

/// All entries of all logs, in the order in which they were recorded, but for what recorders say of themselves. The logs
/// are dense, no event is in them twice, and they verify.
pub(crate) async fn entries(reader: &Reader) -> Vec<Entry> {
    read(reader).await.into_iter().map(|(entry, _)| entry).collect()
}

/// With their events: to read a large log's once takes long enough.
async fn read(reader: &Reader) -> Vec<(Entry, Value)> {
    let mut query = Query::new().limit(1_000);
    let mut entries = Vec::new();
    loop {
        let page = reader.search(&query).await.unwrap();
        entries.extend(page.entries.into_iter().map(|entry| {
            let event = entry.event();
            (entry, event)
        }));
        match page.next {
            Some(next) => query = query.cursor(next),
            None => break,
        }
    }
    entries.reverse();

    let mut ids = BTreeSet::new();
    let mut ends: BTreeMap<_, u64> = BTreeMap::new();
    for (entry, event) in &entries {
        let end = ends.entry(entry.log.clone()).or_default();
        assert_eq!(entry.index, *end, "in {}", entry.log);
        *end += 1;
        assert!(ids.insert(event["id"].to_string()), "twice: {event}");
    }
    let report = verify(reader).await.unwrap();
    assert!(report.is_clean(), "{report}");
    for log in report.logs {
        assert_eq!(log.size, Some(ends.remove(&log.log).unwrap_or(0)), "of {}", log.log);
    }
    assert!(ends.is_empty(), "{ends:?}");
    entries.retain(|(_, event)| !is_lifecycle(event));
    entries
}

/// The events of all logs, in the order in which they were recorded, once all are in.
pub(crate) async fn events(recorder: &Recorder) -> Vec<Value> {
    recorder.shutdown(Duration::from_secs(30)).await.unwrap();
    read(&recorder.reader()).await.into_iter().map(|(_, event)| event).collect()
}

/// Whether a recorder says this of itself, unasked.
fn is_lifecycle(event: &Value) -> bool {
    matches!(text(event, "/action"), "audit.started" | "audit.heartbeat" | "audit.stopped")
}

/// A text within an event; empty where there is none.
pub(crate) fn text<'a>(event: &'a Value, pointer: &str) -> &'a str {
    event.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

/// The newest event with this action, as soon as there is one.
pub(crate) async fn found(recorder: &Recorder, action: &str) -> Value {
    let (reader, query) = (recorder.reader(), Query::new().action(action).limit(1));
    let search = async {
        loop {
            let page = reader.search(&query).await.unwrap();
            if let Some(entry) = page.entries.first() {
                return entry.event();
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), search).await.unwrap()
}
