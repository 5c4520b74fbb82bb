//! A store over plain vectors, every part of which can be changed.

use std::collections::BTreeMap;
use std::ops::Range;

use async_trait::async_trait;
use chrono::{DateTime, Utc};

use crate::event::EncodedEvent;
use crate::merkle::{Hash, Tile, TileId, completed, leaf_hash};
use crate::query::Filter;
use crate::store::{
    Appended, Head, Leaf, Lease, LogId, LogInfo, LogState, MemoryStore, Placement, Row, Segment,
    SignedCheckpoint, Start, Store, StoreError, StoreErrorKind, TermSum,
};

/// A log as it stands in a database that somebody can write to.
#[derive(Debug, Clone)]
pub(super) struct Tampered {
    pub(super) origin: String,
    /// None where it cannot be read.
    pub(super) head: Option<Head>,
    pub(super) rows: Vec<Row>,
    pub(super) tiles: BTreeMap<TileId, Tile>,
    /// What stands beside each tile; None where it cannot be read.
    pub(super) roots: BTreeMap<TileId, Option<Hash>>,
    pub(super) segments: Vec<Segment>,
    /// What was signed and is kept, by size.
    pub(super) kept: Vec<SignedCheckpoint>,
    /// Other logs, that nobody has changed.
    pub(super) beside: Option<MemoryStore>,
    /// What is said in one of these as soon as this log is looked at, before which its head excused nothing.
    pub(super) late: Option<(LogId, Leaf)>,
    /// Rows that the index of terms lacks.
    pub(super) unindexed: Vec<u64>,
}

impl Tampered {
    /// Copies the only log of a store.
    pub(super) async fn of(store: &impl Store) -> Self {
        let LogInfo { id, origin } = store.logs().await.unwrap().remove(0);
        let head = store.head(id).await.unwrap();
        let mut tiles = BTreeMap::new();
        for tile in completed(0, head.frontier.size()) {
            tiles.insert(tile, store.tile(id, tile).await.unwrap().unwrap());
        }
        let roots = tiles.iter().map(|(id, tile)| (*id, Some(tile.root()))).collect();
        let rows = store.read(id, 0, u32::MAX).await.unwrap();
        let segments = store.segments(id).await.unwrap();
        let (kept, beside, late, unindexed) = (Vec::new(), None, None, Vec::new());
        let head = Some(head);
        Self { origin, head, rows, tiles, roots, segments, kept, beside, late, unindexed }
    }

    fn beside(&self, log: LogId) -> Option<&MemoryStore> {
        self.beside.as_ref().filter(|_| log != LogId::of(&self.origin))
    }

    pub(super) fn head_mut(&mut self) -> &mut Head {
        self.head.as_mut().unwrap()
    }

    pub(super) fn row(&mut self, index: u64) -> &mut Row {
        self.rows.iter_mut().find(|row| row.index == index).unwrap()
    }

    pub(super) fn delete(&mut self, keep: impl Fn(u64) -> bool) {
        self.rows.retain(|row| keep(row.index));
    }

    /// Exchanges everything but the index.
    pub(super) fn swap(&mut self, i: u64, j: u64) {
        let (a, b) = (self.row(i).clone(), self.row(j).clone());
        *self.row(i) = Row { index: i, ..b };
        *self.row(j) = Row { index: j, ..a };
    }

    /// Exchanges the bytes, and the leaf hashes too if wanted.
    pub(super) fn swap_bytes(&mut self, i: u64, j: u64, with_leaf: bool) {
        let (a, b) = (self.row(i).clone(), self.row(j).clone());
        for (to, from) in [(i, b), (j, a)] {
            let row = self.row(to);
            row.canon = from.canon;
            row.leaf = if with_leaf { from.leaf } else { row.leaf };
        }
    }

    /// Replaces the first of a text in the bytes, and sets the leaf hash to match if wanted.
    pub(super) fn edit(&mut self, index: u64, from: &str, to: &str, with_leaf: bool) {
        let row = self.row(index);
        let edited = String::from_utf8(row.canon.clone()).unwrap().replacen(from, to, 1);
        assert_ne!(row.canon, edited.as_bytes());
        row.canon = edited.into();
        if with_leaf {
            row.leaf = Some(leaf_hash(&row.canon));
        }
    }

    /// Puts another hash into a tile.
    pub(super) fn edit_tile(&mut self, level: u8, index: u64, place: usize, hash: Hash) {
        let tile = self.tiles.get_mut(&TileId { level, index }).unwrap();
        let mut hashes = tile.hashes().to_vec();
        hashes[place] = hash;
        *tile = Tile::new(hashes).unwrap();
    }
}

fn refused() -> StoreError {
    StoreError::new(StoreErrorKind::Damaged, "read \u{1b}[2J what is no head")
}

