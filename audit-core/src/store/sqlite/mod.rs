//! A log in a SQLite file, beside the application's own tables or alone.

mod errors;
mod schema;
mod open;
mod read;
mod search;
mod insert;
mod append;
mod tiles;
mod anchors;
mod checkpoints;
mod closing;
mod leases;
mod outbox;
mod terms;
mod spool;
#[cfg(test)]
pub(crate) mod tests;

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::sqlite::SqliteConnection;

use super::connections::Connections;
use super::doing::Doing;
use super::{
    Anchor, Appended, Fetched, Head, Leaf, Lease, LogId, LogInfo, LogState, OutboxRow, Row,
    Segment, SignedCheckpoint, Start, Store, StoreError, TermSum,
};
use crate::event::EncodedEvent;
use crate::merkle::{Hash, Tile, TileId};
use crate::query::Filter;
pub use spool::SqliteSpool;

use errors::meaning;
use open::Source;

/// How a transaction that will write begins.
const LOCK: &str = "BEGIN IMMEDIATE";

/// How long a statement waits for another connection's write transaction to end. Short of a recorder's
/// deadline: the one who waits may be the one who has it open.
const BUSY_TIMEOUT: Duration = Duration::from_secs(1);

/// What the writing connection keeps of the newest pages of all indexes, where most of an append takes place:
/// with SQLite's own 2 MB it writes and reads the same pages again and again.
const CACHE_KIB: &str = "-16384";

/// How many pages may stand in the write-ahead log before they are moved into the file: with SQLite's own
/// 1,000, each larger append moves all pages that it has touched, which the next one touches again.
const CHECKPOINT_PAGES: &str = "16384";

/// Where the pages are kept that a statement changes, so that it can be undone by itself: a few MiB at a time. In a file, they are half of
/// all that an append writes.
const UNDO: &str = "MEMORY";

const READERS: u16 = 4;

/// How long a search may look for entries that match: as long as a statement in PostgreSQL.
const PATIENCE: Duration = Duration::from_secs(30);

/// A store in a SQLite file. Clones share its connections.
#[derive(Clone)]
pub struct SqliteStore {
    file: Arc<str>,
    writer: Arc<Connections<SqliteConnection>>,
    readers: Arc<Connections<SqliteConnection>>,
}

impl SqliteStore {
    /// Opens a file, given by its path or by a `sqlite:` URL, and brings its audit tables (`audit_*`) to
    /// the version of this library; a file that is not there is created.
    ///
    /// The file may be the application's own. It is switched to write-ahead logging, which is a property
    /// of the file and stays. The store has connections of its own, one that writes and up to four that
    /// read; SQLite lets one connection write at a time, so that an append waits up to a second for
    /// an open write transaction of the application's, and is tried again.
    ///
    /// # Errors
    /// [`Incompatible`](super::StoreErrorKind::Incompatible) where the file is no SQLite database, has its texts in UTF-16, or has audit tables of a
    /// newer version; [`Unavailable`](super::StoreErrorKind::Unavailable) where it cannot be opened; [`Locked`](super::StoreErrorKind::Locked) where somebody else
    /// keeps writing to it.
    ///
    /// Safe to drop: the tables are made in one transaction.
    pub async fn open(path_or_url: &str) -> Result<Self, StoreError> {
        Self::open_waiting(path_or_url, BUSY_TIMEOUT).await
    }

    /// Opens a file only to read it: it must be there with audit tables of this version, and neither it
    /// nor its tables are created or changed. What writes fails with [`Unavailable`](super::StoreErrorKind::Unavailable).
    ///
    /// SQLite shares a file in write-ahead mode by two files beside it, `-wal` and `-shm`. Where they are
    /// there, they are used as they are. Where they are not, SQLite makes them, empty, and a reader cannot
    /// take them away again. In a folder in which that is not allowed, as on a read-only medium, the file
    /// is read as one that does not change: nobody must begin to write to it meanwhile. A copy of a
    /// database is whole with its `-wal` only, and with one it needs a folder in which SQLite may write.
    ///
    /// # Errors
    /// [`Incompatible`](super::StoreErrorKind::Incompatible) where the file is no SQLite database, has its texts in UTF-16, or has no audit tables of
    /// this version; [`Unavailable`](super::StoreErrorKind::Unavailable) where it cannot be opened.
    ///
    /// Safe to drop.
    pub async fn open_existing(path_or_url: &str) -> Result<Self, StoreError> {
        Ok(Self::of(Source::of(path_or_url, BUSY_TIMEOUT)?.found().await?))
    }

