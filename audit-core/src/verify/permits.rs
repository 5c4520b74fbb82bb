//! What may be gone: what the log of the class `audit` says of retention and erasures.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

use crate::event::metadata;
use crate::store::first_of;

/// Prunes and erasures by the names of the logs that they are of. Grows with what was erased.
#[derive(Debug, Default)]
pub(super) struct Permits {
    pruned: BTreeMap<String, Vec<Pruned>>,
    /// For each set of places the entries that have lost them: there are few such sets.
    erased: BTreeMap<String, BTreeMap<BTreeSet<String>, BTreeSet<u64>>>,
}

/// That entries below an index were removed.
#[derive(Debug, Deserialize)]
struct Pruned {
    log: String,
    min_index: u64,
    /// How many entries the log had then.
    size: u64,
}

/// That the openings of some values were removed.
#[derive(Debug, Deserialize)]
struct Erased {
    log: String,
    indexes: BTreeSet<u64>,
    pointers: BTreeSet<String>,
}

impl Permits {
    /// Notes what an entry of a log says, whose bytes are not in doubt: only the log of the class `audit` speaks, and only of
    /// the others beside it, as nothing is ever taken out of itself but values.
    pub(super) fn see(&mut self, log: &str, action: &str, canon: &[u8]) {
        let Some(base) = first_of(log).strip_suffix("audit").filter(|base| base.ends_with('/'))
        else {
            return;
        };
        match action {
            "audit.pruned" => {
                if let Some(pruned) = metadata::<Pruned>(canon)
                    && pruned.log.starts_with(base)
                    && pruned.log != log
                {
                    self.pruned.entry(pruned.log.clone()).or_default().push(pruned);
                }
            }
            "audit.erased" => {
                if let Some(erased) = metadata::<Erased>(canon)
                    && erased.log.starts_with(base)
                {
                    let of_log = self.erased.entry(erased.log).or_default();
                    of_log.entry(erased.pointers).or_default().extend(erased.indexes);
                }
            }
            _ => {}
        }
    }

    /// Whether a log of so many entries may begin at an index.
    pub(super) fn allow_pruned(&self, log: &str, min_index: u64, size: u64) -> bool {
        let noted = self.pruned.get(log).into_iter().flatten();
        let mut noted = noted.filter(|pruned| pruned.min_index == min_index);
        noted.any(|pruned| min_index <= pruned.size && pruned.size <= size)
    }

    /// Whether the opening of a value of an entry may be gone.
    pub(super) fn allow_erased(&self, log: &str, index: u64, pointer: &str) -> bool {
        let mut noted = self.erased.get(log).into_iter().flatten();
        noted.any(|(pointers, indexes)| pointers.contains(pointer) && indexes.contains(&index))
    }
}
