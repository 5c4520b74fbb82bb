//! Signed checkpoints: what a log commits to before people outside of its database.
//!
//! A signer does not believe the database. It hashes the stored bytes of each new entry again, onto a tree that it keeps in
//! a folder of its own, and signs what comes out: so whoever rewrites history in the database gets no signature for it.

mod folder;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::path::Path;

use serde::{Deserialize, Serialize};

pub use folder::FolderError;

use crate::clock::{Clock, SystemClock};
use crate::merkle::{Frontier, FrontierError, leaf_hash};
use crate::note::{
    Checkpoint, KeyError, KeyKind, NoteError, Policy, SignedNote, SignerKey, VerifierKey,
};
use crate::store::{Head, LogInfo, Reader, StoreError};
use folder::Folder;

/// Entries that are read at once.
const CHUNK: u32 = 1_024;

/// Signs checkpoints of all logs of a store, each with a key of its own, whose name is that of the log.
///
/// It keeps keys and what it has signed in a folder outside of the database, which only one signer uses at a time. The keys are
/// made when they are first needed; who is to believe them needs [`keys`](Self::keys), once.
///
/// A folder without any state signs nothing of a log that has entries already: it cannot know whether they are what they were.
/// Open the signer before the recorder starts for the first time, or [`adopt`](Self::adopt) what is there.
///
/// ```
/// use audit_core::{Event, Recorder, note::Policy, signer::Signer, store::{MemoryStore, Reader}};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// # let folder = tempfile::tempdir()?;
/// let store = MemoryStore::new();
/// let mut signer = Signer::open(Reader::new(store.clone()), folder.path()).await?;
/// let recorder = Recorder::builder(store).origin("billing.example/audit").start().await?;
/// recorder.record_durable(Event::builder("key.rotate")).await?;
///
/// let notes = signer.sign().await?;
/// let policy: Policy = signer.policy();
/// for note in &notes {
///     assert!(policy.check(note)?.checkpoint.size > 0);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Signer {
    reader: Reader,
    folder: Folder,
    keys: BTreeMap<String, SignerKey>,
    state: State,
}

/// What was signed last of each log, by its name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    logs: BTreeMap<String, Tree>,
}

/// The tree of a log as the signer has hashed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Tree {
    size: u64,
    #[serde(with = "hex")]
    frontier: Vec<u8>,
}

