//! A spool in a SQLite file.

use std::fs::{self, OpenOptions};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use std::{fmt, io};

use async_trait::async_trait;
use sqlx::Connection as _;
use sqlx::sqlite::{SqliteConnection, SqliteJournalMode, SqliteRow};
use uuid::Uuid;

use super::errors::meaning;
use super::insert::{self, Insert, Inserts};
use super::open::Source;
use super::{LOCK, read};
use crate::event::EncodedEvent;
use crate::store::connections::{Connections, Loan};
use crate::store::doing::Doing;
use crate::store::{Held, Spool, Spooled, StoreError, StoreErrorKind};

const TABLE: &str = "CREATE TABLE IF NOT EXISTS audit_spool (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    recorder TEXT NOT NULL,
    origin   TEXT NOT NULL,
    class    TEXT NOT NULL,
    event_id BLOB NOT NULL CHECK (length(event_id) = 16),
    canon    TEXT NOT NULL,
    openings TEXT,
    held     INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX IF NOT EXISTS audit_spool_of ON audit_spool (recorder, held);";

const PUT: Inserts = Inserts {
    into: "INSERT INTO audit_spool (recorder, origin, class, event_id, canon, openings)",
    row: "(?,?,?,?,?,?)",
};

const FIRST: &str = "SELECT id, origin, class, event_id, canon, openings FROM audit_spool \
     WHERE recorder = ? AND held = 0 AND id > ? ORDER BY id LIMIT ?";

const COUNT: &str = "SELECT count(*) FROM audit_spool WHERE recorder = ? AND held = 0 AND id > ?";

/// The keys come as a JSON array.
const HOLD: &str = "UPDATE audit_spool SET held = 1 WHERE id IN (SELECT value FROM json_each(?))";

const HELD: &str = "SELECT DISTINCT origin, class FROM audit_spool WHERE recorder = ? AND held = 1";

const RELEASE: &str =
    "UPDATE audit_spool SET held = 0 WHERE recorder = ? AND held = 1 AND origin = ?";

/// The keys come as a JSON array.
const REMOVE: &str = "DELETE FROM audit_spool WHERE id IN (SELECT value FROM json_each(?))";

/// What is left of events in the file is overwritten, and in the write-ahead log cut off when the spool is empty.
const EMPTIED: &str = "SELECT NOT EXISTS (SELECT 1 FROM audit_spool)";
const CUT_OFF: &str = "PRAGMA wal_checkpoint(TRUNCATE)";

/// How long it waits for another process that writes into the same file.
const BUSY: Duration = Duration::from_secs(5);

/// SQLite's pages, as it makes them unless told otherwise.
const PAGE: u64 = 4_096;

/// Most bytes of a spool's file, unless it is told otherwise.
const MOST: u64 = 1 << 30;

/// A [`Spool`] in a SQLite file of its own on the local disk. Whoever can read the file can read the events, with their
/// personal values, until they are in their logs: on Unix that is its owner.
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
    // One that has failed is closed: SQLite may have rolled back by itself.
    connections: Connections<SqliteConnection>,
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
        private(source.options.get_filename()).map_err(|error| {
            let error =
                StoreError::new(StoreErrorKind::Unavailable, "make the file").caused_by(error);
            doing.because(error)
        })?;
        let made = source.make(BUSY, &doing).await?;
        made.close().await.map_err(|error| doing.failed(error))?;
        let options = source.options.journal_mode(SqliteJournalMode::Wal);
        let options = options.pragma("max_page_count", (bytes / PAGE).max(16).to_string());
        let spool =
            Self { doing, connections: Connections::new(options.pragma("secure_delete", "on"), 1) };
        let mut loan = spool.take().await?;
        let made = sqlx::raw_sql(TABLE).execute(&mut loan.connection).await;
        made.map_err(|error| spool.doing.failed(error))?;
        loan.give_back();
        Ok(spool)
    }

    async fn take(&self) -> Result<Loan<'_, SqliteConnection>, StoreError> {
        self.connections.take().await.map_err(|error| self.doing.failed(error))
    }
}

/// Makes the file, for its owner alone, before anything is in it; or makes one that is there its owner's alone. That one is not opened: to close it
/// would end the locks that this process may have on it.
fn private(file: &Path) -> io::Result<()> {
    if file.exists() {
        return keep_others_out(file);
    }
    let mut options = OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(file).map(drop)
}

