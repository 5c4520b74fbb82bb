//! What only a SQLite file can show.

mod files;
mod locking;
mod plans;
mod protection;
mod spool;
mod terms;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};
use tempfile::TempDir;
use uuid::Uuid;

use super::SqliteStore;
use crate::event::{Event, Producer, error_text};
use crate::store::{Leaf, LogId, Store as _, StoreError};
use crate::testing::conformance::{at, leaves};

/// A store in a file of its own, which is removed with the folder.
pub(crate) async fn new_store() -> (SqliteStore, TempDir) {
    let folder = TempDir::new().unwrap();
    let store = open(&file_in(&folder)).await;
    (store, folder)
}

fn file_in(folder: &TempDir) -> PathBuf {
    folder.path().join("audit.db")
}

async fn open(file: &Path) -> SqliteStore {
    SqliteStore::open(file.to_str().unwrap()).await.unwrap()
}

/// Leaves with a tag each. Only the first of each tag is made: the others have its bytes, and an id of their own.
fn leaves_of(count: u64, tag: impl Fn(u64) -> &'static str) -> Vec<Leaf> {
    let mut made = BTreeMap::new();
    let leaf = |index: u64| {
        let of_tag = made.entry(tag(index)).or_insert_with_key(|tag| {
            let event = Event::builder("a.b").tag(*tag).build().unwrap();
            Leaf::of(&event, &Producer::new("test"), 0)
        });
        let mut leaf = of_tag.clone();
        leaf.columns.event_id = Uuid::from_u128(index.into());
        leaf.event.id = leaf.columns.event_id;
        leaf
    };
    (0..count).map(leaf).collect()
}

/// A store that waits only briefly for a lock.
async fn open_impatient(file: &Path) -> SqliteStore {
    let waiting = Duration::from_millis(50);
    SqliteStore::open_waiting(file.to_str().unwrap(), waiting).await.unwrap()
}

/// A store with one log of so many entries.
async fn store_of(entries: u64) -> (SqliteStore, LogId, TempDir) {
    let (store, folder) = new_store().await;
    let log = store.open_log("test/audit/standard", "standard").await.unwrap();
    store.append(log, &leaves(entries), at(0)).await.unwrap();
    (store, log, folder)
}

/// A connection of somebody else's: the application, or whoever has got hold of the file.
async fn stranger(folder: &TempDir) -> SqliteConnection {
    SqliteConnectOptions::new()
        .filename(file_in(folder))
        .create_if_missing(true)
        .connect()
        .await
        .unwrap()
}

/// Runs SQL and answers with SQLite's message where it refuses.
#[expect(clippy::disallowed_methods, reason = "tests write their SQL as they go")]
async fn execute(connection: &mut SqliteConnection, sql: &str) -> Result<u64, String> {
    let done = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *connection).await;
    done.map(|done| done.rows_affected()).map_err(|error| error.to_string())
}

/// Runs SQL in the file of a store.
async fn meddle(folder: &TempDir, sql: &str) {
    let mut connection = stranger(folder).await;
    execute(&mut connection, sql).await.unwrap();
    connection.close().await.unwrap();
}

/// Kind and full text of an error; the text must name the file.
fn told(error: &StoreError, file: &Path) -> String {
    let text = error_text(error);
    assert!(text.contains(file.to_str().unwrap()), "{text}");
    text
}
