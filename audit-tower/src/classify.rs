//! What an answer's status says about the outcome.

use audit_core::{EventBuilder, Outcome, Severity};
use http::StatusCode;

use crate::policy::is_refusal;

/// Adds the status to an event, and what follows from it. `said` is the outcome that the function itself
/// has told: it stands, unless the client was told otherwise. A denial may look like a thing that is not there.
pub(crate) fn judge(
    event: EventBuilder,
    said: Option<Outcome>,
    status: StatusCode,
) -> EventBuilder {
    let event = event.status(status.as_u16());
    match status {
        _ if is_refusal(status) => event.outcome(Outcome::Denied),
        _ if said == Some(Outcome::Denied) && !status.is_server_error() => event,
        _ if status.is_client_error() => event.outcome(Outcome::Failure),
        _ if status.is_server_error() => event.outcome(Outcome::Failure).severity(Severity::Error),
        _ => event.outcome(said.unwrap_or(Outcome::Success)),
    }
}
