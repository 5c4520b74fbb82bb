//! A log in a PostgreSQL database, in the schema `audit`.

mod errors;
mod schema;
mod open;
mod moment;
mod terms;
mod read;
mod search;
mod append;
mod tiles;
mod anchors;
mod checkpoints;
mod closing;
mod leases;
mod outbox;
#[cfg(test)]
pub(crate) mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sqlx::Connection as _;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use tokio::time::timeout;

use super::connections::{Connections, Loan};
use super::doing::Doing;
use super::{
    Anchor, Appended, Fetched, Head, Leaf, Lease, LogId, LogInfo, LogState, OutboxRow, Row,
    Segment, SignedCheckpoint, Start, Store, StoreError,
};
use crate::event::EncodedEvent;
use crate::merkle::{Hash, Tile, TileId};
use crate::query::Filter;
use errors::meaning;
use open::Source;

/// How long any call has. A server that hangs must not hang those who ask it.
const DEADLINE: Duration = Duration::from_secs(35);

const READERS: u16 = 4;

/// A script, in SQL, that makes the roles for a log in PostgreSQL and gives each the rights that it needs and no
/// others: `audit_application`, `audit_appender`, `audit_reader`, `audit_signer` and `audit_retention`. The owner of
/// the schema `audit` runs it, and again after each upgrade. `audit db roles` prints it.
///
/// They are groups without login, for an operator to give to roles of the operator's own:
///
/// | group | for | may |
/// |---|---|---|
/// | `audit_application` | what writes events in its own transactions | insert into the outbox |
/// | `audit_appender` | what a recorder's [`PostgresStore`] connects as | append; move the outbox into the logs; change and remove no entry |
/// | `audit_reader` | searches and verification | read all but the outbox and the leases |
/// | `audit_signer` | a signer | read what it hashes again: no personal value; keep what it signed; close a log |
/// | `audit_retention` | retention | read, as yet |
pub const POSTGRES_ROLES: &str = include_str!("../../../migrations/postgres/roles.sql");

/// A store in a PostgreSQL database, version 13 or newer. Clones share its connections.
#[derive(Clone)]
pub struct PostgresStore {
    database: Arc<str>,
    writer: Arc<Connections<PgConnection>>,
    readers: Arc<Connections<PgConnection>>,
}

impl PostgresStore {
    /// Opens a database by its URL, `postgres://user:password@host/database`, and brings its schema `audit`
    /// to the version of this library, which a role without the right to do so can only where nothing is to
    /// be done.
    ///
    /// The database may be the application's own. The store has connections of its own, one that writes and
    /// up to four that read: an append never waits for a transaction of the application's.
    ///
    /// TLS is the application's choice: it turns on one of sqlx's TLS features.
    ///
    /// # Errors
    /// [`Unavailable`](super::StoreErrorKind::Unavailable) where the server cannot be reached,
    /// [`Denied`](super::StoreErrorKind::Denied) where it does not let this user in or make tables, and
    /// [`Incompatible`](super::StoreErrorKind::Incompatible) where there is no such database, or its schema is newer.
    ///
    /// Safe to drop: the schema is made in one transaction.
    pub async fn open(url: &str) -> Result<Self, StoreError> {
        Self::open_source(Source::of_url(url)?).await
    }

    /// The same with sqlx's options in place of a URL: for certificates, or a password from elsewhere.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn open_with(options: PgConnectOptions) -> Result<Self, StoreError> {
        Self::open_source(Source::of(options)).await
    }

    /// Opens a database whose schema must be there in this version, and is not changed. What this role may write, it can.
    ///
    /// # Errors
    /// As [`open`](Self::open); [`Incompatible`](super::StoreErrorKind::Incompatible) where there is no schema of this version.
    ///
    /// Safe to drop.
    pub async fn open_existing(url: &str) -> Result<Self, StoreError> {
        let mut source = Source::of_url(url)?;
        let doing = source.doing("open the existing log");
        let mut connection = source.connect(&doing).await?;
        schema::check(&mut connection, &doing).await?;
        connection.close().await.map_err(|error| doing.failed(error))?;
        Ok(Self::of(source))
    }

    /// Closes the connections of all clones. What is under way is finished first; what comes later opens
    /// new connections. A store that is only dropped leaves nothing undone either.
    ///
    /// Safe to drop.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }

    async fn open_source(mut source: Source) -> Result<Self, StoreError> {
        let doing = source.doing("open the log");
        let mut connection = source.connect(&doing).await?;
        schema::migrate(&mut connection, &doing).await?;
        connection.close().await.map_err(|error| doing.failed(error))?;
        Ok(Self::of(source))
    }

    fn of(Source { database, options, reading }: Source) -> Self {
        Self {
            database,
            writer: Arc::new(Connections::new(options, 1)),
            readers: Arc::new(Connections::new(reading, READERS)),
        }
    }

    fn doing(&self, what: impl Into<String>) -> Doing {
        Doing::new(what, &self.database, meaning)
    }

    fn doing_to(&self, what: &str, log: LogId) -> Doing {
        self.doing(format!("{what} log {}", log.0))
    }

    async fn reader(&self, doing: &Doing) -> Result<Loan<'_, PgConnection>, StoreError> {
        self.readers.take().await.map_err(|error| doing.failed(error))
    }

    async fn writer(&self, doing: &Doing) -> Result<Loan<'_, PgConnection>, StoreError> {
        self.writer.take().await.map_err(|error| doing.failed(error))
    }
}