#[async_trait]
impl Store for Tampered {
    async fn open_log(&self, _origin: &str, _class: &str) -> Result<LogId, StoreError> {
        Err(refused())
    }

    async fn logs(&self) -> Result<Vec<LogInfo>, StoreError> {
        let own = LogInfo { id: LogId::of(&self.origin), origin: self.origin.clone() };
        let beside = match &self.beside {
            Some(store) => store.logs().await?,
            None => Vec::new(),
        };
        Ok([vec![own], beside].concat())
    }

    async fn head(&self, log: LogId) -> Result<Head, StoreError> {
        if let Some(beside) = self.beside(log) {
            return beside.head(log).await;
        }
        let mut head = self.head.clone().ok_or_else(refused)?;
        if let (Some(beside), Some((of, leaf))) = (&self.beside, &self.late) {
            let said = beside.append(*of, std::slice::from_ref(leaf), DateTime::UNIX_EPOCH).await?;
            if matches!(*said.placements, [Placement::Appended(_)]) {
                head.min_index = 0;
            }
        }
        Ok(head)
    }

    async fn append(
        &self,
        _log: LogId,
        _batch: &[Leaf],
        _now: DateTime<Utc>,
    ) -> Result<Appended, StoreError> {
        Err(refused())
    }

    async fn close_log(&self, _log: LogId, _state: LogState) -> Result<(), StoreError> {
        Err(refused())
    }

    async fn set_aside(
        &self,
        _log: LogId,
        _event: &EncodedEvent,
        _reason: &str,
        _now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        Err(refused())
    }

    async fn read(&self, log: LogId, from: u64, limit: u32) -> Result<Vec<Row>, StoreError> {
        if let Some(beside) = self.beside(log) {
            return beside.read(log, from, limit).await;
        }
        let start = self.rows.partition_point(|row| row.index < from);
        let rows = self.rows[start..].iter().take(usize::try_from(limit).unwrap());
        Ok(rows.cloned().collect())
    }

    async fn search(
        &self,
        _log: LogId,
        _filter: &Filter,
        _start: Start,
        _limit: u32,
    ) -> Result<Vec<Row>, StoreError> {
        Err(refused())
    }

    async fn tile(&self, log: LogId, id: TileId) -> Result<Option<Tile>, StoreError> {
        if let Some(beside) = self.beside(log) {
            return beside.tile(log, id).await;
        }
        Ok(self.tiles.get(&id).cloned())
    }

    async fn roots(
        &self,
        log: LogId,
        first: TileId,
        count: u16,
    ) -> Result<Vec<Option<Hash>>, StoreError> {
        if let Some(beside) = self.beside(log) {
            return beside.roots(log, first, count).await;
        }
        let tiles = (first.index..).zip(0..count).map(|(index, _)| TileId { index, ..first });
        let found = tiles.map(|id| match self.roots.get(&id) {
            Some(None) => Err(refused()),
            found => Ok(found.copied().flatten()),
        });
        found.collect()
    }

    async fn unindexed(
        &self,
        log: LogId,
        range: Range<u64>,
        _terms: &TermSum,
    ) -> Result<Vec<u64>, StoreError> {
        let rows = self.unindexed.iter().filter(|_| self.beside(log).is_none());
        Ok(rows.copied().filter(|index| range.contains(index)).collect())
    }

    async fn segments(&self, log: LogId) -> Result<Vec<Segment>, StoreError> {
        if let Some(beside) = self.beside(log) {
            return beside.segments(log).await;
        }
        Ok(self.segments.clone())
    }

    async fn keep_checkpoint(
        &self,
        _log: LogId,
        _checkpoint: &SignedCheckpoint,
    ) -> Result<(), StoreError> {
        Err(refused())
    }

    async fn checkpoints(
        &self,
        log: LogId,
        from: u64,
        limit: u32,
    ) -> Result<Vec<SignedCheckpoint>, StoreError> {
        if let Some(beside) = self.beside(log) {
            return beside.checkpoints(log, from, limit).await;
        }
        let kept = self.kept.iter().filter(|kept| kept.size >= from).zip(0..limit);
        Ok(kept.map(|(kept, _)| kept.clone()).collect())
    }

    async fn lease(
        &self,
        _log: LogId,
        _lease: &Lease,
        _now: DateTime<Utc>,
    ) -> Result<Option<Lease>, StoreError> {
        Err(refused())
    }

    async fn latest_checkpoint(&self, log: LogId) -> Result<Option<SignedCheckpoint>, StoreError> {
        if let Some(beside) = self.beside(log) {
            return beside.latest_checkpoint(log).await;
        }
        Ok(self.kept.last().cloned())
    }
}
