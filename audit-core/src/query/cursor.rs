//! Where a page ends.

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Serialize, Serializer};
use sha2::{Digest as _, Sha256};

use super::{Query, QueryError, Scope};

/// A place in each log, between two entries. A page of a search goes on with what is before it, or behind it, if it is oldest first;
/// a [`Follower`](crate::follow::Follower) with what is behind it. Opaque to those who pass it around as text.
///
/// It belongs to the query that it comes from, and to the [`Scope`] of the reader: with another one it is refused. It is no secret
/// and needs none: one that somebody made up names places, and what is found there is only what the reader may see.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    bond: Bond,
    places: BTreeMap<i64, u64>,
}

/// What a cursor belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Bond(u64);

/// A text that is no cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no cursor: pass on the `next` of a page as it is")]
pub struct CursorError;

impl Query {
    /// What its cursors belong to: what it asks for and its order, but not how much of it, and what may be seen. A time that is so long
    /// ago is the same in each call, though it is another moment.
    pub(crate) fn bond(&self, scope: &Scope) -> Bond {
        let asked: BTreeSet<_> = self.conditions.iter().map(ToString::to_string).collect();
        let seen: BTreeSet<_> = scope.conditions.iter().map(ToString::to_string).collect();
        let all = serde_json::json!([self.log, self.is_oldest_first, asked, seen, scope.is_public])
            .to_string();
        let digest = Sha256::digest(all);
        Bond(digest.iter().take(8).fold(0, |bond, byte| bond << 8 | u64::from(*byte)))
    }

    /// Where its cursor says to go on, if it has one.
    pub(crate) fn places(&self, bond: Bond) -> Result<Option<&BTreeMap<i64, u64>>, QueryError> {
        match &self.cursor {
            Some(cursor) if cursor.bond != bond => Err(QueryError::OtherCursor),
            cursor => Ok(cursor.as_ref().map(|cursor| &cursor.places)),
        }
    }
}

impl Cursor {
    pub(crate) fn set(&mut self, log: i64, place: u64) {
        self.places.insert(log, place);
    }

    pub(crate) fn new(bond: Bond, places: BTreeMap<i64, u64>) -> Self {
        Self { bond, places }
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { bond: Bond(bond), places } = self;
        let places: Vec<_> = places.iter().map(|(log, place)| format!("{log}:{place}")).collect();
        f.write_str(&URL_SAFE_NO_PAD.encode(format!("{bond:x};{}", places.join(","))))
    }
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let read = || {
            let text = String::from_utf8(URL_SAFE_NO_PAD.decode(text).ok()?).ok()?;
            let (bond, places) = text.split_once(';')?;
            let place = |part: &str| {
                let (log, place) = part.split_once(':')?;
                Some((log.parse().ok()?, place.parse().ok()?))
            };
            let places = match places {
                "" => BTreeMap::new(),
                places => places.split(',').map(place).collect::<Option<_>>()?,
            };
            Some(Self { bond: Bond(u64::from_str_radix(bond, 16).ok()?), places })
        };
        read().ok_or(CursorError)
    }
}
