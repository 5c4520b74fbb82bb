//! An answer that says what went wrong, for programs: RFC 9457.

use std::borrow::Cow;
use std::fmt;

use audit_core::{AuditError, ErrorInfo, NotRecorded, Verdict};
use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use serde_json::json;

/// A problem document, `application/problem+json`.
///
/// Made of a [`NotRecorded`], it is the answer to a request whose audit entry could not be written: 503,
/// with a sentence that tells whether the operation was run. Inner details (which database, why) are for
/// the log of the operator, not for the client.
///
/// ```
/// use audit_core::{NotRecorded, Refusal};
/// use audit_tower::Problem;
/// let answer = Problem::from(&NotRecorded::NotRun(Refusal::QueueFull)).into_http();
/// assert_eq!(answer.status(), 503);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    title: &'static str,
    detail: Cow<'static, str>,
    /// What to authenticate with.
    challenge: Option<&'static str>,
}

impl From<&NotRecorded> for Problem {
    fn from(error: &NotRecorded) -> Self {
        let detail = match error {
            NotRecorded::NotRun(_) => {
                "The operation was not run, because its audit entry cannot be recorded now."
            }
            NotRecorded::NotInTransaction(_) => {
                "The operation failed, because its audit entry cannot be recorded with it."
            }
            NotRecorded::RanButUnrecorded { .. } => {
                "The operation was run and its effects stand, but its audit entry is not known to be recorded."
            }
        };
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "The audit log is not available", detail)
    }
}

/// So that a handler whose entry is durable can return `Result<_, Problem>`.
impl From<NotRecorded> for Problem {
    fn from(error: NotRecorded) -> Self {
        Self::from(&error)
    }
}

impl Problem {
    pub(crate) fn new(
        status: StatusCode,
        title: &'static str,
        detail: impl Into<Cow<'static, str>>,
    ) -> Self {
        Self { status, title, detail: detail.into(), challenge: None }
    }

    #[cfg(feature = "api")]
    pub(crate) fn status(&self) -> StatusCode {
        self.status
    }

    #[cfg(feature = "api")]
    pub(crate) fn challenge(self, scheme: &'static str) -> Self {
        Self { challenge: Some(scheme), ..self }
    }

    /// The answer.
    #[must_use]
    pub fn into_http(self) -> Response<Bytes> {
        let Self { status, title, detail, challenge } = self;
        let document = json!({"type": "about:blank", "title": title, "status": status.as_u16(), "detail": detail});
        let mut response = Response::new(document.to_string().into());
        *response.status_mut() = status;
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        if let Some(challenge) = challenge.and_then(|scheme| HeaderValue::from_str(scheme).ok()) {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, challenge);
        }
        response
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.title, self.detail)
    }
}

impl std::error::Error for Problem {}

/// 401 and 403 are denials, all else is a failure.
impl AuditError for Problem {
    fn verdict(&self) -> Verdict {
        let error = ErrorInfo::of(self).code(self.status.as_str());
        match self.status {
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Verdict::denied(error),
            _ => Verdict::failure(error),
        }
    }
}

#[cfg(feature = "axum")]
impl axum::response::IntoResponse for Problem {
    fn into_response(self) -> axum::response::Response {
        self.into_http().map(Into::into)
    }
}
