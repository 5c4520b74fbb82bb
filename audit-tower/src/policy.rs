//! Which requests the layer records by itself.

use http::{Method, StatusCode};

/// The action of an event that the layer records by itself.
pub const REQUEST_ACTION: &str = "http.request";

/// Whether a request asks for a change: it is recorded where no audited function has covered it, and so is a refusal.
pub(crate) fn asks_for_a_change(method: &Method) -> bool {
    // RFC 9110, section 9.2.1; whatever else there is may change something.
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE)
}

/// Whether somebody was not let in.
pub(crate) fn is_refusal(status: StatusCode) -> bool {
    matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
}
