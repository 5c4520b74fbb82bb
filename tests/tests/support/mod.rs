//! What the tests share.

use audit_core::recorder::RecorderBuilder;
use audit_core::store::{MemoryStore, SqliteStore};
use audit_core::{Query, Recorder};
use serde_json::Value;
use sqlx::ConnectOptions as _;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use std::time::Duration;
use tempfile::TempDir;

/// A recorder over a log in memory.
pub(crate) fn recorder() -> RecorderBuilder {
    Recorder::builder(MemoryStore::new()).origin("test.example/audit").producer("test")
}

/// All events of all logs, in the order in which they were recorded, once all are in.
pub(crate) async fn events(recorder: &Recorder) -> Vec<Value> {
    recorder.shutdown(Duration::from_secs(10)).await.unwrap();
    let page = recorder.reader().search(&Query::new().limit(1_000)).await.unwrap();
    let mut events: Vec<_> = page.entries.iter().map(audit_core::store::Entry::event).collect();
    // Without what the recorder says of itself.
    events.retain(|event| {
        !["audit.started", "audit.stopped"].contains(&event["action"].as_str().unwrap())
    });
    events.reverse();
    events
}

/// The one event that there is.
pub(crate) async fn only_event(recorder: &Recorder) -> Value {
    let mut events = events(recorder).await;
    assert_eq!(events.len(), 1, "{events:#?}");
    events.remove(0)
}

/// A log in a SQLite file in which nothing can be written, because somebody else has begun to write.
pub(crate) struct Blocked {
    pub(crate) recorder: Recorder,
    // Dropped before the folder is.
    writer: SqliteConnection,
    _folder: TempDir,
}

impl Blocked {
    pub(crate) async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("audit.db");
        let store = SqliteStore::open(path.to_str().unwrap()).await.unwrap();
        let recorder = Recorder::builder(store).origin("test.example/audit");
        let recorder = recorder.deadline(Duration::from_millis(100)).start().await.unwrap();
        let mut writer = SqliteConnectOptions::new().filename(&path).connect().await.unwrap();
        sqlx::query("BEGIN IMMEDIATE").execute(&mut writer).await.unwrap();
        Self { recorder, writer, _folder: folder }
    }

    /// Lets the log be written again.
    pub(crate) async fn unblock(&mut self) {
        sqlx::query("ROLLBACK").execute(&mut self.writer).await.unwrap();
    }
}
