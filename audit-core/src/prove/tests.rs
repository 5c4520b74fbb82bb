//! Logs whose tree is higher than a tile, and how much of them a proof reads.
//!
//! `AUDIT_SOAK=1` takes a million entries.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::*;
use crate::event::{Columns, EncodedEvent};
use crate::merkle::{Tile, TileId};
use crate::note::{KeyKind, SignerKey};
use crate::query::Filter;
use crate::store::{
    Appended, Head, Leaf, Lease, LogInfo, LogState, MemoryStore, Row, Segment, SignedCheckpoint,
    Start, Store, StoreErrorKind,
};

const ORIGIN: &str = "billing.example/audit/standard";

/// A store that counts what is read of the tree of its log.
#[derive(Debug, Clone, Default)]
struct Counting {
    log: MemoryStore,
    tiles: Arc<AtomicU32>,
    rows: Arc<AtomicU32>,
    /// Whether it says which roots its tiles have.
    keeps_roots: bool,
}

impl Counting {
    /// A log of so many of the smallest leaves that there are, and their hashes.
    async fn of(size: u64) -> (Self, Vec<Hash>) {
        let store = Self { keeps_roots: true, ..Self::default() };
        let log = store.open_log(ORIGIN, "standard").await.unwrap();
        let leaves: Vec<_> = (0..size).map(leaf).collect();
        for batch in leaves.chunks(5_000) {
            store.append(log, batch, DateTime::UNIX_EPOCH).await.unwrap();
        }
        (store, leaves.iter().map(|leaf| leaf.hash).collect())
    }

    /// Tiles, or roots of tiles, and rows that were read since the last look.
    fn reads(&self) -> (u32, u32) {
        (self.tiles.swap(0, Ordering::Relaxed), self.rows.swap(0, Ordering::Relaxed))
    }
}

fn leaf(number: u64) -> Leaf {
    let id = Uuid::from_u128(number.into());
    let canon = format!("{{\"id\":\"{number}\"}}");
    let columns = Columns {
        event_id: id,
        occurred_at: DateTime::UNIX_EPOCH,
        action: "a".to_owned(),
        actor: None,
        resource_type: None,
        resource_id: None,
        terms: Vec::new(),
    };
    let hash = leaf_hash(canon.as_bytes());
    let event = EncodedEvent { id, class: "standard".to_owned(), canon, openings: None };
    Leaf { event, hash, columns, ip: None, outbox: None }
}

#[async_trait]
impl Store for Counting {
    async fn open_log(&self, origin: &str, class: &str) -> Result<LogId, StoreError> {
        self.log.open_log(origin, class).await
    }

    async fn logs(&self) -> Result<Vec<LogInfo>, StoreError> {
        self.log.logs().await
    }

    async fn head(&self, log: LogId) -> Result<Head, StoreError> {
        self.log.head(log).await
    }

    async fn close_log(&self, log: LogId, state: LogState) -> Result<(), StoreError> {
        self.log.close_log(log, state).await
    }

    async fn append(
        &self,
        log: LogId,
        batch: &[Leaf],
        now: DateTime<Utc>,
    ) -> Result<Appended, StoreError> {
        self.log.append(log, batch, now).await
    }

    async fn set_aside(
        &self,
        _: LogId,
        _: &EncodedEvent,
        _: &str,
        _: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        Err(StoreError::new(StoreErrorKind::Rejected, "nothing is set aside here"))
    }

    async fn read(&self, log: LogId, from: u64, limit: u32) -> Result<Vec<Row>, StoreError> {
        let rows = self.log.read(log, from, limit).await?;
        self.rows.fetch_add(u32::try_from(rows.len()).unwrap(), Ordering::Relaxed);
        Ok(rows)
    }

    async fn search(
        &self,
        log: LogId,
        filter: &Filter,
        start: Start,
        limit: u32,
    ) -> Result<Vec<Row>, StoreError> {
        self.log.search(log, filter, start, limit).await
    }

    async fn tile(&self, log: LogId, id: TileId) -> Result<Option<Tile>, StoreError> {
        self.tiles.fetch_add(1, Ordering::Relaxed);
        self.log.tile(log, id).await
    }

    async fn roots(
        &self,
        log: LogId,
        first: TileId,
        count: u16,
    ) -> Result<Vec<Option<Hash>>, StoreError> {
        self.tiles.fetch_add(1, Ordering::Relaxed);
        let mut roots = Vec::new();
        for index in first.index..first.index + u64::from(count) {
            let tile = self.log.tile(log, TileId { index, ..first }).await?;
            roots.push(tile.filter(|_| self.keeps_roots).map(|tile| tile.root()));
        }
        Ok(roots)
    }

    async fn segments(&self, log: LogId) -> Result<Vec<Segment>, StoreError> {
        self.log.segments(log).await
    }

    async fn keep_checkpoint(
        &self,
        log: LogId,
        checkpoint: &SignedCheckpoint,
    ) -> Result<(), StoreError> {
        self.log.keep_checkpoint(log, checkpoint).await
    }

    async fn checkpoints(
        &self,
        log: LogId,
        from: u64,
        limit: u32,
    ) -> Result<Vec<SignedCheckpoint>, StoreError> {
        self.log.checkpoints(log, from, limit).await
    }

    async fn lease(
        &self,
        log: LogId,
        lease: &Lease,
        now: DateTime<Utc>,
    ) -> Result<Option<Lease>, StoreError> {
        self.log.lease(log, lease, now).await
    }

    async fn latest_checkpoint(&self, log: LogId) -> Result<Option<SignedCheckpoint>, StoreError> {
        self.log.latest_checkpoint(log).await
    }
}

