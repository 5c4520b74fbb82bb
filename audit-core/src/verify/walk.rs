//! From the peaks of a frontier down to the rows.
//!
//! What a subtree must hash to is known before its rows are read: the peaks say it of the largest, a tile
//! says it of the 256 under it. A tile that does not hash to what is known of it is corrupt, and what it
//! should have said is taken from the tiles under it or from the rows, if these do. So each row is
//! compared with a hash that the head commits to, and no hole or change spoils the view of the others.
//!
//! Where so much was changed under one peak that nothing hashes to it, that is a finding, or part of one
//! that says what is missing; the rows are then compared with their tiles alone.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use super::ahead::Ahead;
use super::anchors::Anchors;
use super::choice::choose;
use super::entries::{Entries, Known};
use super::examined::Depth;
use super::finding::{FindingKind, Span};
use super::leaves::{Leaves, root_of};
use super::permits::Permit;
use super::report::Findings;
use super::rows::{Rows, Runs};
use super::strays::Strays;
use super::swap::swapped_back;
use crate::merkle::{Frontier, Hash, TILE_WIDTH, Tile, TileId};
use crate::store::{LogId, LogInfo, Reader, Store, StoreError, content};

/// Tiles of 256 leaves that are read at once, of 8 KiB each.
const TILES: u16 = 16;

/// One pass over the first entries of a log. Holds a few chunks of rows, some tiles and 256 hashes a level at a time,
/// and findings.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    store: &'a dyn Store,
    log: LogId,
    depth: Depth,
    rows: Ahead,
    /// The index of the first entry that is read. Those before it were verified before, and are known by their tiles.
    pub(super) from: u64,
    /// The index after the last row.
    next: u64,
    entries_read: &'a AtomicU64,
    gaps: Runs,
    /// Where entries are missed, and with them what the others could be compared with.
    unknown: Vec<Span>,
    /// Tiles without any rows under them that are missing, or not what the head commits to.
    bare: Vec<TileId>,
    /// The tiles that were read last, the first of them by its id.
    tiles: (TileId, Vec<Option<Tile>>),
    strays: Strays,
    /// What was seen beside the bytes.
    pub(super) entries: Entries,
    /// What is known of the log from outside.
    pub(super) anchors: Anchors<'a>,
    /// What was found so far.
    pub(super) findings: Findings,
    /// Whether everything could be compared with what the frontier commits to.
    pub(super) settled: bool,
}

/// What stands under a full tile, and what it must hash to, if that is known.
#[derive(Debug)]
struct Subtree {
    tile: TileId,
    expected: Option<Hash>,
}

/// Roots of subtrees as the rows give them, by their stored leaf hashes and by their bytes.
#[derive(Debug, Default)]
struct Rebuilt {
    by_leaf: Vec<Option<Hash>>,
    by_bytes: Vec<Option<Hash>>,
    /// Whether a row was missing.
    missed: bool,
}

impl<'a> Walk<'a> {
    /// Over a log of so many entries.
    pub(super) fn new(
        reader: &'a Reader,
        log: &LogInfo,
        depth: Depth,
        size: u64,
        known: Known,
        anchors: Anchors<'a>,
        entries_read: &'a AtomicU64,
    ) -> Result<Self, StoreError> {
        let from = anchors.sealed.first_unverified(size);
        Ok(Self {
            store: reader.store(),
            log: log.id,
            depth,
            rows: Ahead::new(reader, log.id, from, depth)?,
            from,
            next: from,
            entries_read,
            gaps: Runs::default(),
            unknown: Vec::new(),
            bare: Vec::new(),
            tiles: (TileId { level: 0, index: 0 }, Vec::new()),
            strays: Strays::default(),
            entries: Entries::new(&log.origin, known),
            anchors,
            findings: Findings::new(&log.origin),
            settled: true,
        })
    }

