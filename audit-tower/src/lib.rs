//! A Tower layer that tells `audit-core` who asked, from where, and how it was answered.
//!
//! [`AuditLayer`] goes around an axum router or any other service over `http::Request`. Within it,
//! functions with `#[audited]` record themselves, with the facts of their request and the status that it
//! was answered with; and what no such function covers but somebody should know of (a request that would
//! change something, a refusal) is recorded by the layer.

mod request_id;
mod session;
mod request_info;
mod policy;
mod classify;
mod problem;
mod body;
mod future;
mod service;
mod layer;
#[cfg(feature = "axum")]
mod extract;

pub use body::AuditBody;
#[cfg(feature = "axum")]
pub use extract::{Audit, NoAuditLayer};
pub use future::AuditFuture;
pub use layer::AuditLayer;
pub use policy::REQUEST_ACTION;
pub use problem::Problem;
pub use request_id::REQUEST_ID;
pub use service::AuditService;
pub use session::{SessionKey, SessionKeyError};
