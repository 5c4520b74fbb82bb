//! A spool in a SQLite file.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::sqlite::{SqliteConnection, SqliteJournalMode, SqliteRow};
use sqlx::{ConnectOptions as _, Connection as _};
use tokio::sync::Mutex;
use uuid::Uuid;

use super::errors::meaning;
use super::insert::{self, Insert, Statements, statements, twice};
use super::open::Source;
use super::{LOCK, read};
use crate::event::EncodedEvent;
use crate::store::doing::Doing;
use crate::store::{Spool, Spooled, StoreError};

/// In a file of its own, or in any other: it meets no table of a log's.
const TABLE: &str = "CREATE TABLE IF NOT EXISTS audit_spool (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    origin   TEXT NOT NULL,
    class    TEXT NOT NULL,
    event_id BLOB NOT NULL CHECK (length(event_id) = 16),
    canon    TEXT NOT NULL,
    openings TEXT
) STRICT";

const PUT: Statements = statements!(
    "INSERT INTO audit_spool (origin, class, event_id, canon, openings) VALUES ",
    "(?,?,?,?,?)"
);

/// Those of the logs whose names begin alike.
const FIRST: &str = "SELECT id, origin, class, event_id, canon, openings FROM audit_spool \
     WHERE substr(origin, 1, length(?1)) = ?1 ORDER BY id LIMIT ?2";

const COUNT: &str = "SELECT count(*) FROM audit_spool WHERE substr(origin, 1, length(?1)) = ?1";

/// The keys come as a JSON array.
const REMOVE: &str = "DELETE FROM audit_spool WHERE id IN (SELECT value FROM json_each(?))";

/// How long it waits for another process that writes into the same file.
const BUSY: Duration = Duration::from_secs(5);

/// SQLite's pages, as it makes them unless told otherwise.
const PAGE: u64 = 4_096;

/// Most bytes of a spool's file, unless it is told otherwise.
const MOST: u64 = 1 << 30;

/// A [`Spool`] in a SQLite file on the local disk. Whoever can read the file can read the events, with their personal
/// values, until they are in their logs.
///
/// ```no_run
/// use audit_core::Recorder;
/// use audit_core::store::{PostgresStore, SqliteSpool};
///
/// # async fn start() -> Result<(), Box<dyn std::error::Error>> {
/// let recorder = Recorder::builder(PostgresStore::open("postgres://billing@db/billing").await?)
///     .origin("billing.example/audit")
///     .spool(SqliteSpool::open("/var/lib/billing/audit-spool.db").await?)
///     .start()
///     .await?;
/// # Ok(())
/// # }
/// ```
pub struct SqliteSpool {
    doing: Doing,
    connection: Mutex<SqliteConnection>,
}

impl fmt::Debug for SqliteSpool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteSpool").field("doing", &self.doing).finish_non_exhaustive()
    }
}

impl SqliteSpool {
    /// Opens a spool, or makes one, of at most 1 GiB.
    ///
    /// # Errors
    /// [`StoreError`] where the file cannot be used.
    pub async fn open(path: &str) -> Result<Self, StoreError> {
        Self::open_with_limit(path, MOST).await
    }

    /// The same, of at most so many bytes, and its write-ahead log beside it. What finds no room is refused, as where the
    /// disk is full.
    ///
    /// # Errors
    /// [`StoreError`] where the file cannot be used.
    pub async fn open_with_limit(path: &str, bytes: u64) -> Result<Self, StoreError> {
        let source = Source::of(path, BUSY)?;
        let doing = Doing::new("use the spool", &source.file, meaning);
        let options = source.options.create_if_missing(true).journal_mode(SqliteJournalMode::Wal);
        let options = options.pragma("max_page_count", (bytes / PAGE).max(16).to_string());
        let mut connection = options.connect().await.map_err(|error| doing.failed(error))?;
        let made = sqlx::query(TABLE).execute(&mut connection).await;
        made.map_err(|error| doing.failed(error))?;
        Ok(Self { doing, connection: Mutex::new(connection) })
    }
}

#[async_trait]
impl Spool for SqliteSpool {
    async fn put(&self, events: &[(Arc<str>, &EncodedEvent)]) -> Result<(), StoreError> {
        let failed = |error| self.doing.failed(error);
        let mut connection = self.connection.lock().await;
        let mut transaction = connection.begin_with(LOCK).await.map_err(failed)?;
        let bind = |insert: Insert, (origin, event): &(Arc<str>, &EncodedEvent)| {
            let insert = insert.bind(origin.to_string()).bind(event.class.clone());
            let insert = insert.bind(event.id.as_bytes().to_vec()).bind(event.canon.clone());
            insert.bind(event.openings.clone())
        };
        insert::all(&mut transaction, &PUT, events, bind).await.map_err(failed)?;
        transaction.commit().await.map_err(failed)
    }

    async fn first(&self, base: &str, limit: u32) -> Result<Vec<Spooled>, StoreError> {
        let mut connection = self.connection.lock().await;
        let rows = sqlx::query(FIRST).bind(base).bind(limit).fetch_all(&mut *connection).await;
        let rows = rows.map_err(|error| self.doing.failed(error))?;
        let spooled: Option<_> = rows.iter().map(spooled).collect();
        spooled.ok_or_else(|| self.doing.damaged("an event in it cannot be read"))
    }

    async fn count(&self, base: &str) -> Result<u64, StoreError> {
        let mut connection = self.connection.lock().await;
        let count = sqlx::query_scalar::<_, i64>(COUNT).bind(base).fetch_one(&mut *connection);
        let count = count.await.map_err(|error| self.doing.failed(error))?;
        u64::try_from(count).map_err(|_| self.doing.damaged("it cannot be counted"))
    }

    async fn remove(&self, keys: &[i64]) -> Result<(), StoreError> {
        let keys: Vec<_> = keys.iter().map(i64::to_string).collect();
        let mut connection = self.connection.lock().await;
        let delete = sqlx::query(REMOVE).bind(format!("[{}]", keys.join(",")));
        let done = delete.execute(&mut *connection).await;
        done.map(drop).map_err(|error| self.doing.failed(error))
    }
}

fn spooled(row: &SqliteRow) -> Option<Spooled> {
    let id = Uuid::from_slice(&read::field::<Vec<u8>>(row, 3)?).ok()?;
    Some(Spooled {
        key: read::field(row, 0)?,
        origin: read::field(row, 1)?,
        event: EncodedEvent {
            id,
            class: read::field(row, 2)?,
            canon: read::field(row, 4)?,
            openings: read::optional(row, 5)?,
        },
    })
}
