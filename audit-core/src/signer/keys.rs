//! The keys that a signer has.

use std::collections::BTreeMap;
use std::path::Path;

use chrono::{DateTime, Utc};

use super::folder::{Folder, FolderError};
use super::{SignError, State};
use crate::note::{KeyError, KeyKind, Policy, Revoked, SignedNote, SignerKey, VerifierKey};
use crate::store::{SearchError, StoreError};

/// What cannot be done with the keys.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeysError {
    /// The folder.
    #[error(transparent)]
    Folder(#[from] FolderError),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Searching it.
    #[error(transparent)]
    Search(#[from] SearchError),
    /// A key's name.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// No signer has ever used the folder.
    #[error(
        "this folder is no signer's yet: run the signer once, which makes the keys of the logs that are there by itself"
    )]
    NoSigner,
    /// There is one already.
    #[error(
        "`{0}` has a key, or cannot be the name of one: a key gets its successor by a rotation"
    )]
    HasKey(String),
    /// There is none.
    #[error("the signer's folder has no key `{0}` that signs for a log")]
    NoKey(String),
    /// A rotation is not over.
    #[error("the log {0} has two keys: revoke one of them before it gets another")]
    Overlap(String),
    /// Nothing would be left to sign by.
    #[error("this is the only key of the log {0}: rotate it first")]
    OnlyKey(String),
    /// Nobody could see where the new key comes from.
    #[error(
        "no checkpoint that is kept beside the log `audit` covers yet what this says of the key {0}: sign once more, so that it \
         does not sign alone before the old one has said so"
    )]
    Unannounced(String),
    /// The size lies in the future.
    #[error(
        "{signed} entries of the log {log} have been signed, and no {size}: a key is good up to what it has signed at the most"
    )]
    Unsigned {
        /// The log.
        log: String,
        /// The size that was asked for.
        size: u64,
        /// The size that there is.
        signed: u64,
    },
    /// There is nowhere to say so.
    #[error(
        "there is no log `audit` beside the log {0} in this store, in which to say it: does a recorder use the store?"
    )]
    NoLog(String),
}

/// The keys in a signer's folder: those of each log, those that say when it was signed, and which were revoked.
///
/// A log has one key, and two while the second takes over from the first: then both sign. A *cosigner* is a further key that signs each
/// checkpoint of each log together with the time (`cosignature/v1`). Of a key that was revoked nothing is left but its public
/// half, and the size up to which it is good.
///
/// ```
/// # use audit_core::{note::Policy, signer::{Keys, Signer}, store::{MemoryStore, Reader}};
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// # let folder = tempfile::tempdir()?;
/// let cosigner = Keys::new_cosigner(folder.path(), "time.billing.example")?;
/// let signer = Signer::open(Reader::new(MemoryStore::new()), folder.path()).await?;
/// // Verifiers learn of it from the policy, and then see when a checkpoint was signed.
/// let (witness, _url) = signer.policy().witnesses().next().map(|(key, url)| (key.clone(), url.is_some())).ok_or("none")?;
/// assert_eq!(witness, cosigner);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Keys {
    /// By the name of the log, the oldest first.
    logs: BTreeMap<String, Vec<SignerKey>>,
    cosigners: Vec<SignerKey>,
    revoked: Revoked,
}

impl Keys {
    /// Looks into a folder, also while a signer uses it.
    ///
    /// # Errors
    /// [`FolderError`] where keys cannot be read, are none, or can be read by others.
    pub fn read(folder: impl AsRef<Path>) -> Result<Self, FolderError> {
        Folder::look(folder.as_ref())?.keys()
    }

    /// Makes a key for a log that has none yet, so that verifiers can have it before the log begins. A folder that has never been
    /// a signer's is not one by that: [`Signer::open`](super::Signer::open) it first.
    ///
    /// # Errors
    /// [`KeysError`] where the log has a key, a signer uses the folder, or nothing can be kept there.
    pub fn new_log(folder: impl AsRef<Path>, log: &str) -> Result<VerifierKey, KeysError> {
        let folder = Folder::open(folder.as_ref())?;
        let mut keys = folder.keys()?;
        let before = folder.state()?.ok_or(KeysError::NoSigner)?;
        if keys.of(log).next().is_some() {
            return Err(KeysError::HasKey(log.to_owned()));
        }
        let key = keys.make(log)?;
        let mut state = before.clone();
        state.logs.entry(log.to_owned()).or_default();
        folder.save(&before, &state)?;
        folder.keep(&keys)?;
        Ok(key)
    }