    /// Compares the rows that are read, all below the frontier's size, with it.
    pub(super) async fn run(&mut self, frontier: &Frontier) -> Result<(), StoreError> {
        let mut newest = Vec::new();
        for (range, peak) in frontier.spans() {
            let height = range.end.saturating_sub(range.start).trailing_zeros();
            let Some(level) = u8::try_from(height / 8).unwrap_or(0).checked_sub(1) else {
                newest.push((range, peak));
                continue;
            };
            let bits = 8 * (u32::from(level) + 1);
            let indices = range.start >> bits..range.end >> bits;
            let mut subtrees = self.open(None, level, indices, Some(peak)).await?;
            while let Some(Subtree { tile, expected }) = subtrees.pop() {
                let leaves = leaves_of(tile);
                if leaves.end <= self.from {
                    self.anchors.pass(&leaves, expected);
                    continue;
                }
                // Where neither a hash nor a row is known there is nothing to compare, however many
                // entries the head claims.
                if expected.is_none() && !self.has_row_below(leaves.end).await? {
                    continue;
                }
                match tile.level.checked_sub(1) {
                    None => self.check_block(tile, expected).await?,
                    Some(level) => {
                        let first = tile.index * TILE_WIDTH;
                        let indices = first..first + TILE_WIDTH;
                        subtrees.extend(self.open(Some(tile), level, indices, expected).await?);
                    }
                }
            }
        }
        self.check_newest(newest).await
    }

    /// The subtrees under a node that hashes to `expected`, the last one first. They are those of the
    /// tiles of these `indices`; the node is that of the tile `own`, or else a peak.
    async fn open(
        &mut self,
        own: Option<TileId>,
        level: u8,
        indices: Range<u64>,
        expected: Option<Hash>,
    ) -> Result<Vec<Subtree>, StoreError> {
        let subtrees = self.subtrees(own, level, indices, expected).await?;
        self.check_roots(&subtrees).await?;
        Ok(subtrees)
    }

    async fn subtrees(
        &mut self,
        own: Option<TileId>,
        level: u8,
        indices: Range<u64>,
        expected: Option<Hash>,
    ) -> Result<Vec<Subtree>, StoreError> {
        let tiles: Vec<_> = indices.map(|index| TileId { level, index }).collect();
        let subtrees = |roots: Vec<Option<Hash>>| {
            let tiles = tiles.iter().zip(roots).rev();
            tiles.map(|(&tile, expected)| Subtree { tile, expected }).collect()
        };
        let (Some(root), true) = (expected, tiles.len() > 1) else {
            return Ok(subtrees(vec![expected; tiles.len()]));
        };
        let all_known = |roots: &[Hash]| subtrees(roots.iter().copied().map(Some).collect());
        if let Some(id) = own
            && let Some(tile) = self.tile(id, expected).await?
        {
            return Ok(all_known(tile.hashes()));
        }
        let mut stored = Vec::with_capacity(tiles.len());
        for &id in &tiles {
            stored.push(self.load(id).await?.map(|tile| tile.root()));
        }
        let fits = |roots: &[Hash]| root_of(roots) == Some(root);
        if let Some(roots) = stored.iter().copied().collect::<Option<Vec<_>>>()
            && fits(&roots)
        {
            return Ok(all_known(&roots));
        }
        let Rebuilt { by_leaf, by_bytes, missed } = self.rebuild(&tiles).await?;
        if let Some(chosen) = choose([&stored, &by_leaf, &by_bytes], fits) {
            return Ok(all_known(&chosen));
        }
        let range = all_leaves_of(&tiles);
        if self.has_row_below(range.end).await? {
            self.unsettled(range, missed);
            return Ok(subtrees(vec![None; tiles.len()]));
        }
        // All the rows are gone, so there is nothing further down to compare.
        self.settled = false;
        let is_any_missing = stored.iter().any(Option::is_none);
        let lost = tiles.iter().zip(&stored).filter(|(_, root)| !is_any_missing || root.is_none());
        self.bare.extend(lost.map(|(id, _)| *id));
        Ok(Vec::new())
    }

