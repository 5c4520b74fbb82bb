//! Where a log lives: the contract of a store, and the stores.

mod error;
mod entry;
mod fetched;
mod extend;
mod checkpoint;
mod lease;
mod start;
mod term_sum;
mod memory;
mod outbox;
mod spool;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod search_path;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod doing;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod connections;
#[cfg(any(feature = "postgres", feature = "sqlite"))]
mod migrations;
#[cfg(feature = "postgres")]
pub(crate) mod postgres;
#[cfg(feature = "sqlite")]
pub(crate) mod sqlite;
mod walk;
mod reader;
mod summary;
mod succession;
mod own;
mod repair;

#[cfg(any(feature = "postgres", feature = "sqlite"))]
use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use sha2::{Digest as _, Sha256};

pub use checkpoint::{Anchor, SignedCheckpoint};
pub use entry::{Entry, Leaf, LeafError, Row};
pub(crate) use error::content;
pub use error::{StoreError, StoreErrorKind};
pub use extend::{Extension, NewEntry};
pub use fetched::Fetched;
pub use lease::Lease;
pub use memory::MemoryStore;
pub(crate) use outbox::NoLeaf;
pub use outbox::{Outbox, OutboxRow};
pub(crate) use own::{base_of_own, write_about};
#[cfg(feature = "postgres")]
pub use postgres::{POSTGRES_ROLES, PostgresStore};
pub use reader::{Page, Reader, SearchError};
pub use repair::{RepairError, repair_tiles};
pub use spool::{Held, Spool, Spooled};
#[cfg(feature = "sqlite")]
pub use sqlite::{SqliteSpool, SqliteStore};
pub use start::Start;
pub use succession::continue_log;
pub(crate) use succession::{bring_back, first_of, misfit, number_of, successor_of};
pub use summary::{Bucket, Count, Facet, Facets, Histogram};
pub use term_sum::TermSum;

use crate::event::EncodedEvent;
use crate::merkle::{Frontier, Hash, Tile, TileId};
use crate::query::Filter;

/// Entries in a segment. Every search index starts with the segment, so that inserts touch the pages of
/// the newest one only, and a search walks from it backwards.
pub const SEGMENT_SIZE: u64 = 32_768;

/// A log within its store: a hash of its name, so that an event on its way to a log knows the id of a log
/// that nobody has begun yet. Never negative.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogId(pub i64);

impl LogId {
    /// The id of the log with this name: the first 64 bits of its SHA-256 without the highest one.
    #[must_use]
    pub fn of(origin: &str) -> Self {
        let digest = Sha256::digest(origin);
        let id = digest.iter().take(8).fold(0, |id: i64, byte| id << 8 | i64::from(*byte));
        Self(id & i64::MAX)
    }
}

/// A log and its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogInfo {
    /// Its key in the store.
    pub id: LogId,
    /// Its name, which checkpoints carry: `billing.example/audit/standard`.
    pub origin: String,
}

impl LogInfo {
    /// Whether the id is that of the name.
    pub(crate) fn is_itself(&self) -> bool {
        self.id == LogId::of(&self.origin)
    }
}

/// Whether a log takes entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogState {
    /// It does.
    Open,
    /// It does not, and never will: a successor goes on.
    Frozen,
    /// It does not: its integrity is in doubt.
    Quarantined,
}

impl LogState {
    /// As databases write it.
    #[cfg(any(feature = "postgres", feature = "sqlite"))]
    fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Frozen => "frozen",
            Self::Quarantined => "quarantined",
        }
    }

    /// Whether a log in this state can come into another: it only closes.
    #[must_use]
    pub fn may_become(self, next: Self) -> bool {
        match self {
            Self::Open => true,
            Self::Quarantined => next != Self::Open,
            Self::Frozen => next == Self::Frozen,
        }
    }
}

/// The end of a log: all that must be known to append to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Whether entries are taken.
    pub state: LogState,
    /// The tree of all leaves: its size, and the peaks from which it grows on.
    pub frontier: Frontier,
    /// The root as it is stored beside the frontier; an honest head has the frontier's root.
    pub root: Hash,
    /// Entries below this index may have been removed by retention.
    pub min_index: u64,
    /// When the last entry was recorded.
    pub recorded_at: Option<DateTime<Utc>>,
}

/// Where a leaf of a batch ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Placement {
    /// At this index, with this append.
    Appended(u64),
    /// At this index, with an earlier one: same event id, same bytes.
    Repeated(u64),
    /// Nowhere: at this index stands the same event id with other bytes, whose leaf hash is this.
    Conflict(u64, Hash),
}

/// What a batch came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Appended {
    /// One placement for each leaf of the batch, in its order.
    pub placements: Vec<Placement>,
    /// When the batch was recorded.
    pub recorded_at: DateTime<Utc>,
}

/// Bounds of `occurred_at` in a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segment {
    /// `index / SEGMENT_SIZE` of its entries.
    pub number: u64,
    /// Earliest.
    pub earliest: DateTime<Utc>,
    /// Latest.
    pub latest: DateTime<Utc>,
}

