//! A log in memory: for tests, and as the plainest picture of what a store does.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::extend::widen;
use super::{
    Anchor, Appended, Extension, Head, Leaf, Lease, LogId, LogInfo, LogState, Row, SEGMENT_SIZE,
    Segment, SignedCheckpoint, Start, Store, StoreError, StoreErrorKind,
};
use crate::clock::to_micros;
use crate::event::EncodedEvent;
use crate::merkle::{Hash, TILE_WIDTH, Tile, TileId};
use crate::query::Filter;

/// A store that is gone with the process. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct MemoryStore {
    logs: Arc<Mutex<BTreeMap<LogId, Log>>>,
}

#[derive(Debug)]
struct Log {
    origin: String,
    head: Head,
    rows: Vec<Row>,
    ids: BTreeMap<Uuid, (u64, Hash)>,
    tiles: BTreeMap<TileId, Tile>,
    segments: Vec<Segment>,
    rejected: Vec<(EncodedEvent, String)>,
    checkpoints: BTreeMap<u64, SignedCheckpoint>,
    /// By place.
    anchors: BTreeMap<String, Anchor>,
    lease: Option<Lease>,
}

impl MemoryStore {
    /// A store without logs.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn logs(&self) -> MutexGuard<'_, BTreeMap<LogId, Log>> {
        self.logs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with<T>(
        &self,
        id: LogId,
        work: impl FnOnce(&mut Log) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let mut logs = self.logs();
        match logs.get_mut(&id) {
            Some(log) => work(log),
            None => {
                Err(StoreError::new(StoreErrorKind::Damaged, format!("there is no log {}", id.0)))
            }
        }
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn open_log(&self, origin: &str, _class: &str) -> Result<LogId, StoreError> {
        let id = LogId::of(origin);
        self.logs().entry(id).or_insert_with(|| Log {
            origin: origin.to_owned(),
            head: Head::empty(),
            rows: Vec::new(),
            ids: BTreeMap::new(),
            tiles: BTreeMap::new(),
            segments: Vec::new(),
            rejected: Vec::new(),
            checkpoints: BTreeMap::new(),
            anchors: BTreeMap::new(),
            lease: None,
        });
        Ok(id)
    }

    async fn logs(&self) -> Result<Vec<LogInfo>, StoreError> {
        let logs = self.logs();
        let infos = logs.iter().map(|(&id, log)| LogInfo { id, origin: log.origin.clone() });
        let mut infos: Vec<_> = infos.collect();
        infos.sort_by(|a, b| a.origin.cmp(&b.origin));
        Ok(infos)
    }

    async fn head(&self, log: LogId) -> Result<Head, StoreError> {
        self.with(log, |log| Ok(log.head.clone()))
    }

    async fn close_log(&self, log: LogId, state: LogState) -> Result<(), StoreError> {
        self.with(log, |log| {
            if !log.head.state.may_become(state) {
                let what = format!("a log that is {:?} does not become {state:?}", log.head.state);
                return Err(StoreError::new(StoreErrorKind::Rejected, what));
            }
            log.head.state = state;
            Ok(())
        })
    }

    async fn append(
        &self,
        log: LogId,
        batch: &[Leaf],
        now: DateTime<Utc>,
    ) -> Result<Appended, StoreError> {
        self.with(log, |log| {
            let known = batch.iter().filter_map(|leaf| {
                let id = leaf.columns.event_id;
                Some((id, *log.ids.get(&id)?))
            });
            let extension = Extension::of(log.head.clone(), batch, known.collect(), now)?;
            for entry in &extension.entries {
                let leaf = entry.leaf;
                log.ids.insert(leaf.columns.event_id, (entry.index, leaf.hash));
                log.rows.push(Row {
                    index: entry.index,
                    segment: Some(entry.index / SEGMENT_SIZE),
                    recorded_at: Some(extension.appended.recorded_at),
                    leaf: Some(leaf.hash),
                    canon: leaf.event.canon.clone().into_bytes(),
                    columns: Some(leaf.columns.clone()),
                    openings: leaf.event.openings.clone(),
                    ip: leaf.ip.map(Vec::from),
                });
            }
            for &id in &extension.tiles {
                let hashes: Vec<Hash> = match id.level.checked_sub(1) {
                    None => rows_from(&log.rows, id.index * TILE_WIDTH)
                        .filter_map(|row| row.leaf)
                        .collect(),
                    Some(level) => {
                        let first = TileId { level, index: id.index * TILE_WIDTH };
                        log.tiles.range(first..).take(256).map(|(_, tile)| tile.root()).collect()
                    }
                };
                let full = hashes.into_iter().take(256).collect();
                let damaged = |error| {
                    StoreError::new(StoreErrorKind::Damaged, "write a tile").caused_by(error)
                };
                log.tiles.insert(id, Tile::new(full).map_err(damaged)?);
            }
            for segment in extension.segments {
                widen(&mut log.segments, segment.number, segment.earliest);
                widen(&mut log.segments, segment.number, segment.latest);
            }
            log.head = extension.head;
            Ok(extension.appended)
        })
    }

    async fn set_aside(
        &self,
        log: LogId,
        event: &EncodedEvent,
        reason: &str,
        _now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.with(log, |log| {
            log.rejected.push((event.clone(), reason.to_owned()));
            Ok(())
        })
    }

    async fn read(&self, log: LogId, from: u64, limit: u32) -> Result<Vec<Row>, StoreError> {
        self.with(log, |log| {
            Ok(rows_from(&log.rows, from).zip(0..limit).map(|(row, _)| row.clone()).collect())
        })
    }

    fn may_miss_terms(&self) -> bool {
        false
    }

    async fn search(
        &self,
        log: LogId,
        filter: &Filter,
        start: Start,
        limit: u32,
    ) -> Result<Vec<Row>, StoreError> {
        self.with(log, |log| {
            let Range { start: first, end } = start.range(log.head.frontier.size());
            let [first, end] = [first, end].map(|at| usize::try_from(at).unwrap_or(usize::MAX));
            let rows = log.rows.get(first..end).unwrap_or_default().iter();
            let found = rows.filter(|row| {
                let columns = row.columns.as_ref();
                columns.is_some_and(|columns| filter.matches(columns, row.ip.as_deref()))
            });
            Ok(match start {
                Start::Before(_) => found.rev().zip(0..limit).map(|(row, _)| row.clone()).collect(),
                Start::At(_) => found.zip(0..limit).map(|(row, _)| row.clone()).collect(),
            })
        })
    }

    async fn tile(&self, log: LogId, id: TileId) -> Result<Option<Tile>, StoreError> {
        self.with(log, |log| Ok(log.tiles.get(&id).cloned()))
    }

    async fn replace_tiles(&self, log: LogId, tiles: &[(TileId, Tile)]) -> Result<(), StoreError> {
        self.with(log, |log| {
            log.tiles.extend(tiles.iter().cloned());
            Ok(())
        })
    }

    async fn segments(&self, log: LogId) -> Result<Vec<Segment>, StoreError> {
        self.with(log, |log| Ok(log.segments.clone()))
    }

    async fn keep_checkpoint(
        &self,
        log: LogId,
        checkpoint: &SignedCheckpoint,
    ) -> Result<(), StoreError> {
        self.with(log, |log| {
            let there = log.checkpoints.get(&checkpoint.size);
            if let Some(added) =
                checkpoint.added_to(there.map(|there| (there.root, &*there.note)))?
            {
                let signed_at = to_micros(added.signed_at);
                log.checkpoints.insert(added.size, SignedCheckpoint { signed_at, ..added });
            }
            Ok(())
        })
    }

    async fn checkpoints(
        &self,
        log: LogId,
        from: u64,
        limit: u32,
    ) -> Result<Vec<SignedCheckpoint>, StoreError> {
        self.with(log, |log| {
            let found = log.checkpoints.range(from..).zip(0..limit);
            Ok(found.map(|((_, checkpoint), _)| checkpoint.clone()).collect())
        })
    }

    async fn latest_checkpoint(&self, log: LogId) -> Result<Option<SignedCheckpoint>, StoreError> {
        self.with(log, |log| Ok(log.checkpoints.last_key_value().map(|(_, last)| last.clone())))
    }

    async fn keep_anchor(&self, log: LogId, anchor: &Anchor) -> Result<(), StoreError> {
        self.with(log, |log| {
            log.anchors.insert(anchor.place.clone(), anchor.clone());
            Ok(())
        })
    }

    async fn anchors(&self, log: LogId) -> Result<Vec<Anchor>, StoreError> {
        self.with(log, |log| Ok(log.anchors.values().cloned().collect()))
    }

    async fn lease(
        &self,
        log: LogId,
        lease: &Lease,
        now: DateTime<Utc>,
    ) -> Result<Option<Lease>, StoreError> {
        self.with(log, |log| {
            let is_others = |there: &&Lease| there.holder != lease.holder && there.until >= now;
            let other = log.lease.as_ref().filter(is_others).cloned();
            if other.is_none() {
                log.lease = Some(lease.clone());
            }
            Ok(other)
        })
    }
}

/// Rows by index from one on; as nothing is ever removed, row `i` stands at place `i`.
fn rows_from(rows: &[Row], from: u64) -> impl Iterator<Item = &Row> {
    rows.iter().skip(usize::try_from(from).unwrap_or(usize::MAX))
}
