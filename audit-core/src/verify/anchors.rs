//! Checkpoints, and what the log comes to at their sizes.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use super::finding::{FindingKind, Span};
use super::kept::Kept;
use super::report::{Compared, Findings};
use crate::merkle::{Frontier, Hash};
use crate::note::{Checkpoint, Trusted};
use crate::store::StoreError;

/// What is signed of a log, and believed.
#[derive(Debug, Clone, Default)]
pub(super) struct Sealed {
    /// From outside of the database: the roots of each size, of which there should be one.
    roots: BTreeMap<u64, BTreeSet<Hash>>,
    /// The same, with where each comes from.
    pub(super) compared: Vec<Compared>,
    /// The largest size, from outside or kept in the database.
    pub(super) size: Option<u64>,
    /// The newest time at which a witness has seen one.
    seen: Option<DateTime<Utc>>,
}

impl Sealed {
    /// Takes in a checkpoint from outside.
    pub(super) fn add(&mut self, trusted: &Trusted, from: &str) {
        let checkpoint = &trusted.checkpoint;
        self.roots.entry(checkpoint.size).or_default().insert(checkpoint.root);
        self.compared.push(Compared::new(trusted, from));
        self.compared.sort_by_key(|compared| compared.size);
        self.note(trusted);
    }

    /// Takes in a checkpoint that is kept in the database.
    pub(super) fn add_kept(&mut self, trusted: &Trusted, findings: &mut Findings) {
        let Checkpoint { size, root, .. } = &trusted.checkpoint;
        if self.roots.get(size).is_some_and(|roots| !roots.contains(root)) {
            let detail = format!(
                "the checkpoint of {size} entries that is kept in the database is signed with another root than one from outside"
            );
            findings.add(FindingKind::Equivocation, None, detail);
        }
        self.note(trusted);
    }

    /// Takes in what any checkpoint says of how far, and when, the log was signed.
    fn note(&mut self, trusted: &Trusted) {
        self.size = self.size.max(Some(trusted.checkpoint.size));
        self.seen = self.seen.max(trusted.seen.iter().map(|(_, at)| *at).max());
    }

    /// Where there are two roots of one size, whoever has the key has signed two histories.
    pub(super) fn equivocations(&self, findings: &mut Findings) {
        for (size, roots) in self.roots.iter().filter(|(_, roots)| roots.len() > 1) {
            let detail =
                format!("checkpoints of {size} entries are signed with {} roots", roots.len());
            findings.add(FindingKind::Equivocation, None, detail);
        }
    }

    /// Whether a witness has seen the log lately.
    pub(super) fn check_age(&self, now: DateTime<Utc>, bound: Duration, findings: &mut Findings) {
        let bound = TimeDelta::from_std(bound).unwrap_or(TimeDelta::MAX);
        let detail = match self.seen {
            Some(seen) if now.signed_duration_since(seen) <= bound => return,
            Some(seen) => {
                let seen = seen.to_rfc3339_opts(SecondsFormat::Secs, true);
                format!("the newest checkpoint that a witness has seen was seen at {seen}")
            }
            None => "no witness that is believed says when it has seen a checkpoint".to_owned(),
        };
        findings.add(FindingKind::Stale, None, detail);
    }
}

/// The tree of the log as it grows, compared with what is signed of it.
#[derive(Debug)]
pub(super) struct Anchors<'a> {
    pub(super) sealed: Sealed,
    pub(super) kept: Kept<'a>,
    /// Over all leaves so far; nothing once one was missing.
    tree: Option<Frontier>,
    /// What the log came to at the sizes that are signed.
    found: BTreeMap<u64, Hash>,
}

impl<'a> Anchors<'a> {
    pub(super) fn new(sealed: Sealed, kept: Kept<'a>) -> Self {
        let is_grown = !sealed.roots.is_empty() || kept.is_looked_at();
        let tree = is_grown.then(Frontier::new);
        let found = sealed.roots.contains_key(&0).then(|| (0, Frontier::new().root()));
        Self { sealed, kept, tree, found: found.into_iter().collect() }
    }

    /// Reads what is kept of sizes up to the end of a range.
    pub(super) async fn load(
        &mut self,
        range: &Range<u64>,
        findings: &mut Findings,
    ) -> Result<(), StoreError> {
        self.kept.load(range.end, &mut self.sealed, findings).await
    }

    /// Takes in the leaves of a range that begins where the last one ended; without them nothing more can be said.
    pub(super) fn grow(
        &mut self,
        range: &Range<u64>,
        leaves: Option<&[Hash]>,
        findings: &mut Findings,
    ) {
        let Some(tree) = &mut self.tree else {
            return;
        };
        let whole = leaves.filter(|leaves| {
            let count = u64::try_from(leaves.len());
            tree.size() == range.start && count == Ok(range.end.saturating_sub(range.start))
        });
        let Some(leaves) = whole else {
            self.tree = None;
            return;
        };
        for leaf in leaves {
            if tree.push(*leaf).is_err() {
                self.tree = None;
                return;
            }
            let size = tree.size();
            if self.sealed.roots.contains_key(&size) {
                self.found.insert(size, tree.root());
            } else if let Some(root) = self.kept.at(size).filter(|root| *root != tree.root()) {
                let found = tree.root();
                let detail = format!(
                    "the first {size} entries come to {found}, and a checkpoint that is kept in the database says {root}"
                );
                findings.add(FindingKind::Forked, None, detail);
            }
        }
    }

    /// Compares a log with what was signed: so many entries that come to this root. Says how far it could be compared.
    pub(super) fn judge(&mut self, size: u64, root: Hash, findings: &mut Findings) -> Option<u64> {
        // That the head's root is that of the entries was looked at apart.
        self.found.entry(size).or_insert(root);
        let (mut compared, mut not_compared) = (None, None);
        for (&signed, roots) in &self.sealed.roots {
            match self.found.get(&signed) {
                _ if signed > size => {
                    let detail = format!("a checkpoint from outside knows of {signed} entries");
                    findings.add(FindingKind::Truncated, Span::from(size..signed), detail);
                    compared = Some(size);
                }
                Some(found) => {
                    compared = Some(signed);
                    if let Some(root) = roots.first().filter(|_| !roots.contains(found)) {
                        let detail = format!(
                            "the first {signed} entries come to {found}, and a checkpoint from outside says {root}"
                        );
                        findings.add(FindingKind::Forked, None, detail);
                    }
                }
                None => not_compared = Some(signed),
            }
        }
        if let Some(last) = not_compared {
            let detail = format!(
                "checkpoints from outside, the last of them of {last} entries, cannot be compared for what is missing before"
            );
            findings.add(FindingKind::Missing, None, detail);
        }
        compared
    }
}