    /// Closes the connections of all clones, so that SQLite moves what is in the file's `-wal` into the
    /// file and removes it. What is under way is finished first; what comes later opens new connections.
    ///
    /// A store that is only dropped leaves nothing undone either: the next one to open the file finds it.
    ///
    /// Safe to drop.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    async fn open_waiting(path_or_url: &str, busy_timeout: Duration) -> Result<Self, StoreError> {
        Ok(Self::of(Source::of(path_or_url, busy_timeout)?.made(busy_timeout).await?))
    }

    fn of(Source { file, options }: Source) -> Self {
        let reading = options.clone().pragma("query_only", "ON");
        let writing =
            options.pragma("cache_size", CACHE_KIB).pragma("wal_autocheckpoint", CHECKPOINT_PAGES);
        let writing = writing.pragma("temp_store", UNDO);
        Self {
            file,
            writer: Arc::new(Connections::new(writing, 1)),
            readers: Arc::new(Connections::new(reading, READERS)),
        }
    }

    fn doing(&self, what: impl Into<String>) -> Doing {
        Doing::new(what, &self.file, meaning)
    }

    fn doing_to(&self, what: &str, log: LogId) -> Doing {
        self.doing(format!("{what} log {}", log.0))
    }
}

impl fmt::Debug for SqliteStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteStore").field("file", &self.file).finish_non_exhaustive()
    }
}

#[async_trait]
impl Store for SqliteStore {
    async fn open_log(&self, origin: &str, class: &str) -> Result<LogId, StoreError> {
        let doing = self.doing(format!("open the log {origin}"));
        let log = LogId::of(origin);
        let mut loan = self.writer.take().await.map_err(|error| doing.failed(error))?;
        if !read::find_log(&mut loan.connection, log, origin, class, &doing).await? {
            append::begin_log(&mut loan.connection, origin, class, &doing).await?;
        }
        loan.give_back();
        Ok(log)
    }

    async fn logs(&self) -> Result<Vec<LogInfo>, StoreError> {
        let doing = self.doing("list the logs");
        let mut loan = self.readers.take().await.map_err(|error| doing.failed(error))?;
        let logs = read::logs(&mut loan.connection, &doing).await?;
        loan.give_back();
        Ok(logs)
    }

    async fn head(&self, log: LogId) -> Result<Head, StoreError> {
        let doing = self.doing_to("read the head of", log);
        let mut loan = self.readers.take().await.map_err(|error| doing.failed(error))?;
        let head = read::head(&mut loan.connection, log, &doing).await?;
        loan.give_back();
        Ok(head)
    }

    async fn close_log(&self, log: LogId, state: LogState) -> Result<(), StoreError> {
        let doing = self.doing_to("close", log);
        let mut loan = self.writer.take().await.map_err(|error| doing.failed(error))?;
        closing::close(&mut loan.connection, log, state, &doing).await?;
        loan.give_back();
        Ok(())
    }

    async fn append(
        &self,
        log: LogId,
        batch: &[Leaf],
        now: DateTime<Utc>,
    ) -> Result<Appended, StoreError> {
        let doing = self.doing_to("append to", log);
        let mut loan = self.writer.take().await.map_err(|error| doing.failed(error))?;
        let appended = append::append(&mut loan.connection, log, batch, now, &doing).await?;
        loan.give_back();
        Ok(appended)
    }

    async fn set_aside(
        &self,
        log: LogId,
        event: &EncodedEvent,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let doing = self.doing_to("set aside an event of", log);
        let mut loan = self.writer.take().await.map_err(|error| doing.failed(error))?;
        append::set_aside(&mut loan.connection, log, event, reason, now, &doing).await?;
        loan.give_back();
        Ok(())
    }

    async fn outbox(&self, from: i64, limit: u32) -> Result<Vec<OutboxRow>, StoreError> {
        let doing = self.doing("read the outbox");
        // By the connection that writes: the appender does not wait for those who search.
        let mut loan = self.writer.take().await.map_err(|error| doing.failed(error))?;
        let rows = read::outbox(&mut loan.connection, from, limit, &doing).await?;
        loan.give_back();
        Ok(rows)
    }

    async fn reject(
        &self,
        log: LogId,
        key: i64,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let doing = self.doing_to("set aside what is in the outbox for", log);
        let mut loan = self.writer.take().await.map_err(|error| doing.failed(error))?;
        let done = append::reject(&mut loan.connection, log, key, reason, now, &doing).await?;
        loan.give_back();
        Ok(done)
    }

    async fn read(&self, log: LogId, from: u64, limit: u32) -> Result<Vec<Row>, StoreError> {
        self.fetch(log, from, limit, false).await.map(Iterator::collect)
    }

    async fn fetch(
        &self,
        log: LogId,
        from: u64,
        limit: u32,
        leaves_only: bool,
    ) -> Result<Fetched, StoreError> {
        let doing = self.doing_to("read", log);
        let mut loan = self.readers.take().await.map_err(|error| doing.failed(error))?;
        let rows = read::fetch(&mut loan.connection, log, from, limit, leaves_only, &doing).await?;
        loan.give_back();
        Ok(rows)
    }

    async fn entries(&self, log: LogId, from: u64, limit: u32) -> Result<Vec<Row>, StoreError> {
        let doing = self.doing_to("read", log);
        let mut loan = self.readers.take().await.map_err(|error| doing.failed(error))?;
        let rows = read::entries(&mut loan.connection, log, from, limit, &doing).await?;
        loan.give_back();
        Ok(rows)
    }

