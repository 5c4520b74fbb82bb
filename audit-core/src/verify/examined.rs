//! What one row says of itself: its bytes hashed, and what stands beside them derived again and compared. No row is looked at in the light of another
//! here, so that many can be at a time.

use std::borrow::Cow;
use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use crate::event::{Columns, Opening, Outline, Stamp, Term, ip_of, open_all, unescaped};
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
    pub(super) beside: Option<Beside>,
}

/// What a row says but for its leaf.
#[derive(Debug)]
pub(super) struct Beside {
    pub(super) canon: Vec<u8>,
    pub(super) recorded_at: Option<DateTime<Utc>>,
    /// What the bytes say, or why they are no event.
    pub(super) said: Result<Said, serde_json::Error>,
    /// The places of values whose openings are not there, or what is wrong with those that are.
    pub(super) gone: Result<BTreeSet<String>, String>,
    /// The stored terms.
    pub(super) terms: Vec<Term>,
}

/// What an event says that matters to others.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) occurred_at: DateTime<Utc>,
    pub(super) action: String,
    pub(super) stamp: Option<Stamp>,
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
                Some(Beside::of(row, &mut wrong))
            }
        };
        Self { index, hash, leaf, wrong, beside }
    }
}

impl Beside {
    fn of(row: Row, wrong: &mut Vec<&'static str>) -> Self {
        let derived = Columns::of(&row.canon);
        if let Ok(derived) = &derived {
            compare(wrong, derived, row.columns.as_ref());
        }
        let openings = row.openings.as_deref().map_or(Ok(Vec::new()), open_all);
        let opened = openings.iter().flatten().filter_map(|opening| first_name(&opening.pointer));
        let opened: Vec<_> = opened.collect();
        let mut named = vec!["personal", "producer"];
        named.extend(opened.iter().map(|name| &**name));
        let event = Outline::of(&row.canon, &named);
        let gone = match &openings {
            Ok(openings) => gone(openings, &event, row.ip.as_deref(), wrong),
            Err(error) => Err(error.to_string()),
        };
        note(wrong, "recorded_at", row.recorded_at.is_some());
        let said = derived.map(|Columns { occurred_at, action, .. }| Said {
            occurred_at,
            action,
            stamp: Stamp::of_outline(&event).or_else(|| Stamp::of(&row.canon)),
        });
        let terms = row.columns.map(|columns| columns.terms).unwrap_or_default();
        Self { canon: row.canon, recorded_at: row.recorded_at, said, gone, terms }
    }
}

/// The member of an event in which a pointer points.
fn first_name(pointer: &str) -> Option<Cow<'_, str>> {
    pointer.strip_prefix('/')?.split('/').next().map(unescaped)
}

/// Checks that what is there opens what the bytes commit to, and that the address is the one that was opened. An opening that does not
/// open says nothing about the address. Answers with what is not there.
fn gone(
    openings: &[Opening],
    event: &Outline<'_>,
    address: Option<&[u8]>,
    wrong: &mut Vec<&'static str>,
) -> Result<BTreeSet<String>, String> {
    let closed = openings.iter().filter(|opening| !opening.opens_in(event));
    let closed: Vec<_> = closed.map(|opening| &*opening.pointer).collect();
    if !closed.contains(&"/request/ip") {
        let ip = ip_of(openings);
        note(wrong, "ip", ip.as_ref().map(<[u8; 16]>::as_slice) == address);
    }
    if !closed.is_empty() {
        let closed = closed.join(", ");
        return Err(format!("the openings do not open what the bytes commit to: {closed}"));
    }
    let named = event.get("personal").into_iter().flat_map(Outline::texts);
    let is_gone = |pointer: &&str| !openings.iter().any(|there| there.pointer == **pointer);
    Ok(named.filter(is_gone).map(str::to_owned).collect())
}

fn note(wrong: &mut Vec<&'static str>, name: &'static str, right: bool) {
    if !right {
        wrong.push(name);
    }
}

fn compare(wrong: &mut Vec<&'static str>, derived: &Columns, stored: Option<&Columns>) {
    let Some(stored) = stored else {
        return wrong.push("the search columns, which cannot be read");
    };
    // Taken apart, so that a new column cannot be forgotten here.
    let Columns { event_id, occurred_at, action, actor, resource_type, resource_id, terms } =
        derived;
    note(wrong, "event_id", stored.event_id == *event_id);
    note(wrong, "occurred_at", stored.occurred_at == *occurred_at);
    note(wrong, "action", stored.action == *action);
    note(wrong, "actor", stored.actor == *actor);
    note(wrong, "resource_type", stored.resource_type == *resource_type);
    note(wrong, "resource_id", stored.resource_id == *resource_id);
    note(wrong, "terms", stored.terms == *terms);
}
