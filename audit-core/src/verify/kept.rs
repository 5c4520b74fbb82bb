//! Checkpoints that are kept in the database, beside the log.
//!
//! They prove nothing against whoever writes there, but a signature is a signature: one that is not, that says something else
//! than one from outside, or that the log does not come to, tells of somebody who was at work.

use std::collections::VecDeque;

use super::anchors::Sealed;
use super::finding::FindingKind;
use super::report::Findings;
use crate::event::error_text;
use crate::merkle::Hash;
use crate::note::{Checkpoint, Policy, Refused, SignedNote, Trusted};
use crate::store::{LogInfo, SignedCheckpoint, Store, StoreError, content};

/// Checkpoints that are read at once.
const PAGE: u32 = 64;

/// The checkpoints of a log that are kept, by size, read in pages: there may be as many as entries.
#[derive(Debug)]
pub(super) struct Kept<'a> {
    store: &'a dyn Store,
    log: LogInfo,
    /// Who can be believed. Without, nothing is read.
    policy: Option<&'a Policy>,
    /// The size from which the next page is read.
    from: Option<u64>,
    /// Those that are looked at, and that the log has not come to yet.
    read: VecDeque<Signed>,
    /// The last two sizes at which the log could not be compared.
    skipped: (Option<u64>, Option<u64>),
    /// How many were believed, and compared.
    pub(super) believed: u64,
}

/// What is signed in one of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Signed {
    pub(super) size: u64,
    pub(super) root: Hash,
    /// By a key that was revoked, and not good up to this size.
    pub(super) is_late: bool,
}

impl<'a> Kept<'a> {
    /// All, or those of more than `verified` entries.
    pub(super) fn new(
        store: &'a dyn Store,
        log: &LogInfo,
        policy: Option<&'a Policy>,
        verified: u64,
    ) -> Self {
        let from = if verified == 0 { 0 } else { verified.saturating_add(1) };
        let (from, read, skipped) = (policy.map(|_| from), VecDeque::new(), (None, None));
        Self { store, log: log.clone(), policy, from, read, skipped, believed: 0 }
    }

    /// Whether there can be any.
    pub(super) const fn is_looked_at(&self) -> bool {
        self.policy.is_some()
    }

    /// Reads on until all up to a size are there.
    pub(super) async fn load(
        &mut self,
        size: u64,
        sealed: &mut Sealed,
        findings: &mut Findings,
    ) -> Result<(), StoreError> {
        while let (Some(policy), Some(from)) = (self.policy, self.from)
            && from <= size
        {
            let page = self.store.checkpoints(self.log.id, from, PAGE).await;
            let page = match content(page)? {
                Ok(page) => page,
                Err(damage) => {
                    findings.add(FindingKind::Unauthentic, None, damage);
                    self.from = None;
                    return Ok(());
                }
            };
            self.from = page.last().and_then(|last| last.size.checked_add(1));
            for kept in page {
                match believed(policy, &self.log, &kept) {
                    Ok(trusted) => {
                        let is_late = trusted.is_none();
                        if let Some(trusted) = trusted {
                            self.believed += 1;
                            sealed.add_kept(&trusted, findings);
                        }
                        self.read.push_back(Signed { size: kept.size, root: kept.root, is_late });
                    }
                    Err(why) => {
                        let detail = format!(
                            "the checkpoint of {} entries that is kept in the database: {why}",
                            kept.size
                        );
                        findings.add(FindingKind::Unauthentic, None, detail);
                    }
                }
            }
        }
        Ok(())
    }

    /// What is signed at a size, which is not before those that were asked for already.
    pub(super) fn at(&mut self, size: u64) -> Option<Signed> {
        while self.read.front().is_some_and(|first| first.size < size) {
            self.read.pop_front();
        }
        self.read.front().filter(|first| first.size == size).copied()
    }

    /// Passes over those up to a size, with which nothing can be compared.
    pub(super) fn skip(&mut self, size: u64) {
        while let Some(first) = self.read.pop_front_if(|first| first.size <= size) {
            if !first.is_late && first.size > 0 {
                self.skipped = (self.skipped.1, Some(first.size));
                self.believed = self.believed.saturating_sub(1);
            }
        }
    }

    /// The last of those that were passed over and are of fewer entries.
    pub(super) fn skipped_below(&self, size: u64) -> Option<u64> {
        let (before, last) = self.skipped;
        last.filter(|last| *last < size).or(before)
    }

    /// Reads all that is left, passes over those up to a size, if one is given, and answers with the last of them.
    pub(super) async fn last(
        &mut self,
        skipped: Option<u64>,
        sealed: &mut Sealed,
        findings: &mut Findings,
    ) -> Result<Option<Signed>, StoreError> {
        let mut last = self.read.back().copied();
        loop {
            if let Some(size) = skipped {
                self.skip(size);
            }
            self.read.clear();
            let Some(from) = self.from else {
                return Ok(last);
            };
            self.load(from, sealed, findings).await?;
            last = self.read.back().copied().or(last);
        }
    }
}

/// Size and root of the largest checkpoint of a log that is kept, if it is believed.
pub(super) async fn latest(
    store: &dyn Store,
    log: &LogInfo,
    policy: Option<&Policy>,
) -> Result<Option<(u64, Hash)>, StoreError> {
    let Some(policy) = policy else {
        return Ok(None);
    };
    let latest = content(store.latest_checkpoint(log.id).await)?.ok().flatten();
    let latest = latest.filter(|latest| matches!(believed(policy, log, latest), Ok(Some(_))));
    Ok(latest.map(|latest| (latest.size, latest.root)))
}

/// A checkpoint that is what it stands for. Witnesses are not asked for: they are for those who keep it elsewhere, and come later.
/// Nothing where a key has signed it that was good then, and was revoked later, from less on: that is no proof, nor is it wrong.
fn believed(
    policy: &Policy,
    log: &LogInfo,
    kept: &SignedCheckpoint,
) -> Result<Option<Trusted>, String> {
    let note: SignedNote = kept.note.parse().map_err(|why| error_text(&why))?;
    let checked = policy.check(&note);
    let is_late = matches!(checked, Err(Refused::Revoked { .. }));
    let trusted = match checked {
        Err(Refused::Quorum(_) | Refused::Revoked { .. }) => {
            let checkpoint: Checkpoint = note.text().parse().map_err(|why| error_text(&why))?;
            Trusted { checkpoint, seen: Vec::new() }
        }
        trusted => trusted.map_err(|why| error_text(&why))?,
    };
    let Checkpoint { origin, size, root, .. } = &trusted.checkpoint;
    if (origin, *size, *root) == (&log.origin, kept.size, kept.root) {
        Ok((!is_late).then_some(trusted))
    } else {
        Err(format!("its note is of {size} entries of {origin} with the root {root}"))
    }
}
