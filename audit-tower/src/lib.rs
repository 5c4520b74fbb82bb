//! A Tower layer that tells `audit-core` who asked, from where, and how it was answered.
//!
//! [`AuditLayer`] goes around an axum router or any other service over `http::Request`. Within it,
//! functions with `#[audited]` record themselves, with the facts of their request and the status that it
//! was answered with; and what no such function covers but somebody should know of (a request that would
//! change something, a refusal) is recorded by the layer.
//!
//! `api` (with the feature of that name) is the log over HTTP.

mod headers;
mod request_id;
mod session;
mod client_ip;
mod trace;
mod make_context;
mod policy;
mod captured;
mod coverage;
mod classify;
mod settings;
mod problem;
mod receipt;
mod body;
mod future;
mod service;
mod layer;
mod identify;
mod call;
#[cfg(feature = "axum")]
mod extract;
#[cfg(feature = "axum")]
mod routes;
#[cfg(feature = "api")]
pub mod api;

pub use body::AuditBody;
pub use call::{CALL_ACTION, CALL_FAILED_ACTION, CallLayer, CallService};
pub use classify::ClassifyOutcome;
pub use client_ip::ProxyHeader;
pub use coverage::{Coverage, Declared, NO_ROUTE, Route, coverage};
#[cfg(feature = "axum")]
pub use extract::{Audit, NoAuditLayer};
pub use future::AuditFuture;
pub use headers::REQUEST_ID;
pub use identify::{IdentifyActor, IdentifyLayer, IdentifyService};
pub use layer::AuditLayer;
pub use make_context::MakeContext;
pub use policy::{Policy, PolicyError, PolicyHandle, REQUEST_ACTION, Rule};
pub use problem::Problem;
pub use receipt::AUDIT_RECEIPT;
pub use request_id::MakeRequestId;
#[cfg(feature = "axum")]
pub use routes::Routes;
pub use service::AuditService;
pub use session::{SessionKey, SessionKeyError};
