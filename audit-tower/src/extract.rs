//! The audit context as an argument of an axum handler.

use std::ops::Deref;

use audit_core::AuditContext;
use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::request::Parts;

/// The audit context of the request: for saying who acts, once that is known.
///
/// ```
/// use audit_core::Actor;
/// use audit_tower::Audit;
///
/// async fn login(audit: Audit) {
///     audit.set_actor(Actor::user("u-17"));
/// }
/// # let _ = login;
/// ```
#[derive(Debug, Clone)]
pub struct Audit(AuditContext);

impl Deref for Audit {
    type Target = AuditContext;

    fn deref(&self) -> &AuditContext {
        &self.0
    }
}

/// The answer to a request that did not come through the layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("`Audit` needs an `AuditLayer` around the router: add `.layer(AuditLayer::new(recorder))`")]
pub struct NoAuditLayer;

impl IntoResponse for NoAuditLayer {
    fn into_response(self) -> Response {
        (StatusCode::INTERNAL_SERVER_ERROR, self.to_string()).into_response()
    }
}

impl<S: Sync> FromRequestParts<S> for Audit {
    type Rejection = NoAuditLayer;

    async fn from_request_parts(head: &mut Parts, _state: &S) -> Result<Self, NoAuditLayer> {
        head.extensions.get().cloned().map(Self).ok_or(NoAuditLayer)
    }
}