/// What a log of these leaves committed to when it had so many; the sizes rise.
fn checkpoints(hashes: &[Hash], sizes: &[u64]) -> Vec<Checkpoint> {
    let (mut tree, mut leaves) = (Frontier::new(), hashes.iter());
    let grown = |&size| {
        while tree.size() < size {
            tree.push(*leaves.next().unwrap()).unwrap();
        }
        let root = tree.root();
        Checkpoint { origin: ORIGIN.to_owned(), size, root, extensions: Vec::new() }
    };
    sizes.iter().map(grown).collect()
}

fn checkpoint(hashes: &[Hash], size: u64) -> Checkpoint {
    checkpoints(hashes, &[size]).remove(0)
}

fn signed(checkpoint: &Checkpoint) -> SignedNote {
    let key = SignerKey::generate(ORIGIN, KeyKind::Ed25519).unwrap();
    SignedNote::new(checkpoint.to_string()).unwrap().signed(&key, DateTime::UNIX_EPOCH)
}

fn size() -> u64 {
    if std::env::var_os("AUDIT_SOAK").is_some() { 1_000_000 } else { 70_000 }
}

#[tokio::test]
async fn every_entry_is_proved_to_every_checkpoint_behind_it_by_few_reads() {
    let size = size();
    let (store, hashes) = Counting::of(size).await;
    let reader = Reader::new(store.clone());
    let (mut most_tiles, mut most_rows) = (0, 0);
    let ends = [1, 2, 255, 256, 257, 513, 65_535, 65_536, 65_537, 65_793, size - 1, size];
    for checkpoint in checkpoints(&hashes, &ends) {
        let (note, end) = (signed(&checkpoint), checkpoint.size);
        for index in [0, 1, 254, 255, 256, 300, 65_535, 65_536, end / 2, end - 1] {
            store.reads();
            let proof = prove(&reader, &note, index).await;
            let (tiles, rows) = store.reads();
            (most_tiles, most_rows) = (most_tiles.max(tiles), most_rows.max(rows));
            if index >= end {
                assert!(matches!(proof, Err(ProveError::Proof { .. })), "{index} of {end}");
                continue;
            }
            let (proof, root) = (proof.unwrap(), checkpoint.root);
            let leaf = hashes[usize::try_from(index).unwrap()];
            verify_inclusion(leaf, index, end, &proof.hashes, root).unwrap();
            let other = leaf_hash(b"other");
            assert!(verify_inclusion(other, index, end, &proof.hashes, root).is_err());
        }
    }
    println!("{size} entries: at most {most_tiles} tiles and {most_rows} rows for a proof");
    assert!(most_tiles < 8 && most_rows <= 256, "{most_tiles} tiles, {most_rows} rows");

    let later = signed(&Checkpoint { size: size + 1, ..checkpoint(&hashes, size) });
    assert!(matches!(prove(&reader, &later, size).await, Err(ProveError::Damaged(_))));
    let other = signed(&Checkpoint { root: Hash::EMPTY_ROOT, ..checkpoint(&hashes, size) });
    assert!(matches!(prove(&reader, &other, 7).await, Err(ProveError::Proof { .. })));
}

#[tokio::test]
async fn every_checkpoint_goes_on_from_every_earlier_size_by_few_reads() {
    let size = size();
    let (store, hashes) = Counting::of(size).await;
    let reader = Reader::new(store.clone());
    let ends = [1, 2, 255, 256, 257, 513, 65_535, 65_536, 65_537, 65_793, size - 1, size];
    let mut most_tiles = 0;
    let checkpoints = checkpoints(&hashes, &ends);
    for to in &checkpoints {
        for old in &checkpoints {
            store.reads();
            let proof = consistency(&reader, old.size, to).await;
            most_tiles = most_tiles.max(store.reads().0);
            if old.size > to.size {
                assert!(matches!(proof, Err(ProveError::Consistency { .. })), "{}", old.size);
                continue;
            }
            verify_consistency(old.size, to.size, old.root, to.root, &proof.unwrap()).unwrap();
        }
    }
    println!("{size} entries: at most {most_tiles} tiles for a consistency proof");
    assert!(most_tiles < 16, "{most_tiles} tiles");
    let to = checkpoint(&hashes, size);
    assert_eq!(consistency(&reader, 0, &to).await.unwrap(), []);
    let forged = Checkpoint { root: Hash::EMPTY_ROOT, ..to };
    let refused = consistency(&reader, 300, &forged).await;
    assert!(matches!(refused, Err(ProveError::Consistency { from: 300, .. })), "{refused:?}");
}

#[tokio::test]
async fn a_store_that_keeps_no_roots_gives_the_same_proofs_by_more_reads() {
    let (store, hashes) = Counting::of(20_000).await;
    let without = Counting { keeps_roots: false, ..store.clone() };
    let note = signed(&checkpoint(&hashes, 19_999));
    for index in [0, 9_000, 19_998] {
        let few = prove(&Reader::new(store.clone()), &note, index).await.unwrap();
        store.reads();
        assert_eq!(prove(&Reader::new(without.clone()), &note, index).await.unwrap(), few);
        assert!(store.reads().0 > 70, "the roots of 78 tiles are in none of them");
    }
}

#[tokio::test]
async fn a_frontier_is_that_of_the_log_when_it_had_so_many_entries() {
    let (store, hashes) = Counting::of(66_000).await;
    let reader = Reader::new(store);
    for size in [0_u64, 1, 255, 256, 300, 65_536, 65_999, 66_000] {
        let found = frontier(&reader, ORIGIN, size).await.unwrap();
        assert_eq!((found.size(), found.root()), (size, checkpoint(&hashes, size).root));
    }
    assert!(matches!(frontier(&reader, ORIGIN, 66_001).await, Err(ProveError::Damaged(_))));
}
