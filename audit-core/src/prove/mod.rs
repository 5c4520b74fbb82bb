//! That an entry is in its log, and that a log has only grown, for people outside.

mod tiles;
mod disclosure;
#[cfg(test)]
mod tests;

pub use disclosure::{DiscloseError, Disclosed, Disclosure, DisclosureError, disclose};

use crate::merkle::{
    Frontier, Hash, ProofError, consistency_proof, consistency_tiles, frontier_at, frontier_tiles,
    inclusion_proof, inclusion_tiles, leaf_hash, verify_consistency, verify_inclusion,
};
use crate::note::{Checkpoint, CheckpointError, Proof, SignedNote};
use crate::store::{Entry, LogId, Reader, StoreError};

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
    /// The checkpoint is older than the size, or the log is not what the checkpoint says.
    #[error("there is no proof that this checkpoint of the log {log} goes on from {from} entries")]
    Consistency {
        /// The log's name.
        log: String,
        /// The size that was asked for.
        from: u64,
        /// Why.
        source: ProofError,
    },
    /// Nothing was signed that covers the entry.
    #[error(
        "no checkpoint of {log} that was kept covers entry {index}: it has not been signed yet"
    )]
    NotSigned {
        /// The log's name.
        log: String,
        /// The index of the entry.
        index: u64,
    },
    /// The reader does not see the entry.
    #[error("entry {index} of the log {log} is not among those that this reader sees")]
    OutOfScope {
        /// The log's name.
        log: String,
        /// The index of the entry.
        index: u64,
    },
    /// Leaves or tiles are missing.
    #[error("the log {0} is not whole: run `audit verify`")]
    Damaged(String),
}

/// Proves that an entry is in its log, to the size and root of a signed checkpoint of that log.
///
/// The leaf hash goes with it: from a receipt, an [`Entry`], or the canonical bytes themselves. It takes the few
/// tiles along the path, and where the tree ends, the leaves that have no tile yet: O(log n) reads, under ten in a log of a
/// million entries.
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
    let ids = inclusion_tiles(index, size).map_err(refused)?;
    let tiles = tiles::read(store, origin, ids, size).await?;
    let hashes = inclusion_proof(&tiles, index, size).map_err(refused)?;
    let rows = store.read(LogId::of(origin), index, 1).await?;
    let row = rows.first().filter(|row| row.index == index);
    let row = row.ok_or_else(|| ProveError::Damaged(origin.clone()))?;
    if !reader.scope().is_everything() && !reader.sees(&Entry::new(origin, row.clone())?) {
        return Err(ProveError::OutOfScope { log: origin.clone(), index });
    }
    // What does not lead to the checkpoint is no proof, and better told here.
    verify_inclusion(leaf_hash(&row.canon), index, size, &hashes, checkpoint.root)
        .map_err(refused)?;
    Ok(Proof { extra: None, index, hashes, checkpoint: note.clone() })
}

/// Proves that an entry is in its log, by the smallest of the checkpoints that are kept beside the log and cover it: what the owner
/// of a [`Receipt`](crate::Receipt) asks for when the entry has been signed.
///
/// ```
/// # use audit_core::{Event, Recorder, signer::Signer, store::{MemoryStore, Reader}};
/// use audit_core::prove::{ProveError, receipt_proof};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// # let folder = tempfile::tempdir()?;
/// # let store = MemoryStore::new();
/// # let mut signer = Signer::open(Reader::new(store.clone()), folder.path()).await?;
/// # let recorder = Recorder::builder(store).origin("billing.example/audit").start().await?;
/// let receipt = recorder.record_durable(Event::builder("key.rotate")).await?;
/// let (log, index) = (&*receipt.log, receipt.index.ok_or("not in the log yet")?);
/// let early = receipt_proof(&recorder.reader(), log, index).await;
/// assert!(matches!(early, Err(ProveError::NotSigned { .. })));
/// # let _ = signer.sign().await?;
/// // After the signer has signed:
/// let proof = receipt_proof(&recorder.reader(), log, index).await?;
/// proof.verify(receipt.leaf_hash, &signer.policy())?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`ProveError`].
///
/// # Cancel safety
/// It only reads: safe to drop.
pub async fn receipt_proof(reader: &Reader, origin: &str, index: u64) -> Result<Proof, ProveError> {
    prove(reader, &kept_checkpoint(reader, origin, index).await?, index).await
}

