//! What one row says of itself: its bytes hashed, and what stands beside them derived again and compared. No row is looked at in the light of another
//! here, so that many can be at a time.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use crate::event::{Columns, Stamp, Wire, ip_of, is_reserved, open_all};
use crate::merkle::{Hash, leaf_hash};
use crate::store::{Row, SEGMENT_SIZE};

/// How much of a row is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// Bytes and leaf hash.
    Leaves,
    /// All of it.
    Everything,
}

/// A row that has been looked at.
#[derive(Debug)]
pub(super) struct Examined {
    /// Its place in the log.
    pub(super) index: u64,
    /// The leaf hash of its bytes.
    pub(super) hash: Hash,
    /// The stored leaf hash.
    pub(super) leaf: Option<Hash>,
    /// Columns that do not fit the bytes.
    pub(super) wrong: Vec<&'static str>,
    /// What else it says, if that was asked for.
    pub(super) beside: Option<Box<Beside>>,
}

/// What a row says but for its leaf.
#[derive(Debug)]
pub(super) struct Beside {
    pub(super) recorded_at: Option<DateTime<Utc>>,
    /// What the bytes say, or why they are no event.
    pub(super) said: Result<Said, serde_json::Error>,
    /// The stored columns.
    pub(super) columns: Option<Columns>,
}

/// What an event says that matters to others, and what of it is gone.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) occurred_at: DateTime<Utc>,
    /// Action and bytes of what the log says of itself.
    pub(super) own: Option<(String, Vec<u8>)>,
    pub(super) stamp: Option<Stamp>,
    /// The places of values whose openings are not there, or what is wrong with those that are.
    pub(super) gone: Result<BTreeSet<String>, String>,
}

impl Examined {
    pub(super) fn of(row: Row, depth: Depth) -> Self {
        let hash = leaf_hash(&row.canon);
        let (index, leaf) = (row.index, row.leaf);
        let mut wrong = Vec::new();
        let beside = match depth {
            Depth::Leaves => {
                note(&mut wrong, "leaf", leaf == Some(hash));
                None
            }
            Depth::Everything => {
                note(&mut wrong, "segment", row.segment == Some(index / SEGMENT_SIZE));
                note(&mut wrong, "leaf", leaf == Some(hash));
                Some(Box::new(Beside::of(row, &mut wrong)))
            }
        };
        Self { index, hash, leaf, wrong, beside }
    }
}

impl Beside {
    fn of(row: Row, wrong: &mut Vec<&'static str>) -> Self {
        note(wrong, "recorded_at", row.recorded_at.is_some());
        let said = Wire::of(&row.canon).map(|wire| {
            match &row.columns {
                Some(columns) => wrong.extend(columns.differing(&wire)),
                None => wrong.push("the search columns, which cannot be read"),
            }
            Said {
                occurred_at: wire.occurred_at(),
                own: is_reserved(&wire.action.0)
                    .then(|| (wire.action.0.to_string(), row.canon.clone())),
                stamp: Stamp::of_outline(&wire.producer).or_else(|| Stamp::of(&row.canon)),
                gone: gone(&row, &wire, wrong),
            }
        });
        Self { recorded_at: row.recorded_at, said, columns: row.columns }
    }
}

/// Checks that what is there opens what the bytes commit to, and that the address is the one that was opened. An opening that does not
/// open says nothing about the address. Answers with what is not there.
fn gone(
    row: &Row,
    wire: &Wire<'_>,
    wrong: &mut Vec<&'static str>,
) -> Result<BTreeSet<String>, String> {
    let openings = row.openings.as_deref().map_or(Ok(Vec::new()), open_all);
    let openings = openings.map_err(|error| error.to_string())?;
    let closed: Vec<_> =
        wire.closed(&openings).into_iter().map(|opening| &*opening.pointer).collect();
    if !closed.contains(&"/request/ip") {
        let ip = ip_of(&openings);
        note(wrong, "ip", ip.as_ref().map(<[u8; 16]>::as_slice) == row.ip.as_deref());
    }
    if !closed.is_empty() {
        let closed = closed.join(", ");
        return Err(format!("the openings do not open what the bytes commit to: {closed}"));
    }
    let is_gone = |pointer: &&str| !openings.iter().any(|there| there.pointer == **pointer);
    Ok(wire.personal().filter(is_gone).map(str::to_owned).collect())
}

fn note(wrong: &mut Vec<&'static str>, name: &'static str, right: bool) {
    if !right {
        wrong.push(name);
    }
}