impl fmt::Debug for PostgresStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresStore").field("database", &self.database).finish_non_exhaustive()
    }
}

/// Gives a call so long.
async fn in_time<T>(
    doing: &Doing,
    call: impl Future<Output = Result<T, StoreError>> + Send,
) -> Result<T, StoreError> {
    timeout(DEADLINE, call).await.unwrap_or_else(|_| Err(doing.late()))
}

/// Reads by one of the reading connections. Where that fails, and the connection turns out to have lost its server, which may have been
/// restarted since, it is read once more by a new one. A macro, as no bound can say that what an async closure answers with is `Send`.
macro_rules! reading {
    ($self:ident, $doing:ident, $connection:ident => $read:expr) => {
        in_time(&$doing, async {
            let mut loan = $self.reader(&$doing).await?;
            loop {
                let $connection = &mut loan.connection;
                match $read.await {
                    Ok(read) => {
                        loan.give_back();
                        break Ok(read);
                    }
                    Err(error) => {
                        if !loan.renew().await.map_err(|error| $doing.failed(error))? {
                            break Err(error);
                        }
                    }
                }
            }
        })
        .await
    };
}

#[async_trait]
impl Store for PostgresStore {
    async fn open_log(&self, origin: &str, class: &str) -> Result<LogId, StoreError> {
        let doing = self.doing(format!("open the log {origin}"));
        in_time(&doing, async {
            let log = LogId::of(origin);
            let mut loan = self.writer(&doing).await?;
            if !read::find_log(&mut loan.connection, log, origin, class, &doing).await? {
                append::begin_log(&mut loan.connection, origin, class, &doing).await?;
            }
            loan.give_back();
            Ok(log)
        })
        .await
    }

    async fn logs(&self) -> Result<Vec<LogInfo>, StoreError> {
        let doing = self.doing("list the logs");
        reading!(self, doing, connection => read::logs(connection, &doing))
    }

    async fn head(&self, log: LogId) -> Result<Head, StoreError> {
        let doing = self.doing_to("read the head of", log);
        reading!(self, doing, connection => read::head(connection, log, &doing))
    }

    async fn close_log(&self, log: LogId, state: LogState) -> Result<(), StoreError> {
        let doing = self.doing_to("close", log);
        in_time(&doing, async {
            let mut loan = self.writer(&doing).await?;
            closing::close(&mut loan.connection, log, state, &doing).await?;
            loan.give_back();
            Ok(())
        })
        .await
    }

    async fn append(
        &self,
        log: LogId,
        batch: &[Leaf],
        now: DateTime<Utc>,
    ) -> Result<Appended, StoreError> {
        let doing = self.doing_to("append to", log);
        in_time(&doing, async {
            let mut loan = self.writer(&doing).await?;
            let appended = append::append(&mut loan.connection, log, batch, now, &doing).await?;
            loan.give_back();
            Ok(appended)
        })
        .await
    }

    async fn set_aside(
        &self,
        log: LogId,
        event: &EncodedEvent,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let doing = self.doing_to("set aside an event of", log);
        in_time(&doing, async {
            let mut loan = self.writer(&doing).await?;
            append::set_aside(&mut loan.connection, log, event, reason, now, &doing).await?;
            loan.give_back();
            Ok(())
        })
        .await
    }

    async fn outbox(&self, from: i64, limit: u32) -> Result<Vec<OutboxRow>, StoreError> {
        let doing = self.doing("read the outbox");
        in_time(&doing, async {
            // By the connection that writes: the appender does not wait for those who search.
            let mut loan = self.writer(&doing).await?;
            let rows = read::outbox(&mut loan.connection, from, limit, &doing).await?;
            loan.give_back();
            Ok(rows)
        })
        .await
    }

    async fn reject(
        &self,
        log: LogId,
        key: i64,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        let doing = self.doing_to("set aside what is in the outbox for", log);
        in_time(&doing, async {
            let mut loan = self.writer(&doing).await?;
            let done = append::reject(&mut loan.connection, log, key, reason, now, &doing).await?;
            loan.give_back();
            Ok(done)
        })
        .await
    }

