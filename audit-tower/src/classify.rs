//! What an answer says about the outcome.

use audit_core::{ErrorInfo, EventBuilder, Outcome, Severity};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, response};

/// Tells from an answer's head how the request went, where its status does not: a 404 that hides what somebody may not
/// see, a 200 with an error in it.
///
/// Functions are it. `None` is: as the status says.
///
/// ```
/// # use audit_core::{Recorder, store::MemoryStore};
/// # use audit_tower::AuditLayer;
/// use audit_core::Outcome;
/// use http::response;
///
/// fn outcome(answer: &response::Parts) -> Option<Outcome> {
///     answer.headers.contains_key("x-hidden").then_some(Outcome::Denied)
/// }
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// # let recorder = Recorder::builder(MemoryStore::new()).origin("billing.example/audit").start().await?;
/// let layer = AuditLayer::new(recorder).classify(outcome);
/// # Ok::<(), audit_core::StartError>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub trait ClassifyOutcome: Send + Sync + 'static {
    /// How the request went, if not as the status says.
    fn classify_outcome(&self, answer: &response::Parts) -> Option<Outcome>;
}

impl<F: Fn(&response::Parts) -> Option<Outcome> + Send + Sync + 'static> ClassifyOutcome for F {
    fn classify_outcome(&self, answer: &response::Parts) -> Option<Outcome> {
        self(answer)
    }
}

/// Whether somebody was not let in.
pub(crate) fn is_refusal(status: StatusCode) -> bool {
    matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
}

/// What a status says where nobody says more.
pub(crate) fn outcome(status: StatusCode) -> Outcome {
    match status {
        _ if is_refusal(status) => Outcome::Denied,
        _ if status.as_u16() >= 400 => Outcome::Failure,
        _ => Outcome::Success,
    }
}

/// Adds the status to an event, and what follows from it: the outcome that it has then. `said` is the one that the function
/// itself has told: it stands, unless the client was told otherwise. A denial may look like a thing that is not there.
pub(crate) fn judge(
    event: EventBuilder,
    said: Option<Outcome>,
    status: StatusCode,
) -> (EventBuilder, Outcome) {
    let event = event.status(status.as_u16());
    let outcome = match (outcome(status), said) {
        (Outcome::Failure, Some(Outcome::Denied)) if !status.is_server_error() => Outcome::Denied,
        (Outcome::Success, Some(said)) => said,
        (outcome, _) => outcome,
    };
    let event = if status.is_server_error() { event.at_least(Severity::Error) } else { event };
    (event.outcome(outcome), outcome)
}

/// An outcome, and the name of the status that tells it.
pub(crate) type GrpcStatus = (Outcome, &'static str);

const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");

/// Whether an answer is of gRPC, which tells in its trailers how it went; on the web (`application/grpc-web`) they are in the body.
pub(crate) fn is_of_grpc(head: &HeaderMap) -> bool {
    let kind = head.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    let of_grpc = kind.and_then(|kind| kind.strip_prefix(b"application/grpc"));
    matches!(of_grpc, Some([] | [b'+' | b';', ..]))
}

/// What gRPC says by `grpc-status` of how it went: in the trailers, or in the head of an answer without a body. Its
/// status is always 200.
pub(crate) fn told_by_grpc(headers: &HeaderMap) -> Option<GrpcStatus> {
    Some(match headers.get(GRPC_STATUS)?.as_bytes() {
        b"0" => (Outcome::Success, "ok"),
        b"1" => (Outcome::Cancelled, "cancelled"),
        b"7" => (Outcome::Denied, "permission_denied"),
        b"16" => (Outcome::Denied, "unauthenticated"),
        b"3" => (Outcome::Failure, "invalid_argument"),
        b"4" => (Outcome::Failure, "deadline_exceeded"),
        b"5" => (Outcome::Failure, "not_found"),
        b"6" => (Outcome::Failure, "already_exists"),
        b"8" => (Outcome::Failure, "resource_exhausted"),
        b"9" => (Outcome::Failure, "failed_precondition"),
        b"10" => (Outcome::Failure, "aborted"),
        b"11" => (Outcome::Failure, "out_of_range"),
        b"12" => (Outcome::Failure, "unimplemented"),
        b"13" => (Outcome::Failure, "internal"),
        b"14" => (Outcome::Failure, "unavailable"),
        b"15" => (Outcome::Failure, "data_loss"),
        _ => UNKNOWN,
    })
}

/// What a client takes an answer for that does not say how it went.
pub(crate) const UNKNOWN: GrpcStatus = (Outcome::Failure, "unknown");

/// Adds what gRPC says to an event that says so far how it went, by the function and by the status.
pub(crate) fn judge_grpc(
    event: EventBuilder,
    said: Option<Outcome>,
    told: Option<GrpcStatus>,
) -> EventBuilder {
    let (outcome, name) = match told {
        None | Some((Outcome::Success, _)) => return event,
        Some(told) => told,
    };
    // As where the status is 500 or above.
    let event = match name {
        "deadline_exceeded" | "internal" | "unavailable" | "data_loss" | "unknown" => {
            event.at_least(Severity::Error)
        }
        _ => event,
    };
    match said {
        Some(Outcome::Denied) => event,
        // It has told its error as well.
        Some(Outcome::Failure) => event.outcome(outcome),
        _ => event.outcome(outcome).error(ErrorInfo::untold().kind("grpc").code(name)),
    }
}