/// A database that holds logs.
///
/// An implementation MUST
/// - append in one transaction: lock the head, extend the tree by [`Extension::of`], insert its entries,
///   write the tiles that became full, advance the head, take what was placed out of the outbox, commit; or
///   change nothing;
/// - serialise appends to one log, also from other processes;
/// - store [`canon`](EncodedEvent::canon) to the byte, and [`Columns`](crate::event::Columns) of it beside it;
/// - answer an append with [`StoreErrorKind::Rejected`] only where the data itself was refused, so that trying it
///   again is of no use, and with [`StoreErrorKind::Closed`] only where the log is closed, also for an empty batch.
///
/// It MUST NOT assign an index outside of an append, remove or change an entry, or use a connection of
/// the application's. A call that is dropped half-way has either done all of its work or none of it.
#[async_trait]
pub trait Store: fmt::Debug + Send + Sync + 'static {
    /// Finds the log of this name, whose id is [`LogId::of`] it, or begins it.
    ///
    /// [`StoreErrorKind::Rejected`] where a log of another name has this id, or this log another class.
    async fn open_log(&self, origin: &str, class: &str) -> Result<LogId, StoreError>;

    /// All logs, by name.
    async fn logs(&self) -> Result<Vec<LogInfo>, StoreError>;

    /// The end of a log.
    async fn head(&self, log: LogId) -> Result<Head, StoreError>;

    /// Closes a log to new entries, or a quarantined one for good. The same again is fine.
    ///
    /// [`StoreErrorKind::Rejected`] where it [cannot](LogState::may_become) come into this state,
    /// [`StoreErrorKind::Damaged`] where there is no such log.
    async fn close_log(&self, log: LogId, state: LogState) -> Result<(), StoreError>;

    /// Appends a batch, recorded now or when the last entry was, whichever is later.
    async fn append(
        &self,
        log: LogId,
        batch: &[Leaf],
        now: DateTime<Utc>,
    ) -> Result<Appended, StoreError>;

    /// Keeps an event that could not be appended, with the reason, outside of the log.
    async fn set_aside(
        &self,
        log: LogId,
        event: &EncodedEvent,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError>;

    /// Up to `limit` rows of the outbox from key `from` on, by key. They stay there until they are appended or
    /// rejected: others may be at them, too.
    ///
    /// A store that shares no database with an application has none.
    async fn outbox(&self, _from: i64, _limit: u32) -> Result<Vec<OutboxRow>, StoreError> {
        Ok(Vec::new())
    }

    /// Sets a row of the outbox aside, as it stands there. False where it does not any more: somebody else has
    /// dealt with it.
    async fn reject(
        &self,
        _log: LogId,
        _key: i64,
        _reason: &str,
        _now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        Ok(false)
    }

    /// The first `limit` rows from index `from` on, by index, whatever the head says; fewer only where
    /// there are no more.
    async fn read(&self, log: LogId, from: u64, limit: u32) -> Result<Vec<Row>, StoreError>;

    /// As [`read`](Self::read), only what is hashed: indices and canonical bytes. A store whose database lets a signer see no
    /// more than that has an answer of its own.
    async fn canon(
        &self,
        log: LogId,
        from: u64,
        limit: u32,
    ) -> Result<Vec<(u64, Vec<u8>)>, StoreError> {
        let rows = self.read(log, from, limit).await?;
        Ok(rows.into_iter().map(|row| (row.index, row.canon)).collect())
    }

    /// As [`read`](Self::read), with rows that are decoded when they are taken, wherever that is. With `leaves_only` a store
    /// need not say more than what the tree is made of: index, canonical bytes and leaf hash.
    async fn fetch(
        &self,
        log: LogId,
        from: u64,
        limit: u32,
        _leaves_only: bool,
    ) -> Result<Fetched, StoreError> {
        self.read(log, from, limit).await.map(Fetched::from)
    }

    /// As [`read`](Self::read), only what an [`Entry`] is made of: index, canonical bytes, leaf hash, when it was recorded, openings. A store
    /// need not leave out what else a row has.
    async fn entries(&self, log: LogId, from: u64, limit: u32) -> Result<Vec<Row>, StoreError> {
        self.read(log, from, limit).await
    }

    /// Up to `limit` rows that match, in the order of their indices that the start says; fewer only where there are no more.
    async fn search(
        &self,
        log: LogId,
        filter: &Filter,
        start: Start,
        limit: u32,
    ) -> Result<Vec<Row>, StoreError>;

    /// A full tile, where it is stored.
    async fn tile(&self, log: LogId, id: TileId) -> Result<Option<Tile>, StoreError>;

    /// Full tiles, for each of `count` tiles from `first` on: none where there is none. Where one cannot be read it answers
    /// as for that one.
    async fn tiles(
        &self,
        log: LogId,
        first: TileId,
        count: u16,
    ) -> Result<Vec<Option<Tile>>, StoreError> {
        let mut tiles = Vec::with_capacity(count.into());
        for index in first.index..first.index.saturating_add(count.into()) {
            tiles.push(self.tile(log, TileId { index, ..first }).await?);
        }
        Ok(tiles)
    }

    /// The roots that stand beside full tiles, for each of `count` tiles from `first` on: none where there is none.
    ///
    /// A store need not keep them. Without, a proof takes up to 255 tiles where one read of their roots would do.
    async fn roots(
        &self,
        _log: LogId,
        _first: TileId,
        count: u16,
    ) -> Result<Vec<Option<Hash>>, StoreError> {
        Ok(vec![None; count.into()])
    }

    /// Puts full tiles, and their roots, in the place of what stands there, or of nothing: all of them, or none. What protects tiles is
    /// passed by, which is for those who own the tables: a tile is no evidence, but made of leaves that are. It is not for other use than
    /// [`repair_tiles`].
    ///
    /// A store need not offer it: then it answers [`StoreErrorKind::Denied`].
    async fn replace_tiles(&self, log: LogId, _tiles: &[(TileId, Tile)]) -> Result<(), StoreError> {
        let what = format!("replace tiles of log {}: this store does not offer it", log.0);
        Err(StoreError::new(StoreErrorKind::Denied, what))
    }

    /// Whether a search by terms may miss a row, so that [`unindexed`](Self::unindexed) has to be asked: not where the index is the
    /// database's own.
    fn may_miss_terms(&self) -> bool {
        true
    }

    /// The indices of the rows in a range that a search by terms may miss, or show twice, as the index beside the rows does not list them by exactly their [keys](crate::event::Columns::keys).
    ///
    /// The range lies within a segment, and `terms` is the sum over the keys of its rows, by which a store can tell that nothing is wrong
    /// without a look at any of them.
    async fn unindexed(
        &self,
        _log: LogId,
        _range: Range<u64>,
        _terms: &TermSum,
    ) -> Result<Vec<u64>, StoreError> {
        Ok(Vec::new())
    }

    /// The bounds of all segments, by number.
    async fn segments(&self, log: LogId) -> Result<Vec<Segment>, StoreError>;

    /// Keeps what was signed of a log. The same again is kept once. Another note of the same size and root is kept where a key has signed it
    /// that had not signed the first, as when a witness has added a signature, and then with the signatures of both:
    /// [`SignedCheckpoint::added_to`].
    ///
    /// [`StoreErrorKind::Rejected`] where another root of this size is there.
    async fn keep_checkpoint(
        &self,
        log: LogId,
        checkpoint: &SignedCheckpoint,
    ) -> Result<(), StoreError>;

    /// The first `limit` checkpoints of size `from` or more that were kept, one of each size, by size.
    async fn checkpoints(
        &self,
        log: LogId,
        from: u64,
        limit: u32,
    ) -> Result<Vec<SignedCheckpoint>, StoreError>;

    /// The largest checkpoint that was kept.
    async fn latest_checkpoint(&self, log: LogId) -> Result<Option<SignedCheckpoint>, StoreError>;

    /// Notes where a checkpoint was brought. By default nothing is kept, which the suite for stores does not let pass.
    async fn keep_anchor(&self, _log: LogId, _anchor: &Anchor) -> Result<(), StoreError> {
        Ok(())
    }

    /// The last anchor of each place, by place.
    async fn anchors(&self, _log: LogId) -> Result<Vec<Anchor>, StoreError> {
        Ok(Vec::new())
    }

    /// Takes the lease of a log, or prolongs it. Where another has it whose time is not up, nothing changes, and that one
    /// is answered.
    async fn lease(
        &self,
        log: LogId,
        lease: &Lease,
        now: DateTime<Utc>,
    ) -> Result<Option<Lease>, StoreError>;
}

#[cfg(any(feature = "postgres", feature = "sqlite"))]
impl LogId {
    /// Whether the log of this id has been begun, by the origin and the class that are found there.
    fn is_of(
        self,
        origin: &str,
        class: &str,
        found: Option<&(String, String)>,
    ) -> Result<bool, StoreError> {
        match found {
            Some((there, of)) if (&**there, &**of) != (origin, class) => {
                let what = format!("log {} is {there} of the class {of}", self.0);
                Err(StoreError::new(StoreErrorKind::Rejected, what))
            }
            found => Ok(found.is_some()),
        }
    }
}

/// What was found of `count` tiles from `first` on, each in its place.
#[cfg(any(feature = "postgres", feature = "sqlite"))]
fn in_place<T>(first: TileId, count: u16, mut found: BTreeMap<u64, T>) -> Vec<Option<T>> {
    let places = first.index..first.index.saturating_add(count.into());
    places.map(|index| found.remove(&index)).collect()
}

impl Head {
    /// The head of a log that has no entries.
    #[must_use]
    pub fn empty() -> Self {
        let frontier = Frontier::new();
        Self {
            state: LogState::Open,
            root: frontier.root(),
            frontier,
            min_index: 0,
            recorded_at: None,
        }
    }
}