    async fn read(&self, log: LogId, from: u64, limit: u32) -> Result<Vec<Row>, StoreError> {
        self.fetch(log, from, limit, false).await.map(Iterator::collect)
    }

    async fn canon(
        &self,
        log: LogId,
        from: u64,
        limit: u32,
    ) -> Result<Vec<(u64, Vec<u8>)>, StoreError> {
        let doing = self.doing_to("read", log);
        reading!(self, doing, connection => read::canon(connection, log, from, limit, &doing))
    }

    fn may_miss_terms(&self) -> bool {
        false
    }

    async fn fetch(
        &self,
        log: LogId,
        from: u64,
        limit: u32,
        leaves_only: bool,
    ) -> Result<Fetched, StoreError> {
        let doing = self.doing_to("read", log);
        reading!(self, doing, connection => read::fetch(connection, log, from, limit, leaves_only, &doing))
    }

    async fn entries(&self, log: LogId, from: u64, limit: u32) -> Result<Vec<Row>, StoreError> {
        let doing = self.doing_to("read", log);
        reading!(self, doing, connection => read::entries(connection, log, from, limit, &doing))
    }

    async fn search(
        &self,
        log: LogId,
        filter: &Filter,
        start: Start,
        limit: u32,
    ) -> Result<Vec<Row>, StoreError> {
        let doing = self.doing_to("search", log);
        reading!(self, doing, connection => search::search(connection, log, filter, start, limit, &doing))
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
        reading!(self, doing, connection => read::tiles(connection, log, first, count, &doing))
    }

    async fn roots(
        &self,
        log: LogId,
        first: TileId,
        count: u16,
    ) -> Result<Vec<Option<Hash>>, StoreError> {
        let doing = self.doing_to("read the roots of tiles of", log);
        reading!(self, doing, connection => read::roots(connection, log, first, count, &doing))
    }

    async fn replace_tiles(&self, log: LogId, tiles: &[(TileId, Tile)]) -> Result<(), StoreError> {
        let doing = self.doing_to("replace tiles of", log);
        in_time(&doing, async {
            let mut loan = self.writer(&doing).await?;
            tiles::replace(&mut loan.connection, log, tiles, &doing).await?;
            loan.give_back();
            Ok(())
        })
        .await
    }

    async fn segments(&self, log: LogId) -> Result<Vec<Segment>, StoreError> {
        let doing = self.doing_to("read the segments of", log);
        reading!(self, doing, connection => read::segments(connection, log, &doing))
    }

    async fn keep_checkpoint(
        &self,
        log: LogId,
        checkpoint: &SignedCheckpoint,
    ) -> Result<(), StoreError> {
        let doing = self.doing_to("keep a checkpoint of", log);
        in_time(&doing, async {
            let mut loan = self.writer(&doing).await?;
            checkpoints::keep(&mut loan.connection, log, checkpoint, &doing).await?;
            loan.give_back();
            Ok(())
        })
        .await
    }

    async fn checkpoints(
        &self,
        log: LogId,
        from: u64,
        limit: u32,
    ) -> Result<Vec<SignedCheckpoint>, StoreError> {
        let doing = self.doing_to("read the checkpoints of", log);
        reading!(self, doing, connection => checkpoints::from(connection, log, from, limit, &doing))
    }

    async fn latest_checkpoint(&self, log: LogId) -> Result<Option<SignedCheckpoint>, StoreError> {
        let doing = self.doing_to("read the last checkpoint of", log);
        reading!(self, doing, connection => checkpoints::latest(connection, log, &doing))
    }

    async fn keep_anchor(&self, log: LogId, anchor: &Anchor) -> Result<(), StoreError> {
        let doing = self.doing_to("note an anchor of", log);
        in_time(&doing, async {
            let mut loan = self.writer(&doing).await?;
            anchors::keep(&mut loan.connection, log, anchor, &doing).await?;
            loan.give_back();
            Ok(())
        })
        .await
    }

    async fn anchors(&self, log: LogId) -> Result<Vec<Anchor>, StoreError> {
        let doing = self.doing_to("read the anchors of", log);
        reading!(self, doing, connection => anchors::last(connection, log, &doing))
    }

    async fn lease(
        &self,
        log: LogId,
        lease: &Lease,
        now: DateTime<Utc>,
    ) -> Result<Option<Lease>, StoreError> {
        let doing = self.doing_to("take the lease of", log);
        in_time(&doing, async {
            let mut loan = self.writer(&doing).await?;
            let other = leases::take(&mut loan.connection, log, lease, now, &doing).await?;
            loan.give_back();
            Ok(other)
        })
        .await
    }
}