#[cfg(unix)]
fn keep_others_out(file: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    // SQLite's own files are beside the file that a link leads to.
    let file = file.canonicalize()?;
    for end in ["", "-wal", "-shm"] {
        let mut name = file.clone().into_os_string();
        name.push(end);
        match fs::metadata(&name) {
            Ok(found) if found.is_file() && found.permissions().mode() & 0o077 != 0 => {
                fs::set_permissions(&name, fs::Permissions::from_mode(0o600))?;
            }
            // These come and go.
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(not(unix))]
fn keep_others_out(_file: &Path) -> io::Result<()> {
    Ok(())
}

#[async_trait]
impl Spool for SqliteSpool {
    async fn put(
        &self,
        recorder: &str,
        events: &[(Arc<str>, &EncodedEvent)],
    ) -> Result<(), StoreError> {
        let failed = |error| self.doing.failed(error);
        let mut loan = self.take().await?;
        let mut transaction = loan.connection.begin_with(LOCK).await.map_err(failed)?;
        let bind = |insert: Insert, (origin, event): &(Arc<str>, &EncodedEvent)| {
            let insert = insert.bind(recorder.to_owned()).bind(origin.to_string());
            let insert = insert.bind(event.class.clone()).bind(event.id.as_bytes().to_vec());
            insert.bind(event.canon.clone()).bind(event.openings.clone())
        };
        insert::all(&mut transaction, &PUT, events, bind).await.map_err(failed)?;
        transaction.commit().await.map_err(failed)?;
        loan.give_back();
        Ok(())
    }

    async fn first(
        &self,
        recorder: &str,
        behind: i64,
        limit: u32,
    ) -> Result<Vec<Spooled>, StoreError> {
        let mut loan = self.take().await?;
        let query = sqlx::query(FIRST).bind(recorder).bind(behind).bind(limit);
        let rows = query.fetch_all(&mut loan.connection).await;
        let rows = rows.map_err(|error| self.doing.failed(error))?;
        loan.give_back();
        let spooled: Option<_> = rows.iter().map(spooled).collect();
        spooled.ok_or_else(|| self.doing.damaged("a key in it cannot be read"))
    }

    async fn count(&self, recorder: &str, behind: i64) -> Result<u64, StoreError> {
        let mut loan = self.take().await?;
        let count = sqlx::query_scalar::<_, i64>(COUNT).bind(recorder).bind(behind);
        let count = count.fetch_one(&mut loan.connection).await;
        let count = count.map_err(|error| self.doing.failed(error))?;
        loan.give_back();
        u64::try_from(count).map_err(|_| self.doing.damaged("it cannot be counted"))
    }

    async fn remove(&self, keys: &[i64]) -> Result<(), StoreError> {
        let failed = |error| self.doing.failed(error);
        let mut loan = self.take().await?;
        let delete = sqlx::query(REMOVE).bind(array(keys));
        delete.execute(&mut loan.connection).await.map_err(failed)?;
        let is_empty = sqlx::query_scalar::<_, bool>(EMPTIED).fetch_one(&mut loan.connection);
        if is_empty.await.map_err(failed)? {
            // Where somebody else reads, the next time will do.
            sqlx::query(CUT_OFF).execute(&mut loan.connection).await.map_err(failed)?;
        }
        loan.give_back();
        Ok(())
    }

    async fn hold(&self, keys: &[i64]) -> Result<(), StoreError> {
        let mut loan = self.take().await?;
        let done = sqlx::query(HOLD).bind(array(keys)).execute(&mut loan.connection).await;
        done.map_err(|error| self.doing.failed(error))?;
        loan.give_back();
        Ok(())
    }

    async fn held(&self, recorder: &str) -> Result<Vec<Held>, StoreError> {
        let mut loan = self.take().await?;
        let logs = sqlx::query_as(HELD).bind(recorder).fetch_all(&mut loan.connection).await;
        let logs: Vec<(String, String)> = logs.map_err(|error| self.doing.failed(error))?;
        loan.give_back();
        Ok(logs.into_iter().map(|(origin, class)| Held { origin, class }).collect())
    }

    async fn release(&self, recorder: &str, origin: &str) -> Result<u64, StoreError> {
        let mut loan = self.take().await?;
        let update = sqlx::query(RELEASE).bind(recorder).bind(origin);
        let done = update.execute(&mut loan.connection).await;
        let done = done.map_err(|error| self.doing.failed(error))?;
        loan.give_back();
        Ok(done.rows_affected())
    }
}

/// Keys as the statements take them.
fn array(keys: &[i64]) -> String {
    let keys: Vec<_> = keys.iter().map(i64::to_string).collect();
    format!("[{}]", keys.join(","))
}

/// What cannot be read of an event is missing: it will be found to be none.
fn spooled(row: &SqliteRow) -> Option<Spooled> {
    let id = read::field::<Vec<u8>>(row, 3).and_then(|id| Uuid::from_slice(&id).ok());
    Some(Spooled {
        key: read::field(row, 0)?,
        origin: read::field(row, 1).unwrap_or_default(),
        event: EncodedEvent {
            id: id.unwrap_or_default(),
            class: read::field(row, 2).unwrap_or_default(),
            canon: read::field(row, 4).unwrap_or_default(),
            openings: read::optional(row, 5).unwrap_or_default(),
        },
    })
}