    /// Compares the roots that stand beside neighbouring tiles, the last one first, with what is known of them.
    async fn check_roots(&mut self, subtrees: &[Subtree]) -> Result<(), StoreError> {
        let (Some(first), Ok(count)) = (subtrees.last(), u16::try_from(subtrees.len())) else {
            return Ok(());
        };
        match content(self.store.roots(self.log, first.tile, count).await)? {
            Ok(roots) => {
                for (&Subtree { tile, expected }, root) in subtrees.iter().rev().zip(roots) {
                    let differs = root.is_some() && expected.is_some() && root != expected;
                    // Where the tile is not what it should be either, that is told of the tile.
                    if differs && self.load(tile).await?.map(|tile| tile.root()) == expected {
                        self.corrupt(tile, "has a root beside it that is not its own");
                    }
                }
            }
            Err(damage) => {
                let last = subtrees.first().map_or(first.tile, |last| last.tile);
                let place = Span::from(leaves_of(first.tile).start..leaves_of(last).end);
                self.findings.add(FindingKind::TilesCorrupt, place, damage);
            }
        }
        Ok(())
    }

    /// Finds the roots of the subtrees under these tiles by their rows. Where rows are missing their
    /// tile stands in for them.
    async fn rebuild(&mut self, tiles: &[TileId]) -> Result<Rebuilt, StoreError> {
        let start = all_leaves_of(tiles).start;
        let mut rows = Rows::new(self.store, self.log, start);
        let mut rebuilt = Rebuilt::default();
        for &id in tiles {
            let (mut by_leaf, mut by_bytes) = (Some(Frontier::new()), Some(Frontier::new()));
            for start in leaves_of(id).step_by(256) {
                let leaves = rows.take(start..start + TILE_WIDTH).await?;
                rebuilt.missed |= leaves.misses_any();
                let (mut stored, mut hashed) = (leaves.stored(), leaves.hashed());
                if stored.is_none() {
                    let tile = self.load(TileId { level: 0, index: start / TILE_WIDTH }).await?;
                    stored = tile.map(|tile| tile.hashes().to_vec());
                    hashed = hashed.or_else(|| stored.clone());
                }
                by_leaf = grown(by_leaf, stored);
                by_bytes = grown(by_bytes, hashed);
                if by_leaf.is_none() && by_bytes.is_none() {
                    break;
                }
            }
            rebuilt.by_leaf.push(by_leaf.map(|tree| tree.root()));
            rebuilt.by_bytes.push(by_bytes.map(|tree| tree.root()));
        }
        Ok(rebuilt)
    }

    /// Compares 256 rows with their tile.
    async fn check_block(&mut self, id: TileId, expected: Option<Hash>) -> Result<(), StoreError> {
        let leaves = self.take(leaves_of(id)).await?;
        // Where leaves alone are looked at, their tile says nothing that they do not say.
        if let (Depth::Leaves, Some(expected), Some(hashes)) =
            (self.depth, expected, leaves.hashed())
            && root_of(&hashes) == Some(expected)
        {
            self.compare(&leaves, Some(hashes));
            return Ok(());
        }
        let reference = match (self.tile(id, expected).await?, expected) {
            (Some(tile), None) if leaves.disprove(&tile) => {
                self.corrupt(id, "is not that of the rows, which agree with themselves");
                None
            }
            (Some(tile), _) => Some(tile.hashes().to_vec()),
            (None, Some(expected)) => leaves.settled(expected, &self.strays),
            (None, None) => None,
        };
        if reference.is_none() && expected.is_some() {
            self.unsettled(leaves.range.clone(), leaves.misses_any());
        }
        self.compare(&leaves, reference);
        Ok(())
    }

