//! What may be gone: what the log of the class `audit` says of retention and erasures.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::Deserialize;

use super::finding::{FindingKind, Span};
use super::kept::latest;
use super::report::Findings;
use super::rows::Rows;
use crate::event::{Wire, metadata};
use crate::merkle::{Frontier, TILE_WIDTH, leaf_hash};
use crate::note::Policy;
use crate::store::{LogId, LogInfo, Store, StoreError, base_of_own, content, first_of, number_of};

/// Prunes and erasures by the names of the logs that they are of. Grows with what was erased.
#[derive(Debug, Default)]
pub(super) struct Permits {
    /// The logs of the class `audit`, by name.
    speakers: BTreeMap<String, Speaker>,
    /// The logs that are signed: what excuses something in one of these must be signed as well.
    signed: BTreeSet<String>,
    pruned: BTreeMap<String, Vec<(Place, Pruned)>>,
    /// For each set of places the entries that have lost them, and where that is said first: there are few such sets.
    erased: BTreeMap<String, BTreeMap<BTreeSet<String>, BTreeMap<u64, Place>>>,
}

/// Where something is said, in logs that go on for one another: the number of the log in its row, and the index of the entry.
type Place = (u64, u64);

/// A log of the class `audit`, as far as it was read.
#[derive(Debug, Default)]
struct Speaker {
    tree: Frontier,
    /// So many of its entries are under a checkpoint.
    sealed: u64,
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

/// Who says that something may be gone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Permit {
    /// The logs, and the indices of the entries that say so.
    said: BTreeMap<String, BTreeSet<u64>>,
    /// Whether a checkpoint covers them, where one should.
    pub(super) is_sealed: bool,
}

impl fmt::Display for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let told = |(log, indexes): (&String, &BTreeSet<u64>)| {
            let indexes: Vec<_> = indexes.iter().map(u64::to_string).collect();
            format!("as {log} says at {}", indexes.join(", "))
        };
        let told: Vec<_> = self.said.iter().map(told).collect();
        f.write_str(&told.join(" and "))
    }
}

impl Permit {
    /// Tells of what is gone: a notice of that kind, or, where it may still be made not to have been said, a warning.
    pub(super) fn tell(&self, kind: FindingKind, place: Span, what: &str, findings: &mut Findings) {
        match self.is_sealed {
            true => findings.add(kind, place, format!("{what}, {self}")),
            false => {
                let detail = format!("{what}, {self}, where no checkpoint covers it");
                findings.add(FindingKind::Unsealed, place, detail);
            }
        }
    }
}

impl Permits {
    /// Those of some logs, of which the policy of whoever verifies names some.
    pub(super) fn new(logs: &[LogInfo], policy: Option<&Policy>) -> Self {
        let speaks = |log: &&LogInfo| log.is_itself() && base_of_own(&log.origin).is_some();
        let speakers = logs.iter().filter(speaks);
        let speakers = speakers.map(|log| (log.origin.clone(), Speaker::default()));
        let revoked = policy.iter().flat_map(|policy| policy.revoked().iter().map(|(key, _)| key));
        let keys = policy.iter().flat_map(|policy| policy.logs()).chain(revoked);
        let signed = keys.map(|key| key.name().to_owned()).collect();
        Self { speakers: speakers.collect(), signed, ..Self::default() }
    }

    /// Whether the policy names a key of a log, be it one that was revoked.
    pub(super) fn is_signed(&self, log: &str) -> bool {
        self.signed.contains(log)
    }

    /// The only logs that speak for this one, which go on for one another: of those around it the nearest, as names of applications may
    /// be within one another.
    fn speakers(&self, log: &str) -> impl Iterator<Item = (&String, &Speaker)> {
        let is_beside =
            |base: &&str| log.strip_prefix(base).is_some_and(|rest| rest.starts_with('/'));
        let around = self.speakers.keys().filter_map(|by| base_of_own(by)).filter(is_beside);
        let nearest = around.max_by_key(|base| base.len());
        let speaks = move |by: &String| nearest.is_some() && base_of_own(by) == nearest;
        self.speakers.iter().filter(move |(by, _)| speaks(by))
    }

    /// Notes what an entry of a log says, whose bytes are not in doubt: of itself only that values were taken out, as nothing else
    /// ever is.
    pub(super) fn see(&mut self, log: &str, index: u64, action: &str, canon: &[u8]) {
        let speaks_for = |other: &str| self.speakers(other).any(|(by, _)| by == log);
        let place = (number_of(log), index);
        match action {
            "audit.pruned" => {
                if let Some(pruned) = metadata::<Pruned>(canon)
                    && speaks_for(&pruned.log)
                    && first_of(&pruned.log) != first_of(log)
                {
                    self.pruned.entry(pruned.log.clone()).or_default().push((place, pruned));
                }
            }
            "audit.erased" => {
                if let Some(erased) = metadata::<Erased>(canon)
                    && speaks_for(&erased.log)
                {
                    let of_log = self.erased.entry(erased.log).or_default();
                    let there = of_log.entry(erased.pointers).or_default();
                    for erased in erased.indexes {
                        there.entry(erased).or_insert(place);
                    }
                }
            }
            _ => {}
        }
    }

