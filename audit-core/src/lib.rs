//! Audit events as leaves of a Merkle tree in the team's own database.

pub mod clock;
pub mod event;
pub mod merkle;
pub mod context;
pub mod query;
pub mod store;

pub use context::AuditContext;
pub use event::{Actor, ActorKind, Change, ErrorInfo, Event, EventBuilder, EventError, Outcome, RequestInfo, Resource, Sensitivity, Severity, Source, SourceSystem};
pub use query::{Cursor, Query};