    /// Compares the rows that have no tile yet, fewer than 256, with the peaks over them.
    async fn check_newest(&mut self, peaks: Vec<(Range<u64>, Hash)>) -> Result<(), StoreError> {
        let mut parts = Vec::new();
        for (range, peak) in peaks {
            let leaves = self.take(range).await?;
            let reference = leaves.settled(peak, &self.strays);
            parts.push((leaves, peak, reference));
        }
        let mut failing: Vec<_> = parts
            .iter_mut()
            .filter(|(_, _, reference)| reference.is_none())
            .filter_map(|(leaves, peak, reference)| Some(((leaves.hashed()?, *peak), reference)))
            .collect();
        let trees: Vec<_> = failing.iter().map(|(tree, _)| tree.clone()).collect();
        for ((_, reference), leaves) in
            failing.iter_mut().zip(swapped_back(&trees).unwrap_or_default())
        {
            **reference = Some(leaves);
        }
        for (leaves, _, reference) in parts {
            if reference.is_none() {
                self.unsettled(leaves.range.clone(), leaves.misses_any());
            }
            self.compare(&leaves, reference);
        }
        Ok(())
    }

    /// Compares rows with the leaf hashes that belong there; where these are not known, only with what
    /// stands beside each.
    fn compare(&mut self, leaves: &Leaves, reference: Option<Vec<Hash>>) {
        let own = if reference.is_none() { leaves.hashed() } else { None };
        let hashes = reference.as_deref().or(own.as_deref());
        self.anchors.grow(&leaves.range, hashes, &mut self.findings);
        let reference = reference.unwrap_or_default();
        let may_miss_terms = self.store.may_miss_terms();
        for (place, row) in leaves.rows() {
            if may_miss_terms {
                self.entries.add_terms(row);
            }
            match reference.get(place) {
                Some(lost) if *lost != row.hash => self.strays.add(row.index, row.hash, *lost),
                _ => self.entries.check(row, &mut self.findings),
            }
        }
    }

    async fn has_row_below(&mut self, end: u64) -> Result<bool, StoreError> {
        Ok(self.rows.peek().await?.is_some_and(|index| index < end))
    }

    /// The next rows, as far as they are in `range`; notes what is missing before and among them.
    async fn take(&mut self, range: Range<u64>) -> Result<Leaves, StoreError> {
        self.anchors.load(&range, &mut self.findings).await?;
        let leaves = self.rows.take(range).await?;
        let count = u64::try_from(leaves.rows().count()).unwrap_or(0);
        self.entries_read.fetch_add(count, Ordering::Relaxed);
        for (_, row) in leaves.rows() {
            if row.index > self.next {
                self.gaps.add(Span::from(self.next..row.index));
            }
            self.next = row.index.saturating_add(1);
        }
        for &index in &leaves.claimed {
            let detail = "more than one row claims this index";
            self.findings.add(FindingKind::Duplicate, Span::from(index), detail);
        }
        Ok(leaves)
    }

    /// Notes that nothing in the database hashes to what is known of these entries.
    fn unsettled(&mut self, range: Range<u64>, missed: bool) {
        self.settled = false;
        let place = Span::from(range);
        if missed {
            return self.unknown.push(place);
        }
        self.doubt(place);
    }

    fn doubt(&mut self, place: Span) {
        let detail = "neither the bytes here nor the stored hashes are what the head commits to; which of them were \
                      changed, or whether the head was, cannot be told from this database";
        self.findings.add(FindingKind::Modified, place, detail);
    }

    /// A full tile, if it is there and hashes to what is known of it; else that is a finding.
    async fn tile(
        &mut self,
        id: TileId,
        expected: Option<Hash>,
    ) -> Result<Option<Tile>, StoreError> {
        let tile = self.load(id).await?;
        let right = tile
            .as_ref()
            .is_some_and(|tile| expected.is_none_or(|expected| tile.root() == expected));
        if right {
            return Ok(tile);
        }
        let missing = tile.is_none();
        self.corrupt(
            id,
            if missing { "is missing or cannot be read" } else { "is not that of its leaves" },
        );
        Ok(None)
    }

    fn corrupt(&mut self, id: TileId, how: &str) {
        let detail = format!("tile {} of level {} {how}", id.index, id.level);
        self.findings.add(FindingKind::TilesCorrupt, Span::from(leaves_of(id)), detail);
    }

