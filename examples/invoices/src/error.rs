//! What can go wrong with a request, and how the client is told.

use audit_core::NotRecorded;
use audit_tower::Problem;
use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

/// Why a request was not done. The text, with those of its sources, stands in the audit entry, so that
/// none of them holds a secret.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AppError {
    #[error("log in first")]
    NotLoggedIn,
    #[error("there is no such user, or the password is another")]
    WrongPassword,
    #[error("only for the role {0}")]
    OnlyFor(&'static str),
    #[error("there is no such invoice")]
    NotFound,
    #[error("the invoice is {is}, and must be {must_be} for this")]
    WrongStatus { is: String, must_be: &'static str },
    #[error("the amount must not be negative")]
    NegativeAmount,
    /// A durable operation whose entry is not in the log: `#[audited]` makes this of its own accord.
    #[error(transparent)]
    NotRecorded(#[from] NotRecorded),
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    #[error("the password cannot be checked")]
    PasswordHash(#[from] argon2::password_hash::Error),
    #[error("a task of the server ended too early")]
    Task(#[from] tokio::task::JoinError),
}

impl AppError {
    fn status(&self) -> StatusCode {
        match self {
            Self::NotLoggedIn | Self::WrongPassword => StatusCode::UNAUTHORIZED,
            Self::OnlyFor(_) => StatusCode::FORBIDDEN,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::WrongStatus { .. } => StatusCode::CONFLICT,
            Self::NegativeAmount => StatusCode::UNPROCESSABLE_ENTITY,
            Self::NotRecorded(_) => StatusCode::SERVICE_UNAVAILABLE,
            Self::Database(_) | Self::PasswordHash(_) | Self::Task(_) => {
                StatusCode::INTERNAL_SERVER_ERROR
            }
        }
    }
}

impl IntoResponse for AppError {
    fn into_response(self) -> Response {
        let status = self.status();
        if status.is_server_error() {
            // The causes are for the operator; the client gets the first sentence.
            tracing::error!(error = ?self, "a request failed");
        }
        match self {
            Self::NotRecorded(error) => Problem::from(&error).into_response(),
            error => (status, Json(json!({"error": error.to_string()}))).into_response(),
        }
    }
}
