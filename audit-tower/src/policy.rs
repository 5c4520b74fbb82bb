//! Which requests the layer records by itself.

use http::{Method, StatusCode};

/// The action of an event that the layer records by itself.
pub const REQUEST_ACTION: &str = "http.request";

/// Whether a request that no audited function has covered is recorded: one that asks for a change, or
/// that was refused. `status` is missing where it was never answered.
pub(crate) fn records(method: &Method, status: Option<StatusCode>) -> bool {
    // RFC 9110, section 9.2.1; whatever else there is may change something.
    let is_safe = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE);
    !is_safe || status.is_some_and(is_refusal)
}

/// Whether somebody was not let in.
pub(crate) fn is_refusal(status: StatusCode) -> bool {
    matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
}
