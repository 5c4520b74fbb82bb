//! Checkpoints from outside, and what the log comes to at their sizes.

use std::collections::BTreeMap;
use std::ops::Range;

use super::report::{FindingKind, Findings, Span};
use crate::merkle::{Frontier, Hash};

/// The tree of the log as it grows, compared with what is known of it from outside.
#[derive(Debug)]
pub(super) struct Anchors {
    /// Roots by sizes.
    signed: BTreeMap<u64, Hash>,
    /// Over all leaves so far; nothing once one was missing.
    tree: Option<Frontier>,
    /// What the log came to at those sizes.
    found: BTreeMap<u64, Hash>,
}

impl Anchors {
    pub(super) fn new(signed: BTreeMap<u64, Hash>) -> Self {
        let tree = (!signed.is_empty()).then(Frontier::new);
        let found = signed.contains_key(&0).then(|| (0, Frontier::new().root()));
        Self { signed, tree, found: found.into_iter().collect() }
    }

    /// Takes in the leaves of a range that begins where the last one ended; without them nothing more can be said.
    pub(super) fn grow(&mut self, range: &Range<u64>, leaves: Option<&[Hash]>) {
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
            if self.signed.contains_key(&tree.size()) {
                self.found.insert(tree.size(), tree.root());
            }
        }
    }

    /// Compares a log with what was signed: so many entries that come to this root. Says how far it could be compared.
    pub(super) fn judge(&mut self, size: u64, root: Hash, findings: &mut Findings) -> Option<u64> {
        // That the head's root is that of the entries was looked at apart.
        self.found.entry(size).or_insert(root);
        let (mut compared, mut not_compared) = (None, None);
        for (&signed, root) in &self.signed {
            match self.found.get(&signed) {
                _ if signed > size => {
                    let detail = format!("a checkpoint from outside knows of {signed} entries");
                    findings.add(FindingKind::Truncated, Span::from(size..signed), detail);
                    compared = Some(size);
                }
                Some(found) => {
                    compared = Some(signed);
                    if found != root {
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