    /// Makes a key that dates each checkpoint from now on. Its name is its own: that of a place, or of the signer.
    ///
    /// # Errors
    /// [`KeysError`] where another cosigner has this name, a signer uses the folder, or nothing can be kept there.
    pub fn new_cosigner(folder: impl AsRef<Path>, name: &str) -> Result<VerifierKey, KeysError> {
        let folder = Folder::open(folder.as_ref())?;
        let mut keys = folder.keys()?;
        // Policies name witnesses, and have another use for this word.
        if name == "none" || keys.cosigners().any(|key| key.name() == name) {
            return Err(KeysError::HasKey(name.to_owned()));
        }
        let key = SignerKey::generate(name, KeyKind::Cosignature)?;
        let public = key.public().clone();
        keys.cosigners.push(key);
        folder.keep(&keys)?;
        Ok(public)
    }

    /// The keys of all logs, by the logs' names, the oldest of a log first.
    pub fn logs(&self) -> impl Iterator<Item = &VerifierKey> {
        self.logs.values().flatten().map(SignerKey::public)
    }

    /// The keys that date checkpoints.
    pub fn cosigners(&self) -> impl Iterator<Item = &VerifierKey> {
        self.cosigners.iter().map(SignerKey::public)
    }

    /// The keys that were revoked.
    #[must_use]
    pub fn revoked(&self) -> &Revoked {
        &self.revoked
    }

    /// The policy of one who believes these keys, and asks no witness: its text, and that of what was revoked, is what to hand to
    /// verifiers.
    #[must_use]
    pub fn policy(&self) -> Policy {
        self.policy_of(|_| true)
    }

    /// As [`policy`](Self::policy), of some logs only.
    pub(super) fn policy_of(&self, is_meant: impl Fn(&str) -> bool) -> Policy {
        let logs = self.logs().filter(|key| is_meant(key.name())).cloned();
        let policy = Policy::of_logs(logs).revoking(self.revoked.clone());
        self.cosigners().cloned().fold(policy, Policy::with_witness)
    }

    /// The keys of a log, the oldest first.
    pub(super) fn of(&self, log: &str) -> impl DoubleEndedIterator<Item = &VerifierKey> {
        self.logs.get(log).into_iter().flatten().map(SignerKey::public)
    }

    /// Signs what a log says, by all its keys, and by those that date it.
    pub(super) fn sign(
        &self,
        log: &str,
        text: &str,
        now: DateTime<Utc>,
    ) -> Result<SignedNote, SignError> {
        let keys = self.logs.get(log).ok_or_else(|| SignError::Lost(log.to_owned()))?;
        let keys = keys.iter().chain(&self.cosigners);
        Ok(keys.fold(SignedNote::new(text)?, |note, key| note.signed(key, now)))
    }

    /// Makes a further key of a log.
    pub(super) fn make(&mut self, log: &str) -> Result<VerifierKey, KeyError> {
        let key = SignerKey::generate(log, KeyKind::Ed25519)?;
        let public = key.public().clone();
        self.add(key);
        Ok(public)
    }

    pub(super) fn add(&mut self, key: SignerKey) {
        self.logs.entry(key.public().name().to_owned()).or_default().push(key);
    }

    /// Forgets a secret key, for good.
    pub(super) fn revoke(&mut self, key: &VerifierKey, size: u64) {
        if let Some(keys) = self.logs.get_mut(key.name()) {
            keys.retain(|other| other.public() != key);
        }
        self.revoked = std::mem::take(&mut self.revoked).with(key.clone(), size);
    }

    /// The log whose key, or whose state, is there without the other.
    pub(super) fn lost<'a>(&'a self, state: &'a State) -> Option<&'a String> {
        let lost_tree = self.logs.keys().find(|log| !state.logs.contains_key(*log));
        let has_key = |log: &String| self.logs.get(log).is_some_and(|keys| !keys.is_empty());
        let lost_key = state.logs.iter().find(|(log, tree)| tree.size > 0 && !has_key(log));
        lost_tree.or(lost_key.map(|(log, _)| log))
    }

    /// Reads a key a line; those that were revoked, and could not be forgotten at once, sign no more. Answers an error with its line.
    pub(crate) fn parse(text: &str, revoked: Revoked) -> Result<Self, (usize, KeyError)> {
        let mut keys = Self { revoked, ..Self::default() };
        for (line, number) in text.lines().zip(1..) {
            let key = line.parse::<SignerKey>().map_err(|why| (number, why))?;
            let public = key.public();
            if keys.logs().chain(keys.cosigners()).any(|other| other == public) {
                return Err((number, KeyError::Twice));
            }
            match public.kind() {
                KeyKind::Cosignature => keys.cosigners.push(key),
                KeyKind::Ed25519 if keys.revoked.size(public).is_none() => keys.add(key),
                KeyKind::Ed25519 => {}
            }
        }
        Ok(keys)
    }

    /// What [`parse`](Self::parse) reads.
    pub(crate) fn to_secret_text(&self) -> String {
        let keys = self.logs.values().flatten().chain(&self.cosigners);
        keys.map(|key| key.to_secret_text() + "\n").collect()
    }
}
