//! Where two snapshots differ.
//!
//! Objects are compared member by member, arrays item by item with what is more on one side at their
//! end. A personal value is one value: paths into it would tell its names and its shape, and stand in the
//! clear.

use std::collections::BTreeSet;

use super::node::Node;
use super::payload::child;
use super::text::MAX_ID;

/// A place at which they differ; nothing on a side on which there is no such place.
pub(crate) struct Difference<'a> {
    /// JSON pointer (RFC 6901), short enough for an event.
    pub(crate) path: String,
    pub(crate) before: Option<&'a Node>,
    pub(crate) after: Option<&'a Node>,
}

/// The smallest places that differ, in an order in which they can be applied: an array is shortened from
/// its end.
pub(crate) fn differences<'a>(before: &'a Node, after: &'a Node) -> Vec<Difference<'a>> {
    let mut found = Vec::new();
    if before != after {
        let path = String::new();
        compare(Difference { path, before: Some(before), after: Some(after) }, &mut found);
    }
    found
}

/// Goes down to the places within one that differs.
fn compare<'a>(place: Difference<'a>, found: &mut Vec<Difference<'a>>) {
    let mut inner = inner(&place);
    inner.retain(|inner| inner.before != inner.after);
    // Where a place within has too long a path for an event, this is the nearest place that can be named.
    if inner.is_empty() || inner.iter().any(|inner| inner.path.len() > MAX_ID) {
        found.push(place);
    } else {
        inner.into_iter().for_each(|inner| compare(inner, found));
    }
}

/// All places one level further down, if both sides have the same kind of them.
fn inner<'a>(place: &Difference<'a>) -> Vec<Difference<'a>> {
    match (place.before, place.after) {
        (Some(Node::Object(before)), Some(Node::Object(after))) => {
            let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
            let member = |name: &String| Difference {
                path: child(&place.path, name),
                before: before.get(name),
                after: after.get(name),
            };
            names.into_iter().map(member).collect()
        }
        (Some(Node::Array(before)), Some(Node::Array(after))) => {
            let item = |i| Difference {
                path: format!("{}/{i}", place.path),
                before: before.get(i),
                after: after.get(i),
            };
            let both = 0..before.len().min(after.len());
            let removed = (after.len()..before.len()).rev();
            let added = before.len()..after.len();
            both.chain(removed).chain(added).map(item).collect()
        }
        _ => Vec::new(),
    }
}
