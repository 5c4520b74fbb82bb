//! A log in a database of a test's own.

use std::time::Duration;

use audit_core::event::EventBuilder;
use audit_core::recorder::RecorderBuilder;
use audit_core::store::Entry;
use audit_core::{Query, Recorder, actions};
use serde_json::Value;

use super::database::Database;

pub(super) struct Log {
    pub(super) recorder: Recorder,
    pub(super) database: Database,
}

impl Log {
    /// Nothing where there is no server, which is said.
    pub(super) async fn new() -> Option<Self> {
        Self::told(|builder| builder).await
    }

    /// With a recorder that is told something more.
    pub(super) async fn told(
        tell: impl FnOnce(RecorderBuilder) -> RecorderBuilder,
    ) -> Option<Self> {
        let database = Database::new().await?;
        let builder = Recorder::builder(database.store().await).origin("test.example/audit");
        let recorder = tell(builder.catalogue(actions::ALL)).start().await.unwrap();
        Some(Self { recorder, database })
    }

    /// What becomes of an event.
    pub(super) async fn entry(&self, event: EventBuilder) -> Entry {
        let receipt = self.recorder.record_durable(event).await.unwrap();
        let mut entries = self.search(Query::new().event_id(receipt.event_id)).await;
        assert_eq!(entries.len(), 1);
        entries.remove(0)
    }

    /// The same, as it says it.
    pub(super) async fn event(&self, event: EventBuilder) -> Value {
        self.entry(event).await.event()
    }

    /// What is found now.
    pub(super) async fn search(&self, query: Query) -> Vec<Entry> {
        self.recorder.reader().search(&query).await.unwrap().entries
    }

    /// The ids of the resources of which events are found.
    pub(super) async fn ids(&self, query: Query) -> Vec<String> {
        let id = |entry: &Entry| entry.event()["resource"]["id"].as_str().unwrap_or("-").to_owned();
        self.search(query).await.iter().map(id).collect()
    }

    /// The events of an action, newest first, once all is recorded.
    pub(super) async fn recorded(&self, action: &str) -> Vec<Value> {
        self.recorder.shutdown(Duration::from_secs(30)).await.unwrap();
        self.search(Query::new().action(action)).await.iter().map(Entry::event).collect()
    }
}

/// An event says this, at these places.
pub(super) fn assert_says<const N: usize>(event: &Value, said: [(&str, Value); N]) {
    for (pointer, value) in said {
        assert_eq!(event.pointer(pointer), Some(&value), "{pointer} of {event:#}");
    }
}