    async fn search(
        &self,
        log: LogId,
        filter: &Filter,
        start: Start,
        limit: u32,
    ) -> Result<Vec<Row>, StoreError> {
        let doing = self.doing_to("search", log);
        let mut loan = self.readers.take().await.map_err(|error| doing.failed(error))?;
        let found =
            search::search(&mut loan.connection, log, filter, start, limit, PATIENCE, &doing);
        let rows = found.await?;
        loan.give_back();
        Ok(rows)
    }

    async fn tile(&self, log: LogId, id: TileId) -> Result<Option<Tile>, StoreError> {
        self.tiles(log, id, 1).await.map(|tiles| tiles.into_iter().flatten().next())
    }

    async fn tiles(
        &self,
        log: LogId,
        first: TileId,
        count: u16,
    ) -> Result<Vec<Option<Tile>>, StoreError> {
        let doing = self.doing_to("read tiles of", log);
        let mut loan = self.readers.take().await.map_err(|error| doing.failed(error))?;
        let tiles = read::tiles(&mut loan.connection, log, first, count, &doing).await?;
        loan.give_back();
        Ok(tiles)
    }

    async fn roots(
        &self,
        log: LogId,
        first: TileId,
        count: u16,
    ) -> Result<Vec<Option<Hash>>, StoreError> {
        let doing = self.doing_to("read the roots of tiles of", log);
        let mut loan = self.readers.take().await.map_err(|error| doing.failed(error))?;
        let roots = read::roots(&mut loan.connection, log, first, count, &doing).await?;
        loan.give_back();
        Ok(roots)
    }

    async fn replace_tiles(&self, log: LogId, tiles: &[(TileId, Tile)]) -> Result<(), StoreError> {
        let doing = self.doing_to("replace tiles of", log);
        let mut loan = self.writer.take().await.map_err(|error| doing.failed(error))?;
        tiles::replace(&mut loan.connection, log, tiles, &doing).await?;
        loan.give_back();
        Ok(())
    }

    async fn unindexed(
        &self,
        log: LogId,
        range: Range<u64>,
        terms: &TermSum,
    ) -> Result<Vec<u64>, StoreError> {
        let doing = self.doing_to("read the terms of", log);
        let mut loan = self.readers.take().await.map_err(|error| doing.failed(error))?;
        let rows = terms::unindexed(&mut loan.connection, log, range, terms, &doing).await?;
        loan.give_back();
        Ok(rows)
    }

    async fn segments(&self, log: LogId) -> Result<Vec<Segment>, StoreError> {
        let doing = self.doing_to("read the segments of", log);
        let mut loan = self.readers.take().await.map_err(|error| doing.failed(error))?;
        let segments = read::segments(&mut loan.connection, log, &doing).await?;
        loan.give_back();
        Ok(segments)
    }

    async fn keep_checkpoint(
        &self,
        log: LogId,
        checkpoint: &SignedCheckpoint,
    ) -> Result<(), StoreError> {
        let doing = self.doing_to("keep a checkpoint of", log);
        let mut loan = self.writer.take().await.map_err(|error| doing.failed(error))?;
        checkpoints::keep(&mut loan.connection, log, checkpoint, &doing).await?;
        loan.give_back();
        Ok(())
    }

    async fn checkpoints(
        &self,
        log: LogId,
        from: u64,
        limit: u32,
    ) -> Result<Vec<SignedCheckpoint>, StoreError> {
        let doing = self.doing_to("read the checkpoints of", log);
        let mut loan = self.readers.take().await.map_err(|error| doing.failed(error))?;
        let found = checkpoints::from(&mut loan.connection, log, from, limit, &doing).await?;
        loan.give_back();
        Ok(found)
    }

    async fn latest_checkpoint(&self, log: LogId) -> Result<Option<SignedCheckpoint>, StoreError> {
        let doing = self.doing_to("read the last checkpoint of", log);
        let mut loan = self.readers.take().await.map_err(|error| doing.failed(error))?;
        let found = checkpoints::latest(&mut loan.connection, log, &doing).await?;
        loan.give_back();
        Ok(found)
    }

    async fn keep_anchor(&self, log: LogId, anchor: &Anchor) -> Result<(), StoreError> {
        let doing = self.doing_to("note an anchor of", log);
        let mut loan = self.writer.take().await.map_err(|error| doing.failed(error))?;
        anchors::keep(&mut loan.connection, log, anchor, &doing).await?;
        loan.give_back();
        Ok(())
    }

    async fn anchors(&self, log: LogId) -> Result<Vec<Anchor>, StoreError> {
        let doing = self.doing_to("read the anchors of", log);
        let mut loan = self.readers.take().await.map_err(|error| doing.failed(error))?;
        let found = anchors::last(&mut loan.connection, log, &doing).await?;
        loan.give_back();
        Ok(found)
    }

    async fn lease(
        &self,
        log: LogId,
        lease: &Lease,
        now: DateTime<Utc>,
    ) -> Result<Option<Lease>, StoreError> {
        let doing = self.doing_to("take the lease of", log);
        let mut loan = self.writer.take().await.map_err(|error| doing.failed(error))?;
        let other = leases::take(&mut loan.connection, log, lease, now, &doing).await?;
        loan.give_back();
        Ok(other)
    }
}