/// The smallest checkpoint that is kept beside a log and covers an entry.
///
/// # Errors
/// [`ProveError`]; [`NotSigned`](ProveError::NotSigned) where there is none.
///
/// # Cancel safety
/// It only reads: safe to drop.
pub async fn kept_checkpoint(
    reader: &Reader,
    origin: &str,
    index: u64,
) -> Result<SignedNote, ProveError> {
    let kept = reader.covering(LogId::of(origin), index).await?;
    let not_signed = || ProveError::NotSigned { log: origin.to_owned(), index };
    let note = kept.ok_or_else(not_signed)?.note;
    note.parse().map_err(|_| ProveError::Damaged(origin.to_owned()))
}

/// Proves that a log as a checkpoint has it begins with what it was when it had `from` entries: what a witness asks for, and
/// whoever has kept an older checkpoint. No hashes where `from` is 0 or the size of the checkpoint.
///
/// O(log n) reads, as for [`prove`].
///
/// ```
/// # use audit_core::{Event, Recorder, signer::Signer, store::{MemoryStore, Reader}};
/// use audit_core::merkle::verify_consistency;
/// use audit_core::note::Checkpoint;
/// use audit_core::prove::consistency;
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// # let folder = tempfile::tempdir()?;
/// # let store = MemoryStore::new();
/// # let mut signer = Signer::open(Reader::new(store.clone()), folder.path()).await?;
/// # let recorder = Recorder::builder(store).origin("billing.example/audit").start().await?;
/// # let mut checkpoints: Vec<Checkpoint> = Vec::new();
/// # for _ in 0..2 {
/// #     let receipt = recorder.record_durable(Event::builder("key.rotate")).await?;
/// #     let notes = signer.sign().await?.notes;
/// #     let note = notes.iter().find(|note| note.text().starts_with(&*receipt.log)).ok_or("not signed")?;
/// #     checkpoints.push(note.text().parse()?);
/// # }
/// // Two checkpoints of one log, the second one signed later:
/// let (old, new) = (&checkpoints[0], &checkpoints[1]);
/// let proof = consistency(&recorder.reader(), old.size, new).await?;
/// verify_consistency(old.size, new.size, old.root, new.root, &proof)?;
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
pub async fn consistency(
    reader: &Reader,
    from: u64,
    to: &Checkpoint,
) -> Result<Vec<Hash>, ProveError> {
    if from == 0 {
        return Ok(Vec::new());
    }
    let Checkpoint { origin, size, root, .. } = to;
    let refused = |source| ProveError::Consistency { log: origin.clone(), from, source };
    let ids = consistency_tiles(from, *size).map_err(refused)?;
    let tiles = tiles::read(reader.store(), origin, ids, *size).await?;
    let hashes = consistency_proof(&tiles, from, *size).map_err(refused)?;
    let old = frontier(reader, origin, from).await?;
    verify_consistency(from, *size, old.root(), *root, &hashes).map_err(refused)?;
    Ok(hashes)
}

/// What a log was when it had so many entries, according to its tiles.
pub(crate) async fn frontier(
    reader: &Reader,
    origin: &str,
    size: u64,
) -> Result<Frontier, ProveError> {
    let tiles = tiles::read(reader.store(), origin, frontier_tiles(size), size).await?;
    // All tiles are there, or else that has been said.
    frontier_at(&tiles, size).map_err(|_| ProveError::Damaged(origin.to_owned()))
}