/// Why nothing was signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignError {
    /// The folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A log has entries, and nothing is known of them.
    #[error(
        "the log {0} has entries, and the signer's folder knows nothing of any log: if this is the first start, verify the \
         log and adopt it; if it is not, bring the folder back that there was"
    )]
    Unknown(String),
    /// A log has fewer entries than were signed.
    #[error("TRUNCATED: the log {log} has {size} entries, and {signed} were signed")]
    Truncated {
        /// Its name.
        log: String,
        /// How many it has.
        size: u64,
        /// How many there were.
        signed: u64,
    },
    /// A log is not the one that was signed.
    #[error(
        "FORKED: the entries of the log {log} up to {size} do not come to the root that its head has"
    )]
    Forked {
        /// Its name.
        log: String,
        /// Up to where it was hashed.
        size: u64,
    },
    /// The state in the folder is no tree.
    #[error("what the signer has kept of its tree cannot be read")]
    State(#[from] FrontierError),
    /// A key, or its name.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// What is to be signed cannot stand in a note.
    #[error(transparent)]
    Note(#[from] NoteError),
}

impl Signer {
    /// A signer of the logs of a reader's store, with a folder, which is made if it is not there.
    ///
    /// # Errors
    /// [`SignError`] where the folder cannot be used, another signer uses it, or it is new and a log has entries.
    pub async fn open(reader: Reader, folder: impl AsRef<Path>) -> Result<Self, SignError> {
        let folder = Folder::open(folder.as_ref())?;
        let keys = folder.keys()?;
        let mut signer = match folder.state()? {
            Some(state) => Self { reader, folder, keys, state },
            None => {
                let signer = Self { reader, folder, keys, state: State::default() };
                for log in signer.reader.store().logs().await? {
                    if signer.reader.store().head(log.id).await?.frontier.size() > 0 {
                        return Err(SignError::Unknown(log.origin));
                    }
                }
                signer
            }
        };
        signer.save(signer.state.clone())?;
        Ok(signer)
    }

    /// As [`open`](Self::open), and takes logs as they are now for what they were, if the folder is new: verify them before.
    ///
    /// # Errors
    /// As of [`open`](Self::open), but for the last.
    pub async fn adopt(reader: Reader, folder: impl AsRef<Path>) -> Result<Self, SignError> {
        let folder = Folder::open(folder.as_ref())?;
        let keys = folder.keys()?;
        let state = folder.state()?.unwrap_or_default();
        let mut signer = Self { reader, folder, keys, state };
        signer.save(signer.state.clone())?;
        Ok(signer)
    }

    /// The keys that have signed, or are about to.
    pub fn keys(&self) -> impl Iterator<Item = &VerifierKey> {
        self.keys.values().map(SignerKey::public)
    }

    /// The policy of one who believes these keys, and asks no witness: its text is what to hand to verifiers.
    #[must_use]
    pub fn policy(&self) -> Policy {
        Policy::of_logs(self.keys().cloned())
    }

    /// Signs what all logs have come to, each that has entries. What is returned was kept in the folder before.
    ///
    /// # Errors
    /// [`SignError`] with the first log for which nothing can be signed. No signature is given away for it, nor for those after
    /// it.
    ///
    /// # Cancel safety
    /// Dropped half-way, it has signed, or not; it can be called again.
    pub async fn sign(&mut self) -> Result<Vec<SignedNote>, SignError> {
        let mut notes = Vec::new();
        for log in self.reader.store().logs().await? {
            notes.extend(self.sign_log(&log).await?);
        }
        Ok(notes)
    }

    async fn sign_log(&mut self, log: &LogInfo) -> Result<Option<SignedNote>, SignError> {
        let head = self.reader.store().head(log.id).await?;
        let tree = match self.state.logs.get(&log.origin) {
            Some(tree) => Frontier::from_bytes(tree.size, &tree.frontier)?,
            None => Frontier::new(),
        };
        let (size, signed) = (head.frontier.size(), tree.size());
        if size < signed {
            let log = log.origin.clone();
            return Err(SignError::Truncated { log, size, signed });
        }
        if size == 0 {
            return Ok(None);
        }
        let tree = self.grown(log, tree, &head).await?;
        let key = self.key(&log.origin)?;
        let checkpoint = Checkpoint {
            origin: log.origin.clone(),
            size,
            root: tree.root(),
            extensions: Vec::new(),
        };
        let note = SignedNote::new(checkpoint.to_string())?;
        let mut state = self.state.clone();
        state.logs.insert(log.origin.clone(), Tree { size, frontier: tree.to_bytes() });
        // What is signed is known here first: whatever happens next, nothing else is ever signed of this size.
        self.save(state)?;
        Ok(Some(note.signed(&key, SystemClock::new().now())))
    }

    /// The tree over all entries of a head, if these are what the head says.
    async fn grown(
        &self,
        log: &LogInfo,
        mut tree: Frontier,
        head: &Head,
    ) -> Result<Frontier, SignError> {
        let size = head.frontier.size();
        let forked = |size| SignError::Forked { log: log.origin.clone(), size };
        while tree.size() < size {
            let rows = self.reader.store().read(log.id, tree.size(), CHUNK).await?;
            for row in &rows {
                if tree.size() == size {
                    break;
                }
                if row.index != tree.size() {
                    return Err(forked(tree.size()));
                }
                tree.push(leaf_hash(&row.canon))?;
            }
            if rows.is_empty() {
                return Err(forked(tree.size()));
            }
        }
        let is_right = tree == head.frontier && tree.root() == head.root;
        if is_right { Ok(tree) } else { Err(forked(size)) }
    }

    /// The key of a log, made where there is none yet.
    fn key(&mut self, origin: &str) -> Result<SignerKey, SignError> {
        if let Some(key) = self.keys.get(origin) {
            return Ok(key.clone());
        }
        let key = SignerKey::generate(origin, KeyKind::Ed25519)?;
        self.folder.add_key(&key)?;
        tracing::info!(key = %key.public(), "audit log: made a key, which verifiers need to know");
        self.keys.insert(origin.to_owned(), key.clone());
        Ok(key)
    }

    fn save(&mut self, state: State) -> Result<(), SignError> {
        self.folder.save(&self.state, &state)?;
        self.state = state;
        Ok(())
    }
}