    /// Notes how far a log was read, and how far it is signed.
    pub(super) fn have_read(&mut self, log: &str, tree: &Frontier, sealed: Option<u64>) {
        if let Some(speaker) = self.speakers.get_mut(log) {
            *speaker = Speaker { tree: tree.clone(), sealed: sealed.unwrap_or(0) };
        }
    }

    /// Reads on in the logs that speak for this one: what is gone since they were read was permitted since.
    pub(super) async fn read_on(
        &mut self,
        store: &dyn Store,
        log: &str,
        policy: Option<&Policy>,
    ) -> Result<(), StoreError> {
        let by: Vec<_> = self.speakers(log).map(|(by, _)| by.clone()).collect();
        for by in by {
            self.read_on_in(store, &by, policy).await?;
        }
        Ok(())
    }

    /// Nothing counts that does not come to the log's head.
    async fn read_on_in(
        &mut self,
        store: &dyn Store,
        by: &str,
        policy: Option<&Policy>,
    ) -> Result<(), StoreError> {
        let Some(speaker) = self.speakers.get(by) else {
            return Ok(());
        };
        let by = LogInfo { id: LogId::of(by), origin: by.to_owned() };
        let (mut tree, mut sealed) = (speaker.tree.clone(), speaker.sealed);
        let signed = latest(store, &by, policy).await?;
        let Ok(head) = content(store.head(by.id).await)? else {
            return Ok(());
        };
        let mut rows = Rows::new(store, by.id, tree.size());
        let mut said = Vec::new();
        loop {
            if signed.is_some_and(|(size, root)| size == tree.size() && root == tree.root()) {
                sealed = sealed.max(tree.size());
            }
            let Some(row) = rows.next_below(head.frontier.size()).await? else {
                break;
            };
            if row.index != tree.size() || tree.push(leaf_hash(&row.canon)).is_err() {
                return Ok(());
            }
            let action = Wire::of(&row.canon).map(|wire| wire.action.0.to_string());
            if let Ok(action) = action
                && matches!(&*action, "audit.pruned" | "audit.erased")
            {
                said.push((row.index, action, row.canon));
            }
        }
        if tree == head.frontier {
            self.have_read(&by.origin, &tree, Some(sealed));
            for (index, action, canon) in said {
                self.see(&by.origin, index, &action, &canon);
            }
        }
        Ok(())
    }

    /// Whether a log of so many entries may begin at an index: where a tile begins, as tiles keep the leaf hashes.
    pub(super) fn pruned(&self, log: &str, min_index: u64, size: u64) -> Option<Permit> {
        let noted = self.pruned.get(log).into_iter().flatten();
        let mut noted = noted.filter(|(_, pruned)| {
            pruned.min_index == min_index && min_index <= pruned.size && pruned.size <= size
        });
        let (place, _) = noted.next().filter(|_| min_index.is_multiple_of(TILE_WIDTH))?;
        self.permit(log, BTreeSet::from([*place]))
    }

    /// Whether the openings of these values of an entry may be gone.
    pub(super) fn erased(
        &self,
        log: &str,
        index: u64,
        pointers: &BTreeSet<String>,
    ) -> Option<Permit> {
        let noted = self.erased.get(log)?;
        let said = pointers.iter().map(|pointer| {
            let of_it = noted.iter().filter(|(pointers, _)| pointers.contains(pointer));
            of_it.filter_map(|(_, said)| said.get(&index)).min().copied()
        });
        self.permit(log, said.collect::<Option<_>>()?)
    }

    /// What is said of a log at these places, if it counts.
    fn permit(&self, log: &str, places: BTreeSet<Place>) -> Option<Permit> {
        let must_be_signed = self.is_signed(log);
        let mut permit = Permit { said: BTreeMap::new(), is_sealed: true };
        for (number, index) in places {
            let (by, speaker) = self.speakers(log).find(|(by, _)| number_of(by) == number)?;
            if must_be_signed && !self.is_signed(by) {
                return None;
            }
            permit.is_sealed &= !must_be_signed || index < speaker.sealed;
            permit.said.entry(by.clone()).or_default().insert(index);
        }
        Some(permit)
    }
}
