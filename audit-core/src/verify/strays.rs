//! Entries that are not those of their place.

use std::collections::BTreeMap;

use super::finding::{FindingKind, Span};
use super::report::{Findings, MAX_FINDINGS};
use crate::merkle::Hash;

/// Rows whose bytes have another leaf hash than the log has at their index. Where two were swapped each
/// has what the other lacks, however far apart they are; so they are told apart from modified ones at
/// the end.
#[derive(Debug, Default)]
pub(super) struct Strays {
    /// By the leaf hash that was to be found: the index, and the hash that was found.
    by_lost: BTreeMap<Hash, (u64, Hash)>,
    omitted: u64,
}

impl Strays {
    pub(super) fn add(&mut self, index: u64, found: Hash, lost: Hash) {
        if self.by_lost.len() >= MAX_FINDINGS || self.by_lost.insert(lost, (index, found)).is_some()
        {
            self.omitted += 1;
        }
    }

    /// The leaf hash that belongs where this one was found, if this one is lost elsewhere and a swap is
    /// what happened.
    pub(super) fn swapped_for(&self, found: &Hash) -> Option<Hash> {
        self.by_lost.get(found).map(|(_, other)| *other)
    }

    pub(super) fn report(&self, findings: &mut Findings) {
        for (lost, (index, found)) in &self.by_lost {
            let (kind, detail) = match self.by_lost.get(found) {
                Some((home, _)) => (
                    FindingKind::Reordered,
                    format!("the entry that was appended at {home} stands here"),
                ),
                None => (
                    FindingKind::Modified,
                    format!("the bytes hash to {found}, those of the log to {lost}"),
                ),
            };
            findings.add(kind, Span::from(*index), detail);
        }
        findings.omit(FindingKind::Modified, self.omitted);
    }
}
