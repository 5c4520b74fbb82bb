//! From one key of a log to the next.
//!
//! A key takes over in steps, each of which can be seen: an entry of the log `audit` names both keys; from then on both sign, so that
//! what says so is under the old one; and only when a checkpoint covers that entry can the old one be revoked, and the new one
//! signs alone.

#[cfg(test)]
mod tests;

use serde::Deserialize;

use super::{KeysError, Signer};
use crate::clock::SystemClock;
use crate::event::{EventBuilder, metadata};
use crate::note::{Checkpoint, SignedNote, VerifierKey};
use crate::query::Query;
use crate::store::{LogId, SignedCheckpoint, write_about};

const ROTATED: &str = "audit.key.rotated";
const REVOKED: &str = "audit.key.revoked";

/// Who writes these entries.
const PRODUCER: &str = "audit-signer";

/// The member of an entry of a rotation by which it is found again.
#[derive(Deserialize)]
struct Rotated {
    new: String,
}

impl Signer {
    /// Gives a log its next key: says so in the log `audit`, then both sign. Verifiers need the [`policy`](Self::policy), which now
    /// names both, before the old one is [revoked](Self::revoke). The reader's store must be one that can be written to.
    ///
    /// Answers with the new key.
    ///
    /// # Errors
    /// [`KeysError`] where the log has no key or two already, the entry cannot be written, or the new key not be kept.
    ///
    /// # Cancel safety
    /// Dropped half-way, there may be an entry of a key that was never made; it can be called again.
    pub async fn rotate(&mut self, log: &str) -> Result<VerifierKey, KeysError> {
        let mut held = self.keys.of(log);
        let old = held.next().ok_or_else(|| KeysError::NoKey(log.to_owned()))?.to_string();
        if held.next().is_some() {
            return Err(KeysError::Overlap(log.to_owned()));
        }
        drop(held);
        let mut keys = self.keys.clone();
        let new = keys.make(log)?;
        let event = EventBuilder::of_the_log(ROTATED).metadata("log", log);
        self.write(log, event.metadata("old", old).metadata("new", new.to_string())).await?;
        self.folder.keep(&keys)?;
        self.keys = keys;
        Ok(new)
    }

    /// Takes one of the two keys of a log out of use: it is good up to a size, by default to what was signed last, and its secret half
    /// is forgotten. Says so in the log `audit`. Answers with that size.
    ///
    /// # Errors
    /// [`KeysError`] where it is no key of a log here, or the only one; where no checkpoint that is kept in the store covers yet what
    /// says that the other one takes over; where the size is one that was not signed; or where the entry cannot be written, or the
    /// keys not be kept.
    ///
    /// # Cancel safety
    /// Dropped half-way, there may be an entry of it, and the key still in use; it can be called again.
    pub async fn revoke(&mut self, key: &VerifierKey, size: Option<u64>) -> Result<u64, KeysError> {
        let log = key.name();
        let keys: Vec<_> = self.keys.of(log).collect();
        if !keys.contains(&key) {
            return Err(KeysError::NoKey(key.to_string()));
        }
        let [.., oldest, newest] = keys.as_slice() else {
            return Err(KeysError::OnlyKey(log.to_owned()));
        };
        if *oldest == key && !self.is_announced(newest).await? {
            return Err(KeysError::Unannounced(newest.to_string()));
        }
        let signed = self.state.logs.get(log).map_or(0, |tree| tree.size);
        let size = size.unwrap_or(signed);
        if size > signed {
            return Err(KeysError::Unsigned { log: log.to_owned(), size, signed });
        }
        let event = EventBuilder::of_the_log(REVOKED).metadata("log", log);
        self.write(log, event.metadata("key", key.to_string()).metadata("size", size)).await?;
        let mut keys = self.keys.clone();
        keys.revoke(key, size);
        self.folder.keep(&keys)?;
        self.keys = keys;
        Ok(size)
    }

    /// Whether a checkpoint that covers the entry by which a key came was signed, and kept where others see it.
    async fn is_announced(&self, key: &VerifierKey) -> Result<bool, KeysError> {
        let key = key.to_string();
        let mut query = Query::new().action(ROTATED).limit(100);
        loop {
            let page = self.reader.search(&query).await?;
            let is_it = |canon: &[u8]| metadata(canon).is_some_and(|Rotated { new }| new == key);
            if let Some(entry) = page.entries.iter().find(|entry| is_it(entry.canonical())) {
                return self.is_covered(&entry.log, entry.index).await;
            }
            match page.next {
                Some(next) => query = query.cursor(next),
                None => return Ok(false),
            }
        }
    }

    /// Whether a checkpoint that has the signature of its log's oldest key is kept, and covers an entry. The state may know of one
    /// that has never left.
    async fn is_covered(&self, log: &str, index: u64) -> Result<bool, KeysError> {
        let oldest: Vec<_> = self.keys.of(log).take(1).cloned().collect();
        let is_signed = |kept: &SignedCheckpoint| {
            let note = kept.note.parse::<SignedNote>().ok();
            let note = note.filter(|note| note.verified(&oldest).is_ok());
            let checkpoint = note.and_then(|note| note.text().parse::<Checkpoint>().ok());
            checkpoint.is_some_and(|there| there.origin == log && there.size > index)
        };
        let mut from = index.saturating_add(1);
        loop {
            let kept = self.reader.store().checkpoints(LogId::of(log), from, 100).await?;
            match kept.last() {
                _ if kept.iter().any(is_signed) => return Ok(true),
                Some(last) if last.size >= from => from = last.size.saturating_add(1),
                _ => return Ok(false),
            }
        }
    }

    /// Writes an entry about a log into the log `audit` beside it.
    pub(super) async fn write(&self, log: &str, event: EventBuilder) -> Result<(), KeysError> {
        let said =
            write_about(self.reader.store(), log, event, PRODUCER, &SystemClock::new()).await?;
        if said { Ok(()) } else { Err(KeysError::NoLog(log.to_owned())) }
    }
}
