//! An event on its way into a log, and as it stands in it.

use std::collections::BTreeSet;
use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::ser::{Serialize, SerializeStruct as _, Serializer};
use serde_json::Value;

use super::{LogId, StoreError, StoreErrorKind};
use crate::event::{
    Columns, EncodedEvent, EncodingError, Event, Outline, Producer, SECURITY_TAG, Severity, ip_of,
    open_all, public,
};
use crate::merkle::{Hash, leaf_hash};

/// An encoded event with all that a store keeps of it.
#[derive(Clone)]
pub struct Leaf {
    /// The canonical bytes and the openings.
    pub event: EncodedEvent,
    /// SHA-256(0x00 || canonical bytes).
    pub hash: Hash,
    /// The search columns, read back from the canonical bytes.
    pub columns: Columns,
    /// The client's address, from the openings: 16 bytes, IPv4 mapped into IPv6.
    pub ip: Option<[u8; 16]>,
    /// The log that it names in the outbox, and its key there, if it comes from there: an append takes it out.
    pub outbox: Option<(LogId, i64)>,
}

/// Something encoded that no encoder of ours can have made.
#[derive(Debug, thiserror::Error)]
pub enum LeafError {
    /// The bytes are no event.
    #[error("the canonical bytes are no event of format version 1")]
    Canon(#[from] serde_json::Error),
    /// The bytes or what stands beside them are not as they should be.
    #[error(transparent)]
    Encoding(#[from] EncodingError),
}

impl Leaf {
    /// Encodes an event as the `seq`-th of `producer` in its log, or without a number.
    #[must_use]
    pub fn of(event: &Event, producer: &Producer, seq: impl Into<Option<u64>>) -> Self {
        let encoded = event.encode(producer, seq);
        Self {
            hash: leaf_hash(encoded.canon.as_bytes()),
            columns: Columns::of_event(event),
            ip: event.ip(),
            event: encoded,
            outbox: None,
        }
    }

    /// Checks what was encoded elsewhere, hashes the bytes, and derives the columns from them.
    ///
    /// # Errors
    /// [`LeafError`] where this is not what [`Event::encode`](crate::Event::encode) makes.
    pub fn new(event: EncodedEvent) -> Result<Self, LeafError> {
        let columns = Columns::of(event.canon.as_bytes())?;
        let openings = event.check()?;
        Ok(Self {
            hash: leaf_hash(event.canon.as_bytes()),
            columns,
            ip: ip_of(&openings),
            event,
            outbox: None,
        })
    }
}

/// A row of a log as its store holds it, unchecked: somebody may have changed it. What cannot be read
/// as what it should be is missing here, and verification says so.
#[derive(Clone, PartialEq)]
pub struct Row {
    /// Its place in the log.
    pub index: u64,
    /// The stored segment.
    pub segment: Option<u64>,
    /// When it was appended.
    pub recorded_at: Option<DateTime<Utc>>,
    /// The stored leaf hash.
    pub leaf: Option<Hash>,
    /// The stored canonical bytes.
    pub canon: Vec<u8>,
    /// The stored columns.
    pub columns: Option<Columns>,
    /// The stored openings.
    pub openings: Option<String>,
    /// The stored address.
    pub ip: Option<Vec<u8>>,
}

impl Row {
    /// Nothing but bytes, and their place.
    #[cfg(any(feature = "postgres", feature = "sqlite"))]
    pub(super) fn of(index: u64, canon: Vec<u8>) -> Self {
        Self {
            index,
            segment: None,
            recorded_at: None,
            leaf: None,
            canon,
            columns: None,
            openings: None,
            ip: None,
        }
    }
}

/// An event as it stands in the log.
///
/// What it says comes from the canonical bytes, never from the columns beside them.
#[derive(Clone)]
pub struct Entry {
    /// The name of the log.
    pub log: String,
    /// Its place in the log, from 0.
    pub index: u64,
    /// Its leaf hash.
    pub leaf_hash: Hash,
    /// When it was appended; not when it happened.
    pub recorded_at: DateTime<Utc>,
    canon: Vec<u8>,
    openings: Option<String>,
}

impl Entry {
    pub(crate) fn new(log: &str, row: Row) -> Result<Self, StoreError> {
        let (Some(leaf_hash), Some(recorded_at)) = (row.leaf, row.recorded_at) else {
            let what =
                format!("entry {} of {log} has unreadable columns: run `audit verify`", row.index);
            return Err(StoreError::new(StoreErrorKind::Damaged, what));
        };
        Ok(Self {
            log: log.to_owned(),
            index: row.index,
            leaf_hash,
            recorded_at,
            canon: row.canon,
            openings: row.openings,
        })
    }

    /// The canonical bytes: what the leaf hash is of.
    #[must_use]
    pub fn canonical(&self) -> &[u8] {
        &self.canon
    }

    /// The openings of its personal values as they are stored beside the bytes, unchecked: see
    /// [`open_all`](crate::event::open_all).
    #[must_use]
    pub fn openings(&self) -> Option<&str> {
        self.openings.as_deref()
    }

    /// The event, with each personal value at its place as far as its opening is there and opens the
    /// commitment; a commitment stays where it is not. `null` where somebody made the bytes unreadable.
    #[must_use]
    pub fn event(&self) -> Value {
        self.opened().0
    }

    /// As [`event`](Self::event), without what only those see who may see sensitive values: addresses and user agents, sessions, ids of
    /// requests, states before and after, metadata, and what went wrong inside. Members that this version does not know are not in it.
    #[must_use]
    pub fn public(&self) -> Value {
        public(self.event())
    }

    /// As [`event`](Self::event), with `null` where a commitment would stay: what a [`Query`](crate::Query) is matched with.
    #[must_use]
    pub fn known(&self) -> Value {
        let (mut event, opened) = self.opened();
        let named = event.get("personal").and_then(Value::as_array).into_iter().flatten();
        let named = named.filter_map(Value::as_str).map(str::to_owned);
        for closed in named.filter(|pointer| !opened.contains(pointer)).collect::<Vec<_>>() {
            if let Some(place) = event.pointer_mut(&closed) {
                *place = Value::Null;
            }
        }
        event
    }

    /// When it happened, by the bytes.
    pub(super) fn occurred_at(&self) -> Option<DateTime<Utc>> {
        #[derive(serde::Deserialize)]
        struct Happened {
            occurred_at: DateTime<Utc>,
        }
        serde_json::from_slice(&self.canon).ok().map(|Happened { occurred_at }| occurred_at)
    }

    /// Whether the event's severity is that of an error: see [`Event::is_error`].
    #[must_use]
    pub fn is_error(&self) -> bool {
        let event = Outline::of(&self.canon, &["severity"]);
        let severity = event.get("severity").and_then(Outline::as_str).map(str::parse);
        severity.is_some_and(|severity| severity.is_ok_and(Severity::is_error))
    }

    /// Whether the event's action is security-relevant: see [`Event::is_security_relevant`].
    #[must_use]
    pub fn is_security_relevant(&self) -> bool {
        let event = Outline::of(&self.canon, &["tags"]);
        event.get("tags").is_some_and(|tags| tags.texts().any(|tag| tag == SECURITY_TAG))
    }

    /// The event, and where values were opened in it.
    fn opened(&self) -> (Value, BTreeSet<String>) {
        let mut event: Value = serde_json::from_slice(&self.canon).unwrap_or_default();
        let mut opened = BTreeSet::new();
        let openings = self.openings.as_deref().map(open_all);
        for opening in openings.and_then(Result::ok).unwrap_or_default() {
            if opening.opens(&event)
                && let Some(place) = event.pointer_mut(&opening.pointer)
            {
                *place = opening.value;
                opened.insert(opening.pointer);
            }
        }
        (event, opened)
    }
}

// Salts and personal values are in no `Debug`.

impl fmt::Debug for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leaf")
            .field("hash", &self.hash)
            .field("event", &self.event)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let canon = String::from_utf8_lossy(&self.canon);
        f.debug_struct("Row")
            .field("index", &self.index)
            .field("canon", &canon)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let canon = String::from_utf8_lossy(&self.canon);
        let mut entry = f.debug_struct("Entry");
        entry.field("log", &self.log).field("index", &self.index).field("canon", &canon);
        entry.finish_non_exhaustive()
    }
}

/// As JSON: `log`, `index`, `leaf_hash` (hexadecimal), `recorded_at` and the [`event`](Entry::event).
impl Serialize for Entry {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut entry = serializer.serialize_struct("Entry", 5)?;
        entry.serialize_field("log", &self.log)?;
        entry.serialize_field("index", &self.index)?;
        entry.serialize_field("leaf_hash", &self.leaf_hash.to_string())?;
        let recorded_at = self.recorded_at.to_rfc3339_opts(SecondsFormat::Micros, true);
        entry.serialize_field("recorded_at", &recorded_at)?;
        entry.serialize_field("event", &self.event())?;
        entry.end()
    }
}

#[cfg(test)]
mod tests;
