//! That an entry is in its log, as a text for people outside.

use crate::merkle::{
    Hash, ProofError, Tile, TileId, Tiles, inclusion_proof, inclusion_tiles, leaf_hash,
    verify_inclusion,
};
use crate::note::{Checkpoint, CheckpointError, Proof, SignedNote};
use crate::store::{LogId, Reader, Store, StoreError};

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProveError {
    /// The note is no checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The checkpoint is older than the entry, or the log is not what the checkpoint says.
    #[error("there is no proof of entry {index} under this checkpoint of the log {log}")]
    Proof {
        /// The log's name.
        log: String,
        /// The index of the entry.
        index: u64,
        /// Why.
        source: ProofError,
    },
    /// Leaves or tiles are missing.
    #[error("the log {0} is not whole: run `audit verify`")]
    Damaged(String),
}

/// Proves that an entry is in its log, to the size and root of a signed checkpoint of that log.
///
/// The leaf hash goes with it: from a receipt, an [`Entry`](crate::store::Entry), or the canonical bytes themselves. It takes the few
/// tiles along the path, and where the tree ends, the leaves that have no tile yet.
///
/// ```
/// # use audit_core::{Event, Recorder, prove::prove, signer::Signer, store::{MemoryStore, Reader}};
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// # let folder = tempfile::tempdir()?;
/// # let store = MemoryStore::new();
/// # let mut signer = Signer::open(Reader::new(store.clone()), folder.path()).await?;
/// # let recorder = Recorder::builder(store).origin("billing.example/audit").start().await?;
/// let receipt = recorder.record_durable(Event::builder("key.rotate")).await?;
/// let signed = signer.sign().await?;
/// let note = signed.notes.iter().find(|note| note.text().starts_with(&*receipt.log)).ok_or("not signed")?;
/// let proof = prove(&recorder.reader(), note, receipt.index.ok_or("not in the log yet")?).await?;
/// // Whoever has the keys can tell, without the database:
/// proof.verify(receipt.leaf_hash, &signer.policy())?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`ProveError`]. That the checkpoint is one that is believed is for the verifier to check, not for this.
///
/// # Cancel safety
/// It only reads: safe to drop.
pub async fn prove(reader: &Reader, note: &SignedNote, index: u64) -> Result<Proof, ProveError> {
    let checkpoint: Checkpoint = note.text().parse()?;
    let (origin, size) = (&checkpoint.origin, checkpoint.size);
    let refused = |source| ProveError::Proof { log: origin.clone(), index, source };
    let store = reader.store();
    let mut tiles = Tiles::new();
    for id in inclusion_tiles(index, size).map_err(refused)? {
        let tile = tile(store, LogId::of(origin), id, size).await?;
        tiles.insert(id, tile.ok_or_else(|| ProveError::Damaged(origin.clone()))?);
    }
    let hashes = inclusion_proof(&tiles, index, size).map_err(refused)?;
    let rows = store.read(LogId::of(origin), index, 1).await?;
    let row = rows.first().filter(|row| row.index == index);
    let row = row.ok_or_else(|| ProveError::Damaged(origin.clone()))?;
    // What does not lead to the checkpoint is no proof, and better told here.
    verify_inclusion(leaf_hash(&row.canon), index, size, &hashes, checkpoint.root)
        .map_err(refused)?;
    Ok(Proof { extra: None, index, hashes, checkpoint: note.clone() })
}

/// A tile of a tree of so many leaves: as it is stored, or put together from what is under it where it is not full.
async fn tile(
    store: &dyn Store,
    log: LogId,
    id: TileId,
    size: u64,
) -> Result<Option<Tile>, StoreError> {
    if let Some(tile) = store.tile(log, id).await? {
        return Ok(Some(tile));
    }
    let (width, first) = (u64::from(id.width(size)), id.index * crate::merkle::TILE_WIDTH);
    let mut hashes: Vec<Hash> = Vec::new();
    match id.level.checked_sub(1) {
        None => {
            let rows = store.read(log, first, id.width(size).into()).await?;
            let in_place = rows.iter().zip(first..).filter(|(row, index)| row.index == *index);
            hashes.extend(in_place.filter_map(|(row, _)| row.leaf));
        }
        Some(level) => {
            for index in first..first + width {
                let below = store.tile(log, TileId { level, index }).await?;
                hashes.extend(below.map(|tile| tile.root()));
            }
        }
    }
    let is_whole = u64::try_from(hashes.len()) == Ok(width);
    Ok(if is_whole { Tile::new(hashes).ok() } else { None })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Event;
    use crate::event::Producer;
    use crate::merkle::Frontier;
    use crate::note::{KeyKind, SignerKey};
    use crate::store::{Leaf, MemoryStore};

    const ORIGIN: &str = "billing.example/audit/standard";

    #[tokio::test]
    async fn every_entry_is_proved_to_every_checkpoint_behind_it() {
        let store = MemoryStore::new();
        let log = store.open_log(ORIGIN, "standard").await.unwrap();
        let producer = Producer::new("test");
        let event = Event::builder("a.b").build().unwrap();
        let leaves: Vec<_> = (0..70_000_u64)
            .map(|number| {
                let mut encoded = event.encode(&producer, number);
                encoded.id = uuid::Uuid::from_u128(number.into());
                encoded.canon =
                    encoded.canon.replace(&event.id().to_string(), &encoded.id.to_string());
                Leaf::new(encoded).unwrap()
            })
            .collect();
        for batch in leaves.chunks(5_000) {
            store.append(log, batch, event.occurred_at()).await.unwrap();
        }
        let hashes: Vec<_> = leaves.iter().map(|leaf| leaf.hash).collect();
        let reader = Reader::new(store);
        let key = SignerKey::generate(ORIGIN, KeyKind::Ed25519).unwrap();
        for size in [1_u64, 2, 255, 256, 257, 513, 65_536, 65_537, 65_793, 69_999, 70_000] {
            let mut tree = Frontier::new();
            hashes.iter().zip(0..size).for_each(|(leaf, _)| tree.push(*leaf).unwrap());
            let (origin, root) = (ORIGIN.to_owned(), tree.root());
            let checkpoint = Checkpoint { origin, size, root, extensions: Vec::new() };
            let note = SignedNote::new(checkpoint.to_string()).unwrap();
            let note = note.signed(&key, event.occurred_at());
            for index in [0, 1, 254, 255, 256, 300, 65_535, 65_536, size / 2, size - 1] {
                let proof = prove(&reader, &note, index).await;
                if index >= size {
                    assert!(matches!(proof, Err(ProveError::Proof { .. })), "{index} of {size}");
                    continue;
                }
                let proof = proof.unwrap();
                let leaf = hashes[usize::try_from(index).unwrap()];
                verify_inclusion(leaf, index, size, &proof.hashes, root).unwrap();
                let other = leaf_hash(b"other");
                assert!(verify_inclusion(other, index, size, &proof.hashes, root).is_err());
            }
        }
        let later = Checkpoint { size: 70_001, ..checkpoint_of(&reader).await };
        let note = SignedNote::new(later.to_string()).unwrap().signed(&key, event.occurred_at());
        assert!(matches!(prove(&reader, &note, 70_000).await, Err(ProveError::Damaged(_))));
    }

    async fn checkpoint_of(reader: &Reader) -> Checkpoint {
        let head = reader.store().head(LogId::of(ORIGIN)).await.unwrap();
        let (size, root) = (head.frontier.size(), head.root);
        Checkpoint { origin: ORIGIN.to_owned(), size, root, extensions: Vec::new() }
    }
}
