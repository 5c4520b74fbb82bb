//! Audit events as leaves of a Merkle tree in the team's own database.

pub mod clock;
pub mod event;
pub mod merkle;
pub mod context;
pub mod query;
pub mod store;
mod appender;
pub mod recorder;
pub mod verify;
#[doc(hidden)]
pub mod __private;

pub use appender::{Receipt, Refusal};
pub use context::AuditContext;
pub use event::{
    Actor, ActorKind, Change, ErrorInfo, Event, EventBuilder, EventError, Outcome, RequestInfo,
    Resource, Sensitivity, Severity, Source, SourceSystem,
};
pub use query::{Cursor, Query};
pub use recorder::{Durability, NotRecorded, Recorder, StartError};

#[cfg(feature = "macros")]
pub use audit_macros::audited;
