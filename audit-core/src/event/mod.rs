//! What happened: the event, how it is built and checked, and its canonical bytes.
//!
//! An [`EventBuilder`] is open and unchecked; an [`Event`] is checked and no longer changes; an
//! [`EncodedEvent`] is the bytes that become a leaf of the log. Each is made of the one before it.

mod random;
mod words;
mod action;
mod text;
mod short;
mod actor;
mod resource;
mod request;
mod failure;
mod verdict;
mod outline;
mod producer;
mod jcs;
mod openings;
mod sink;
mod fields;
mod payload;
mod node;
mod snapshot;
mod values;
mod diff;
mod builder;
mod encode;
mod bound;
mod seal;
mod captured;
mod terms;
mod wire;
mod columns;
mod check;
mod view;
#[cfg(test)]
mod tests;

pub use action::{ALERT_TAG, Action, AuditAction, SECURITY_TAG};
pub use actor::Actor;
pub use builder::EventBuilder;
pub use check::EncodingError;
pub(crate) use columns::COMPLETING;
pub use columns::Columns;
pub use encode::EncodedEvent;
pub use failure::{ErrorInfo, error_text};
pub use fields::Event;
pub use openings::{Opening, OpeningsError, open_all};
pub use payload::MAX_DEPTH;
pub use producer::Producer;
pub(crate) use request::Requested;
pub use request::{RequestInfo, Source};
pub use resource::{Change, Resource};
pub use seal::{EventError, MAX_CANONICAL};
pub use snapshot::{AuditValue, Auditable, Snapshot};
pub use terms::Term;
pub use text::{
    MAX_ACTION, MAX_ID, MAX_ITEMS, MAX_MESSAGE, MAX_NAME, MAX_STACK, MAX_USER_AGENT, MAX_WORD,
};
pub use verdict::{AuditError, Classify, Verdict};
pub use words::{ActorKind, Outcome, Sensitivity, Severity, SourceSystem, UnknownWord};

pub(crate) use check::{canonical, opened};
pub(crate) use jcs::jcs;
pub(crate) use openings::{ip_of, octets};
pub(crate) use outline::{Outline, Text, unescaped};
pub(crate) use payload::metadata;
pub(crate) use producer::Stamp;
pub(crate) use random::random;
pub(crate) use seal::new_id;
pub(crate) use short::Short;
pub(crate) use snapshot::{Members, hashed, serialized};
pub(crate) use text::{check_action, is_reserved, line, shown, unknown_action};
pub(crate) use view::{is_public, public};
pub(crate) use wire::Wire;

/// The never-pruned retention class: the log's own events (`audit.*`) go there.
pub const AUDIT_CLASS: &str = "audit";

/// The retention class of an event that names none.
pub const DEFAULT_CLASS: &str = "standard";

/// The JSON Schema (2020-12) of an event, with titles and descriptions for people.
pub const SCHEMA: &str = include_str!("schema.json");

/// The version of the event format that this library writes.
pub const FORMAT_VERSION: u32 = 1;
