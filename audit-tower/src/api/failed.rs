//! How errors are told: as problem documents, without what is inside.

use std::error::Error;

use audit_core::event::error_text;
use audit_core::query::QueryError;
use audit_core::store::SearchError;
use http::StatusCode;
use serde::Serialize;
use utoipa::{IntoResponses, ToSchema};

use super::access::Right;
use super::parameters::invalid;
use crate::problem::Problem;

/// A problem document: RFC 9457.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct ProblemDocument {
    /// `about:blank`.
    r#type: String,
    /// What went wrong, the same each time.
    title: String,
    /// The status of the answer.
    status: u16,
    /// What went wrong this time, and what to do.
    detail: String,
}

/// What any request can be answered with.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it stands for what `Problem` writes")]
pub(super) enum Refusals {
    /// The request is not valid
    #[response(status = 400, content_type = "application/problem+json")]
    Invalid(ProblemDocument),
    /// Nobody knows who asks
    #[response(status = 401, content_type = "application/problem+json")]
    Unauthenticated(ProblemDocument),
    /// Whoever asks has no right to this
    #[response(status = 403, content_type = "application/problem+json")]
    Forbidden(ProblemDocument),
    /// The log cannot be read now
    #[response(status = 503, content_type = "application/problem+json")]
    Unavailable(ProblemDocument),
}

/// What a request for one thing can be answered with.
#[derive(IntoResponses)]
#[expect(dead_code, reason = "it stands for what `Problem` writes")]
pub(super) enum NotFound {
    /// There is no such entry, or not for whoever asks
    #[response(status = 404, content_type = "application/problem+json")]
    NotFound(ProblemDocument),
}

/// A search that failed.
pub(super) fn search(error: SearchError) -> Problem {
    match error {
        SearchError::Query(QueryError::Hidden(field)) => hidden(&field),
        SearchError::Query(error) => invalid(format!("{error}.")),
        error => inside(&error),
    }
}

/// That this may not be asked for by those who do not see it.
pub(super) fn hidden(field: &str) -> Problem {
    let detail = format!("To ask for `{field}` takes the right `{}`.", Right::Sensitive.as_str());
    Problem::new(StatusCode::FORBIDDEN, "Not allowed", detail)
}

/// What is wrong inside is for the operator's log.
pub(super) fn inside(error: &dyn Error) -> Problem {
    tracing::error!(error = error_text(error), "the audit log cannot be read");
    Problem::new(
        StatusCode::SERVICE_UNAVAILABLE,
        "The audit log is not available",
        "The log cannot be read now. The operator's log says why.",
    )
}
