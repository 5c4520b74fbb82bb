//! Signed checkpoints: what a log commits to before people outside of its database.
//!
//! A signer does not believe the database. It hashes the stored bytes of each new entry again, onto a tree that it keeps in
//! a folder of its own, and signs what comes out: so whoever rewrites history in the database gets no signature for it.

mod folder;
mod keys;
mod quarantine;
mod rotation;
mod task;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

pub use folder::FolderError;
pub use keys::{Keys, KeysError};
pub use task::{DEFAULT_EVERY, DEFAULT_LEAVES, Signing};

use crate::clock::{Clock, SystemClock};
use crate::merkle::{Frontier, FrontierError, Hash, leaf_hash};
use crate::note::{
    Checkpoint, CheckpointError, KeyError, NoteError, Policy, SignedNote, VerifierKey, is_name,
};
use crate::store::{Head, Lease, LogId, LogInfo, Reader, SignedCheckpoint, StoreError};
use folder::Folder;

/// Entries that are read at once.
const CHUNK: u32 = 1_024;

/// Logs that get keys by themselves, at the most: a policy that names them all can be read.
const MAX_LOGS: usize = 1_000;

/// For how long a signer acts alone on a log after its last sign of life.
const LEASE: TimeDelta = TimeDelta::seconds(60);

/// Signs checkpoints of all logs of a store, each with a key of its own, whose name is that of the log, and with the
/// [cosigners](Keys::cosigners) that the folder has.
///
/// It keeps keys and what it has signed in a folder outside of the database, which only one signer uses at a time. The keys are
/// made when they are first needed; who is to believe them needs [`keys`](Self::keys), once.
///
/// Its calls read and write files and hash, between what they wait for: on a runtime that serves requests, give it a thread of its own.
/// It must read the primary of a database: on a replica that lags behind, what was signed seems to be gone.
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
/// let signed = signer.sign().await?;
/// assert!(signed.refused.is_empty());
/// let policy: Policy = signer.policy();
/// for note in &signed.notes {
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
    keys: Keys,
    state: State,
    /// Roots that were published, by log and size.
    anchors: BTreeMap<String, BTreeMap<u64, Hash>>,
    /// Logs that this one has closed.
    closed: BTreeSet<String>,
    /// What it is called where it meets other signers.
    id: String,
    /// Until when it alone signs which logs.
    leases: BTreeMap<String, DateTime<Utc>>,
}

/// What was signed last of each log, by its name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct State {
    logs: BTreeMap<String, Tree>,
}

/// What came of a round.
#[must_use]
#[derive(Debug, Default)]
pub struct Signatures {
    /// A checkpoint of each log that has entries. Each was kept in the folder before.
    pub notes: Vec<SignedNote>,
    /// Why other logs got none: an empty list is what one wants to see.
    pub refused: Vec<SignError>,
    /// What the store did not take: notes, which are signed all the same, and the quarantine of logs that were refused.
    pub unkept: Vec<StoreError>,
    /// Why the log `audit` does not say of some of these that they are quarantined.
    pub unsaid: Vec<KeysError>,
}

