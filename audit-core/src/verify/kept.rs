//! Checkpoints that are kept in the database, beside the log.
//!
//! They prove nothing against whoever writes there, but a signature is a signature: one that is not, that says something else
//! than one from outside, or that the log does not come to, tells of somebody who was at work.

use std::collections::VecDeque;

use super::anchors::Sealed;
use super::finding::FindingKind;
use super::log::content;
use super::report::Findings;
use crate::event::error_text;
use crate::merkle::Hash;
use crate::note::{Checkpoint, Policy, Refused, SignedNote, Trusted};
use crate::store::{LogInfo, SignedCheckpoint, Store, StoreError};

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
    /// Those that are believed, and that the log has not come to yet.
    read: VecDeque<(u64, Hash)>,
    /// How many were believed.
    pub(super) believed: u64,
}

impl<'a> Kept<'a> {
    pub(super) fn new(store: &'a dyn Store, log: &LogInfo, policy: Option<&'a Policy>) -> Self {
        let from = policy.map(|_| 0);
        Self { store, log: log.clone(), policy, from, read: VecDeque::new(), believed: 0 }
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
                        self.believed += 1;
                        sealed.add_kept(&trusted, findings);
                        self.read.push_back((kept.size, kept.root));
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

    /// The root that is signed at a size, which is not before those that were asked for already.
    pub(super) fn at(&mut self, size: u64) -> Option<Hash> {
        while self.read.front().is_some_and(|(first, _)| *first < size) {
            self.read.pop_front();
        }
        self.read.front().filter(|(first, _)| *first == size).map(|(_, root)| *root)
    }

    /// Reads all that is left, and says how much the last of them tells of.
    pub(super) async fn last(
        &mut self,
        sealed: &mut Sealed,
        findings: &mut Findings,
    ) -> Result<Option<u64>, StoreError> {
        let mut last = self.read.back().map(|(size, _)| *size);
        while let Some(from) = self.from {
            self.read.clear();
            self.load(from, sealed, findings).await?;
            last = self.read.back().map(|(size, _)| *size).or(last);
        }
        Ok(last)
    }
}

/// A checkpoint that is what it stands for. Witnesses are not asked for: they are for those who keep it elsewhere, and come later.
fn believed(policy: &Policy, log: &LogInfo, kept: &SignedCheckpoint) -> Result<Trusted, String> {
    let note: SignedNote = kept.note.parse().map_err(|why| error_text(&why))?;
    let trusted = match policy.check(&note) {
        Err(Refused::Quorum(_)) => {
            let checkpoint: Checkpoint = note.text().parse().map_err(|why| error_text(&why))?;
            Trusted { checkpoint, seen: Vec::new() }
        }
        trusted => trusted.map_err(|why| error_text(&why))?,
    };
    let Checkpoint { origin, size, root, .. } = &trusted.checkpoint;
    if (origin, *size, *root) == (&log.origin, kept.size, kept.root) {
        Ok(trusted)
    } else {
        Err(format!("its note is of {size} entries of {origin} with the root {root}"))
    }
}
