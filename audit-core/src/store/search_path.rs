//! Along which index a search goes: the same for both databases, but that SQLite has one for actor, action, resource and terms.

#[cfg(test)]
pub(super) mod lookups;

use std::ops::Range;

use super::Start;
use crate::query::Filter;

/// Entries that a search looks through one by one before it takes to an index that cannot be read in their order, or that may
/// hold most of the log.
pub(super) const NEAR: u64 = 2_000;

/// The first `near` entries of a range, in the direction of a search, and the rest.
pub(super) fn near_and_far(start: Start, range: Range<u64>, near: u64) -> [Range<u64>; 2] {
    match start {
        Start::Before(_) => {
            let middle = range.end.saturating_sub(near).max(range.start);
            [middle..range.end, range.start..middle]
        }
        Start::At(_) => {
            let middle = range.start.saturating_add(near).min(range.end);
            [range.start..middle, middle..range.end]
        }
    }
}

/// Of a statement that goes both ways, the one that goes as the start says: the newest first, or the oldest.
pub(super) fn in_order(
    start: Start,
    [newest_first, oldest_first]: [&'static str; 2],
) -> &'static str {
    match start {
        Start::Before(_) => newest_first,
        Start::At(_) => oldest_first,
    }
}

/// The index that a search goes along; what else its filter asks for is checked on each row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SearchPath {
    Event,
    Resource,
    Address,
    Network,
    Actor,
    Terms,
    Action,
    Index,
}

impl SearchPath {
    /// The most selective of those that the filter allows, as far as that can be told without counting:
    /// one resource and one address have few entries; an actor has many, and his are read in their order.
    /// Terms may be anything from a request's id to an outcome that all share. They come before an action,
    /// of which a log has a few dozen, and before a network, which may be all there is.
    pub(super) fn of(filter: &Filter) -> Self {
        let address = filter.ip.as_ref().map(|range| range.start() == range.end());
        match filter {
            Filter { event_id: Some(_), .. } => Self::Event,
            Filter { resource_type: Some(_), resource_id: Some(_), .. } => Self::Resource,
            _ if address == Some(true) => Self::Address,
            Filter { actor: Some(_), .. } => Self::Actor,
            _ if !filter.sought().is_empty() => Self::Terms,
            _ if address == Some(false) => Self::Network,
            Filter { action: Some(_), .. } => Self::Action,
            _ => Self::Index,
        }
    }
}
