//! What an append does to a log: worked out once, for all stores.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{
    Appended, Head, Leaf, LogId, LogState, Placement, SEGMENT_SIZE, Segment, StoreError,
    StoreErrorKind,
};
use crate::clock::to_micros;
use crate::merkle::{Hash, TILE_WIDTH, Tile, TileId, completed};

/// A batch, fitted to the end of a log.
#[derive(Debug)]
pub struct Extension<'a> {
    /// The entries to insert, by index, without gap from the old size on.
    pub entries: Vec<NewEntry<'a>>,
    /// The segments that they fall into, with the bounds of these entries alone.
    pub segments: Vec<Segment>,
    /// The full tiles that come into being, lowest level first.
    pub tiles: Vec<TileId>,
    /// The rows of the outbox that are in the log now, or have been for a while: the log that each names there, and its key.
    pub moved: Vec<(LogId, i64)>,
    /// The head afterwards.
    pub head: Head,
    /// The answer for the caller.
    pub appended: Appended,
}

/// A leaf and the index that it gets.
#[derive(Debug, Clone, Copy)]
pub struct NewEntry<'a> {
    /// Its place in the log.
    pub index: u64,
    /// The leaf.
    pub leaf: &'a Leaf,
}

impl<'a> Extension<'a> {
    /// Fits `batch` to the end `head` of a log, in which the ids of `known` stand already.
    ///
    /// # Errors
    /// [`StoreErrorKind::Closed`] where the log is not open, [`StoreErrorKind::Damaged`] where its head does not agree with
    /// itself.
    pub fn of(
        mut head: Head,
        batch: &'a [Leaf],
        mut known: BTreeMap<Uuid, (u64, Hash)>,
        now: DateTime<Utc>,
    ) -> Result<Self, StoreError> {
        let damaged = |what: &str| StoreError::new(StoreErrorKind::Damaged, what);
        if head.state != LogState::Open {
            let what = format!("the log takes no entries ({:?})", head.state);
            return Err(StoreError::new(StoreErrorKind::Closed, what));
        }
        let size = head.frontier.size();
        if head.frontier.root() != head.root {
            return Err(damaged(
                "the head's root is not the root of its frontier: run `audit verify`",
            ));
        }
        let recorded_at = head.recorded_at.map_or(to_micros(now), |last| last.max(to_micros(now)));
        let mut entries = Vec::with_capacity(batch.len());
        let mut segments: Vec<Segment> = Vec::new();
        let mut placements = Vec::with_capacity(batch.len());
        let mut moved = Vec::new();
        for leaf in batch {
            if let Some(&(index, hash)) = known.get(&leaf.columns.event_id) {
                let same = hash == leaf.hash;
                if same {
                    moved.extend(leaf.outbox);
                    placements.push(Placement::Repeated(index));
                } else {
                    placements.push(Placement::Conflict(index, hash));
                }
                continue;
            }
            let index = head.frontier.size();
            head.frontier
                .push(leaf.hash)
                .map_err(|full| damaged("the log is full").caused_by(full))?;
            known.insert(leaf.columns.event_id, (index, leaf.hash));
            widen(&mut segments, index / SEGMENT_SIZE, leaf.columns.occurred_at);
            entries.push(NewEntry { index, leaf });
            moved.extend(leaf.outbox);
            placements.push(Placement::Appended(index));
        }
        if !entries.is_empty() {
            head.root = head.frontier.root();
            head.recorded_at = Some(recorded_at);
        }
        let tiles = completed(size, head.frontier.size()).collect();
        Ok(Self {
            entries,
            segments,
            tiles,
            moved,
            head,
            appended: Appended { placements, recorded_at },
        })
    }
}

impl Extension<'_> {
    /// The hashes under a tile of level 0 that is full of entries of this batch; only the first one can
    /// have leaves of an earlier batch.
    #[must_use]
    pub fn leaves_of(&self, id: TileId) -> Option<Vec<Hash>> {
        let (from, to) = (id.index * TILE_WIDTH, (id.index + 1) * TILE_WIDTH);
        let all = id.level == 0 && self.entries.first().is_some_and(|first| first.index <= from);
        let own = self.entries.iter().filter(|entry| (from..to).contains(&entry.index));
        all.then(|| own.map(|entry| entry.leaf.hash).collect())
    }

    /// The tile of these hashes, if they are so many that it is full.
    #[must_use]
    pub fn full_tile(hashes: Vec<Hash>) -> Option<Tile> {
        let full = u64::try_from(hashes.len()) == Ok(TILE_WIDTH);
        full.then(|| Tile::new(hashes).ok()).flatten()
    }
}

/// Lets the last of `segments` take in one more time; indices come in order.
pub(crate) fn widen(segments: &mut Vec<Segment>, number: u64, at: DateTime<Utc>) {
    match segments.last_mut() {
        Some(last) if last.number == number => {
            last.earliest = last.earliest.min(at);
            last.latest = last.latest.max(at);
        }
        _ => segments.push(Segment { number, earliest: at, latest: at }),
    }
}