    async fn load(&mut self, id: TileId) -> Result<Option<Tile>, StoreError> {
        let (first, read) = &self.tiles;
        let mut known = (first.index..).zip(read);
        let known = known.find(|&(index, _)| id == TileId { index, ..*first });
        let tile = match known {
            Some((_, tile)) => tile.clone(),
            None => match content(self.store.tiles(self.log, id, TILES).await)? {
                Ok(tiles) => {
                    self.tiles = (id, tiles);
                    self.tiles.1.first().cloned().flatten()
                }
                // One of them cannot be read: perhaps another one.
                Err(_) => content(self.store.tile(self.log, id).await)?.ok().flatten(),
            },
        };
        Ok(tile.filter(|tile| tile.hashes().len() == 256))
    }

    /// Turns what could be judged only at the end into findings: what of `size` entries is missing, but for those below an
    /// index of which somebody says that they may be, and what stands at a wrong place.
    pub(super) fn finish(&mut self, size: u64, pruned: Option<&(u64, Permit)>) {
        let min_index = pruned.map_or(0, |(min_index, _)| *min_index);
        let missing = |place: &Span| {
            let unknown = self
                .unknown
                .iter()
                .find(|span| span.first <= place.last && place.first <= span.last);
            let unknown = unknown.map(|span| {
                format!("; without it the bytes of {span} cannot be compared with the head")
            });
            format!("no row stands here{}", unknown.unwrap_or_default())
        };
        let tail = (self.next < size).then(|| Span::from(self.next..size));
        let gone = self.gaps.spans.iter().map(|place| (FindingKind::Missing, *place));
        let mut told = Vec::new();
        for (kind, place) in gone.chain(tail.map(|tail| (FindingKind::Truncated, tail))) {
            if let Some((min_index, permit)) = pruned.filter(|_| place.first < min_index) {
                let gone = Span { last: place.last.min(min_index.saturating_sub(1)), ..place };
                let what = "these entries were pruned";
                permit.tell(FindingKind::Pruned, gone, what, &mut self.findings);
            }
            if place.last >= min_index {
                let rest = Span { first: place.first.max(min_index), ..place };
                self.findings.add(kind, rest, missing(&rest));
                told.push(rest);
            }
        }
        // Tiles are all that is left of what was pruned.
        for id in std::mem::take(&mut self.bare) {
            if leaves_of(id).start < min_index {
                self.corrupt(id, "is missing or is not that of its leaves, and these are gone");
            }
        }
        // Where all is gone there are no bytes to doubt.
        for place in std::mem::take(&mut self.unknown) {
            let is_told = |gone: &Span| gone.first <= place.last && place.first <= gone.last;
            let is_all = |gone: &Span| gone.first <= place.first && place.last <= gone.last;
            let is_bare = self.gaps.omitted > 0 || self.gaps.spans.iter().any(is_all);
            if !is_bare && !told.iter().any(is_told) {
                self.doubt(place);
            }
        }
        self.findings.omit(FindingKind::Missing, self.gaps.omitted);
        self.strays.report(&mut self.findings);
        self.entries.tell_erased(&mut self.findings);
    }
}

/// The leaves under a full tile.
fn leaves_of(id: TileId) -> Range<u64> {
    let bits = 8 * (u32::from(id.level) + 1);
    id.index << bits..(id.index + 1) << bits
}

/// The leaves under neighbouring tiles.
fn all_leaves_of(tiles: &[TileId]) -> Range<u64> {
    let start = tiles.first().map_or(0, |id| leaves_of(*id).start);
    start..tiles.last().map_or(start, |id| leaves_of(*id).end)
}

fn grown(tree: Option<Frontier>, leaves: Option<Vec<Hash>>) -> Option<Frontier> {
    let mut tree = tree?;
    leaves?.into_iter().try_for_each(|leaf| tree.push(leaf)).ok()?;
    Some(tree)
}
