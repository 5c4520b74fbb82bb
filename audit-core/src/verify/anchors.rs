//! Checkpoints, and what the log comes to at their sizes.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use super::finding::{FindingKind, Span};
use super::kept::{Kept, Signed};
use super::report::{Compared, Findings};
use crate::merkle::{Frontier, Hash, TILE_WIDTH};
use crate::note::{Checkpoint, Trusted};
use crate::store::StoreError;

/// How far the clock of a witness may be ahead of ours.
const MOST_AHEAD: TimeDelta = TimeDelta::minutes(5);

/// What is signed of a log, and believed.
#[derive(Debug, Clone)]
pub(super) struct Sealed {
    now: DateTime<Utc>,
    /// From outside of the database: the roots of each size, of which there should be one.
    roots: BTreeMap<u64, BTreeSet<Hash>>,
    /// The same, with where each comes from.
    pub(super) compared: Vec<Compared>,
    /// The largest size, from outside or kept in the database.
    pub(super) size: Option<u64>,
    /// The newest time at which a witness has seen one.
    seen: Option<DateTime<Utc>>,
    /// The largest size up to which the entries were verified before.
    pub(super) verified: u64,
}

impl Sealed {
    /// Nothing yet, as of a time.
    pub(super) fn new(now: DateTime<Utc>) -> Self {
        let (roots, compared) = (BTreeMap::new(), Vec::new());
        Self { now, roots, compared, size: None, seen: None, verified: 0 }
    }

    /// Takes in that the entries of a checkpoint were verified before.
    pub(super) fn have_verified(&mut self, checkpoint: &Checkpoint) {
        self.verified = self.verified.max(checkpoint.size);
    }

    /// The first entry of a log of so many that must be read. It is the first one under a tile, as what is not read is known by its tiles.
    pub(super) fn first_unverified(&self, size: u64) -> u64 {
        let verified = self.verified.min(size);
        verified.saturating_sub(verified % TILE_WIDTH)
    }

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

    /// Takes in what any checkpoint says of how far, and when, the log was signed. A time that is still to come says nothing, or it
    /// would hide for as long that nobody looks any more.
    fn note(&mut self, trusted: &Trusted) {
        self.size = self.size.max(Some(trusted.checkpoint.size));
        let has_come = |at: &DateTime<Utc>| at.signed_duration_since(self.now) <= MOST_AHEAD;
        let seen = trusted.seen.iter().map(|(_, at)| *at).filter(has_come).max();
        self.seen = self.seen.max(seen);
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
    pub(super) fn check_age(&self, bound: Duration, findings: &mut Findings) {
        let bound = TimeDelta::from_std(bound).unwrap_or(TimeDelta::MAX);
        let detail = match self.seen {
            Some(seen) if self.now.signed_duration_since(seen) <= bound => return,
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
        let found = sealed.roots.contains_key(&0).then(|| (0, Frontier::new().root()));
        let mut anchors = Self { sealed, kept, tree: None, found: found.into_iter().collect() };
        anchors.tree = anchors.is_grown().then(Frontier::new);
        anchors
    }

    /// Whether there is anything to compare with.
    fn is_grown(&self) -> bool {
        !self.sealed.roots.is_empty() || self.kept.is_looked_at()
    }

    /// Whether no leaf up to a size was missing.
    fn has_come_to(&self, size: u64) -> bool {
        self.tree.as_ref().is_some_and(|tree| tree.size() == size)
    }

    /// Reads what is kept of sizes up to the end of a range.
    pub(super) async fn load(
        &mut self,
        range: &Range<u64>,
        findings: &mut Findings,
    ) -> Result<(), StoreError> {
        self.kept.load(range.end, &mut self.sealed, findings).await
    }

    /// Reads what is kept of larger sizes than that of the log, and answers with the last of it.
    pub(super) async fn load_rest(
        &mut self,
        size: u64,
        findings: &mut Findings,
    ) -> Result<Option<Signed>, StoreError> {
        let skipped = (!self.has_come_to(size)).then_some(size);
        self.kept.last(skipped, &mut self.sealed, findings).await
    }

    /// Takes in leaves that are not read, which begin where the last ones ended, by the root of their subtree, if that is known.
    pub(super) fn pass(&mut self, range: &Range<u64>, root: Option<Hash>) {
        let level = range.end.saturating_sub(range.start).trailing_zeros();
        self.tree = self.tree.take().and_then(|mut tree| {
            let fits = tree.size() == range.start && tree.push_subtree(level, root?);
            fits.then_some(tree)
        });
        if let Some(tree) =
            self.tree.as_ref().filter(|tree| self.sealed.roots.contains_key(&tree.size()))
        {
            self.found.insert(tree.size(), tree.root());
        }
    }

    /// Takes in the leaves of a range that begins where the last one ended; without them nothing more can be said.
    pub(super) fn grow(
        &mut self,
        range: &Range<u64>,
        leaves: Option<&[Hash]>,
        findings: &mut Findings,
    ) {
        let Some(tree) = &mut self.tree else {
            return self.kept.skip(range.end);
        };
        let whole = leaves.filter(|leaves| {
            let count = u64::try_from(leaves.len());
            tree.size() == range.start && count == Ok(range.end.saturating_sub(range.start))
        });
        let Some(leaves) = whole else {
            self.tree = None;
            return self.kept.skip(range.end);
        };
        for leaf in leaves {
            if tree.push(*leaf).is_err() {
                self.tree = None;
                return;
            }
            let size = tree.size();
            let is_outside = self.sealed.roots.contains_key(&size);
            if is_outside {
                self.found.insert(size, tree.root());
            }
            // Where both are believed they were compared with one another.
            let kept = self.kept.at(size).filter(|kept| kept.is_late || !is_outside);
            if let Some(kept) = kept {
                compare(kept, tree.root(), findings);
            }
        }
    }

    /// Compares a log with what was signed: so many entries that come to this root. Says how far it could be compared.
    pub(super) fn judge(&mut self, size: u64, root: Hash, findings: &mut Findings) -> Option<u64> {
        let begun = self.sealed.first_unverified(size);
        // That the head's root is that of the entries was looked at apart; where they did not come to it, that must have been told.
        let (mut compared, mut not_compared) = (None, None);
        if self.has_come_to(size) || findings.is_any_about_the_log() {
            self.found.entry(size).or_insert(root);
        } else if self.is_grown() {
            not_compared = Some(size);
        }
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
                // The log was compared with it when it was verified up to there.
                None if signed < begun => {}
                None => not_compared = Some(signed),
            }
        }
        for (whose, last) in [
            ("from outside", not_compared),
            ("that are kept in the database", self.kept.skipped_below(size)),
        ] {
            if let Some(last) = last {
                let detail = format!(
                    "checkpoints {whose}, the last of them of {last} entries, cannot be compared for what is missing before"
                );
                findings.add(FindingKind::Missing, None, detail);
            }
        }
        compared
    }
}

/// Compares a root with that of a checkpoint of as many entries, which is kept in the database.
fn compare(kept: Signed, found: Hash, findings: &mut Findings) {
    let Signed { size, root, is_late } = kept;
    if root == found {
        return;
    }
    let (kind, by) = match is_late {
        false => (FindingKind::Forked, ""),
        true => (FindingKind::Unauthentic, ", signed by a key that was revoked from less on,"),
    };
    let detail = format!(
        "the first {size} entries come to {found}, and a checkpoint that is kept in the database{by} says {root}"
    );
    findings.add(kind, None, detail);
}