/// The tree of a log as the signer has hashed it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
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
    /// A key is there, and what it has signed is not, or the other way round.
    #[error(
        "the signer's folder has a key for the log {0} without what was signed by it, or that without a key: bring back what \
         there was"
    )]
    Lost(String),
    /// A log has no key, and it is for people to say that it is to have one.
    #[error(
        "the log {0} gets no key by itself, as no log whose name begins alike is signed here, or a thousand are: if it is yours, \
         `audit keys new` makes one"
    )]
    NoKey(String),
    /// A log's id is not that of its name.
    #[error("FORKED: a log goes by the name {0}, which is that of another")]
    Name(String),
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
    /// Another signer acts on the log.
    #[error(
        "the log {log} is signed by another signer until {until}: the one whose folder has {holder} in its file `id`; stop it, \
         or let this one wait"
    )]
    Leased {
        /// Its name.
        log: String,
        /// The other signer.
        holder: String,
        /// Until when.
        until: DateTime<Utc>,
    },
    /// There is no tokio runtime for its task.
    #[error("signing is a task: start it on a tokio runtime that has its timer enabled")]
    NoRuntime,
    /// The state in the folder is no tree.
    #[error("what the signer has kept of its tree cannot be read")]
    State(#[from] FrontierError),
    /// A key, or its name.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// What was signed is no checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// What is to be signed cannot stand in a note.
    #[error(transparent)]
    Note(#[from] NoteError),
}

impl Signer {
    /// A signer of the logs of a reader's store, with a folder, which is made if it is not there.
    ///
    /// # Errors
    /// [`SignError`] where the folder cannot be used, another signer uses it, something of it is missing, or it is new and a log
    /// has entries.
    pub async fn open(reader: Reader, folder: impl AsRef<Path>) -> Result<Self, SignError> {
        let mut signer = Self::of(reader, folder.as_ref())?;
        if signer.folder.state()?.is_none() {
            for log in signer.reader.store().logs().await? {
                if signer.reader.store().head(log.id).await?.frontier.size() > 0 {
                    return Err(SignError::Unknown(log.origin));
                }
            }
            signer.save(State::default())?;
        }
        Ok(signer)
    }

    /// As [`open`](Self::open), and takes logs as they are now for what they were, if the folder is new: verify them before.
    ///
    /// # Errors
    /// As of [`open`](Self::open), but for the last.
    pub async fn adopt(reader: Reader, folder: impl AsRef<Path>) -> Result<Self, SignError> {
        let mut signer = Self::of(reader, folder.as_ref())?;
        if signer.folder.state()?.is_none() {
            // All that are there are meant, also those that another signs as yet.
            let logs = signer.reader.store().logs().await?.into_iter();
            let logs = logs.map(|log| (log.origin, Tree::default())).collect();
            signer.save(State { logs })?;
        }
        Ok(signer)
    }

    /// With what the folder has, if that fits together.
    fn of(reader: Reader, folder: &Path) -> Result<Self, SignError> {
        reader.must_see_everything("sign the logs")?;
        let folder = Folder::open(folder)?;
        let (keys, state) = (folder.keys()?, folder.state()?.unwrap_or_default());
        if let Some(log) = keys.lost(&state) {
            return Err(SignError::Lost(log.clone()));
        }
        let id = folder.id()?;
        let (anchors, closed, leases) = (BTreeMap::new(), BTreeSet::new(), BTreeMap::new());
        Ok(Self { reader, folder, keys, state, anchors, closed, id, leases })
    }

    /// The keys of the logs that have signed, or are about to.
    pub fn keys(&self) -> impl Iterator<Item = &VerifierKey> {
        self.keys.logs()
    }

    /// The policy of one who believes the keys of the logs that have signed, and asks no witness: its text is what to hand to verifiers.
    /// A log without entries has no checkpoint that could be asked for.
    #[must_use]
    pub fn policy(&self) -> Policy {
        let has_signed = |log: &str| self.state.logs.get(log).is_some_and(|tree| tree.size > 0);
        self.keys.policy_of(has_signed)
    }

    /// Signs what all logs have come to, each that has entries. The notes are kept in the store, too, beside their logs.
    ///
    /// A log that is not what was signed of it is quarantined: it takes no entries any more, and an entry in the log `audit`,
    /// `audit.log.quarantined`, says why.
    ///
    /// # Errors
    /// [`SignError`] where the logs cannot be listed, or what is to be signed cannot be kept: then no signature leaves. What is
    /// wrong with a single log is in [`Signatures::refused`].
    ///
    /// # Cancel safety
    /// Dropped half-way, it has signed, or not; it can be called again.
    pub async fn sign(&mut self) -> Result<Signatures, SignError> {
        let (looked, mut refused) = self.look().await?;
        let (mut unkept, unsaid) = self.quarantine(&refused).await;
        let mut trees = Vec::with_capacity(looked.len());
        for (origin, tree) in looked {
            match self.lease(&origin, SystemClock::new().now()).await {
                Ok(None) => trees.push((origin, tree)),
                Ok(Some(Lease { holder, until })) => {
                    refused.push(SignError::Leased { log: origin, holder, until });
                }
                // It is for order: what was signed here is safe without it.
                Err(error) => {
                    unkept.push(error);
                    trees.push((origin, tree));
                }
            }
        }
        let mut signatures = Signatures { notes: Vec::new(), refused, unkept, unsaid };
        let mut state = self.state.clone();
        for (origin, tree) in &trees {
            let kept = Tree { size: tree.size(), frontier: tree.to_bytes() };
            state.logs.insert(origin.clone(), kept);
        }
        self.make_keys(trees.iter().map(|(origin, _)| origin))?;
        // What is signed is known here first: whatever happens next, nothing else is ever signed of these sizes.
        self.save(state)?;
        for (origin, tree) in trees {
            let (size, root) = (tree.size(), tree.root());
            let checkpoint =
                Checkpoint { origin: origin.clone(), size, root, extensions: Vec::new() };
            let now = SystemClock::new().now();
            let note = self.keys.sign(&origin, &checkpoint.to_string(), now)?;
            signatures.unkept.extend(self.keep(&checkpoint, &note, now).await.err());
            signatures.notes.push(note);
        }
        Ok(signatures)
    }

    /// Sees to it that this signer alone acts on a log for a while; answers with the other one that does.
    async fn lease(&mut self, log: &str, now: DateTime<Utc>) -> Result<Option<Lease>, StoreError> {
        if self.leases.get(log).is_some_and(|until| *until - now > LEASE / 2) {
            return Ok(None);
        }
        let lease = Lease { holder: self.id.clone(), until: now + LEASE };
        let other = self.reader.store().lease(LogId::of(log), &lease, now).await?;
        if other.is_none() {
            self.leases.insert(log.to_owned(), lease.until);
        }
        Ok(other)
    }

    /// Keeps a checkpoint in the store that was signed here, and that witnesses have cosigned since, in the place of what is there.
    ///
    /// # Errors
    /// [`SignError`] where it is no checkpoint, or the store does not keep it.
    ///
    /// # Cancel safety
    /// Dropped half-way, it is kept, or not; it can be called again.
    pub async fn keep_cosigned(&self, note: &SignedNote) -> Result<(), SignError> {
        let checkpoint = note.text().parse()?;
        Ok(self.keep(&checkpoint, note, SystemClock::new().now()).await?)
    }

    async fn keep(
        &self,
        checkpoint: &Checkpoint,
        note: &SignedNote,
        signed_at: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        let &Checkpoint { ref origin, size, root, .. } = checkpoint;
        let kept = SignedCheckpoint { size, root, note: note.to_string(), signed_at };
        self.reader.store().keep_checkpoint(LogId::of(origin), &kept).await
    }

    /// The trees of all logs that have entries and are what was signed of them, and why others are not.
    async fn look(&self) -> Result<(Vec<(String, Frontier)>, Vec<SignError>), SignError> {
        let (mut trees, mut refused) = (Vec::new(), Vec::new());
        let logs = self.reader.store().logs().await?;
        for log in self.state.logs.keys().chain(self.anchors.keys()).collect::<BTreeSet<_>>() {
            let signed = self.signed(log);
            let is_there = logs.iter().any(|there| there.origin == *log && there.is_itself());
            if signed > 0 && !is_there {
                refused.push(SignError::Truncated { log: log.clone(), size: 0, signed });
            }
        }
        for log in logs {
            match self.tree(&log).await {
                Ok(tree) if tree.size() == 0 => {}
                Ok(tree) => trees.push((log.origin, tree)),
                Err(why) => refused.push(why),
            }
        }
        Ok((trees, refused))
    }

    /// How many entries of a log were signed, or published.
    fn signed(&self, log: &str) -> u64 {
        let published = self.anchors.get(log).and_then(|sizes| sizes.last_key_value());
        let published = published.map_or(0, |(size, _)| *size);
        self.state.logs.get(log).map_or(0, |tree| tree.size).max(published)
    }

    /// The tree of a log as it is now, if it goes on from what was signed.
    async fn tree(&self, log: &LogInfo) -> Result<Frontier, SignError> {
        let origin = log.origin.clone();
        if !log.is_itself() {
            return Err(SignError::Name(origin));
        }
        if !is_name(&origin) {
            return Err(KeyError::Name.into());
        }
        let mut anchors = self.anchors.get(&origin).cloned().unwrap_or_default();
        // A folder that is older than the database does not know of it. What was published counts more.
        if let Some((size, root)) = self.kept(log).await? {
            anchors.entry(size).or_insert(root);
        }
        let head = self.reader.store().head(log.id).await?;
        if head.frontier.size() > 0 && !self.may_have_key(&origin) {
            return Err(SignError::NoKey(origin));
        }
        let tree = match self.state.logs.get(&origin) {
            Some(tree) => Frontier::from_bytes(tree.size, &tree.frontier)?,
            None => Frontier::new(),
        };
        let published = anchors.last_key_value().map_or(0, |(size, _)| *size);
        let (size, signed) = (head.frontier.size(), tree.size().max(published));
        if size < signed {
            return Err(SignError::Truncated { log: origin, size, signed });
        }
        self.grown(log, tree, &head, &anchors).await
    }

    /// Size and root of the largest checkpoint that is kept beside a log, if a key of the log that is used here has signed it.
    async fn kept(&self, log: &LogInfo) -> Result<Option<(u64, Hash)>, SignError> {
        let keys: Vec<_> = self.keys.of(&log.origin).cloned().collect();
        let kept = self.reader.store().latest_checkpoint(log.id).await?;
        let note = kept.and_then(|kept| kept.note.parse::<SignedNote>().ok());
        let signed = note.filter(|note| note.verified(&keys).is_ok());
        let checkpoint = signed.and_then(|note| note.text().parse::<Checkpoint>().ok());
        let own = checkpoint.filter(|there| there.origin == log.origin);
        Ok(own.map(|there| (there.size, there.root)))
    }

    /// The tree over all entries of a head, if these are what the head says.
    async fn grown(
        &self,
        log: &LogInfo,
        mut tree: Frontier,
        head: &Head,
        anchors: &BTreeMap<u64, Hash>,
    ) -> Result<Frontier, SignError> {
        let size = head.frontier.size();
        let forked = |size| SignError::Forked { log: log.origin.clone(), size };
        let fits =
            |tree: &Frontier| anchors.get(&tree.size()).is_none_or(|root| *root == tree.root());
        if !fits(&tree) {
            return Err(forked(tree.size()));
        }
        while tree.size() < size {
            let rows = self.reader.store().canon(log.id, tree.size(), CHUNK).await?;
            for (index, canon) in &rows {
                if tree.size() == size {
                    break;
                }
                if *index != tree.size() {
                    return Err(forked(tree.size()));
                }
                tree.push(leaf_hash(canon))?;
                if !fits(&tree) {
                    return Err(forked(tree.size()));
                }
            }
            if rows.is_empty() {
                return Err(forked(tree.size()));
            }
        }
        let is_right = tree == head.frontier && tree.root() == head.root;
        if is_right { Ok(tree) } else { Err(forked(size)) }
    }

    /// Whether a log has a key, or gets one by itself: whoever may append can begin logs of any name.
    fn may_have_key(&self, origin: &str) -> bool {
        let known = &self.state.logs;
        let is_below =
            |base: &str| origin.strip_prefix(base).is_some_and(|rest| rest.starts_with('/'));
        let begins_alike =
            |log: &String| log.rsplit_once('/').is_some_and(|(base, _)| is_below(base));
        let is_called = || known.len() < MAX_LOGS && known.keys().any(begins_alike);
        known.is_empty() || known.contains_key(origin) || is_called()
    }

    /// Makes keys for logs that have none. That a log is known is kept before: a key without that is one whose tree was lost.
    fn make_keys<'a>(&mut self, logs: impl Iterator<Item = &'a String>) -> Result<(), SignError> {
        let new: Vec<_> = logs.filter(|log| self.keys.of(log).next().is_none()).cloned().collect();
        if new.is_empty() {
            return Ok(());
        }
        let (mut state, mut keys) = (self.state.clone(), self.keys.clone());
        for log in new {
            state.logs.entry(log.clone()).or_default();
            let key = keys.make(&log)?;
            tracing::info!(%key, "audit log: made a key, which verifiers need to know");
        }
        self.save(state)?;
        self.folder.keep(&keys)?;
        self.keys = keys;
        Ok(())
    }

    fn save(&mut self, state: State) -> Result<(), SignError> {
        if state == self.state && self.folder.state()?.as_ref() == Some(&state) {
            return Ok(());
        }
        self.folder.save(&self.state, &state)?;
        self.state = state;
        Ok(())
    }
}
