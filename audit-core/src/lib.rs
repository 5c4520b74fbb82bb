//! Audit events as leaves of a Merkle tree in the team's own database.
//!
//! An audited operation becomes one *event*. Events are appended, in batches, to a *log*: a Merkle tree in
//! the user's own database. Everything else only reads the log. An operation that failed, was denied,
//! panicked or was dropped half-way leaves an event too, and what the log could not take leaves a counted
//! gap.
//!
//! ```
//! use std::time::Duration;
//! use audit_core::{Actor, AuditContext, Query, Recorder, audited, store::MemoryStore};
//!
//! #[audited(action = "invoice.approve", resource = "invoice", resource_id = id)]
//! async fn approve(id: u32) -> Result<(), std::io::Error> {
//!     if id == 0 { Err(std::io::Error::other("there is no invoice 0")) } else { Ok(()) }
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! // `store::SqliteStore::open("audit.db")` (feature `sqlite`) for one that stays.
//! let recorder = Recorder::builder(MemoryStore::new()).origin("billing.example/audit").start().await?;
//! let context = AuditContext::system("nightly-run");
//! context.scope(&recorder, async {
//!     approve(7).await.ok();
//!     approve(0).await.ok();
//! }).await;
//! recorder.shutdown(Duration::from_secs(10)).await?;
//!
//! let page = recorder.reader().search(&Query::new().action("invoice.approve")).await?;
//! let newest = page.entries[0].event();
//! assert_eq!(newest["outcome"], "failure");
//! assert_eq!(newest["error"]["message"], "there is no invoice 0");
//! assert_eq!(page.entries[1].event()["outcome"], "success");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # })?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Features: `macros` (default) gives the attribute [`audited`](macro@audited) and the derives of [`Auditable`] and
//! [`AuditAction`]; `sqlite` the store in a SQLite file, `postgres` the store in a PostgreSQL database; `metrics` counts what
//! a recorder does through the facade of that name.

// In the order of dependency: a module names only those above it.
pub mod clock;
pub mod event;
pub mod actions;
pub mod merkle;
pub mod note;
pub mod context;
pub mod query;
pub mod store;
mod appender;
pub mod recorder;
pub mod signer;
pub mod prove;
pub mod bundle;
pub mod verify;
pub mod follow;
pub mod export;
pub mod import;
#[cfg(any(test, feature = "testing"))]
pub mod testing;
#[doc(hidden)]
pub mod __private;

pub use appender::{Health, Receipt, Refusal};
#[cfg(feature = "macros")]
pub use audit_macros::{AuditAction, Auditable, audited};
pub use context::AuditContext;
pub use event::{
    Action, Actor, ActorKind, AuditAction, AuditError, AuditValue, Auditable, Change, Classify,
    ErrorInfo, Event, EventBuilder, EventError, Outcome, RequestInfo, Resource, Sensitivity,
    Severity, Snapshot, Source, SourceSystem, Verdict,
};
pub use query::{Cursor, Query};
pub use recorder::{
    Durability, NotRecorded, Recorder, ShutdownError, StartError, audited, audited_by, current,
    spawn,
};
