//! Whether the logs are what they were, and what was signed of them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use audit_core::clock::{Clock as _, SystemClock};
use audit_core::store::{Reader, StoreError};
use audit_core::verify::{Report, Verification};
use audit_core::{__private, Actor, ErrorInfo, Outcome, Recorder};
use axum::Json;
use axum::response::{IntoResponse as _, Response};
use chrono::{DateTime, Utc};
use http::StatusCode;
use serde::Serialize;
use serde_json::Value;
use tokio::task::JoinHandle;
use utoipa::ToSchema;

use super::access::Right;
use super::asker::Asker;
use super::failed::{self, Refusals};
use crate::problem::Problem;

/// What was signed of a log.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct CheckpointView {
    /// The name of the log.
    log: String,
    /// How many entries it has.
    entries: u64,
    /// The latest checkpoint that is kept beside it: a signed note, as c2sp.org/tlog-checkpoint has it; null where nothing was signed.
    #[schema(required)]
    checkpoint: Option<String>,
    /// When that was signed.
    #[schema(required)]
    signed_at: Option<DateTime<Utc>>,
}

/// The latest checkpoint of each log
///
/// It is for those who may see the whole log, as it names all logs and what is in them. A proof brings its own checkpoint.
#[utoipa::path(get, path = "/checkpoint", tag = "proof", responses((status = 200, body = Vec<CheckpointView>), Refusals))]
pub(super) async fn checkpoint(asker: Asker) -> Result<Json<Vec<CheckpointView>>, Problem> {
    let read = async |reader: Reader| match checkpoints(&reader).await {
        Ok(checkpoints) => Ok(Json(checkpoints)),
        Err(error) => Err(failed::inside(&error)),
    };
    asker.reads(Right::Verify, "audit.log.prove", "", read).await
}

async fn checkpoints(reader: &Reader) -> Result<Vec<CheckpointView>, StoreError> {
    let mut views = Vec::new();
    for log in reader.logs().await? {
        let entries = reader.head(log.id).await?.frontier.size();
        let (checkpoint, signed_at) = match reader.latest_checkpoint(log.id).await? {
            Some(signed) => (Some(signed.note), Some(signed.signed_at)),
            None => (None, None),
        };
        views.push(CheckpointView { log: log.origin, entries, checkpoint, signed_at });
    }
    Ok(views)
}

/// What is known of the integrity of the logs.
#[derive(Debug, Clone, Default, Serialize, ToSchema)]
pub(super) struct IntegrityView {
    /// The verification that is under way, if one is.
    #[schema(required)]
    running: Option<RunningView>,
    /// The last one that this process has ended, if it has.
    #[schema(required)]
    last: Option<VerifiedView>,
}

/// A verification that is under way.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct RunningView {
    began_at: DateTime<Utc>,
    /// How many entries were read.
    read: u64,
    /// How many there were when it began.
    entries: u64,
}

/// What a verification came to.
#[derive(Debug, Clone, Serialize, ToSchema)]
struct VerifiedView {
    began_at: DateTime<Utc>,
    ended_at: DateTime<Utc>,
    /// Whether nothing was found but notices; null where it could not be ended.
    #[schema(required)]
    is_clean: Option<bool>,
    /// The report, as `audit verify --json` gives it: what each log was checked against, and what was found.
    #[schema(value_type = Object)]
    report: Value,
}

/// The verification that is under way, and what the last one came to. Dropped, it ends the former.
#[derive(Debug, Default)]
pub(super) struct Job {
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    running: Option<Running>,
    last: Option<VerifiedView>,
}

#[derive(Debug)]
struct Running {
    began_at: DateTime<Utc>,
    read: Arc<AtomicU64>,
    entries: u64,
    task: JoinHandle<()>,
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    // Set whole: a panic elsewhere leaves nothing that misleads.
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Job {
    fn drop(&mut self) {
        if let Some(running) = lock(&self.state).running.take() {
            running.task.abort();
        }
    }
}

impl Job {
    fn view(&self) -> IntegrityView {
        let state = lock(&self.state);
        let running = state.running.as_ref().map(|running| RunningView {
            began_at: running.began_at,
            read: running.read.load(Ordering::Relaxed),
            entries: running.entries,
        });
        IntegrityView { running, last: state.last.clone() }
    }

    /// Begins a verification, if none is under way.
    #[expect(clippy::disallowed_methods, reason = "the job owns its task")]
    fn begin(&self, verification: Verification, entries: u64, recorder: Recorder, actor: Actor) {
        let mut state = lock(&self.state);
        if state.running.is_some() {
            return;
        }
        let (began_at, read) = (SystemClock::new().now(), Arc::new(AtomicU64::new(0)));
        let verification = verification.counting(Arc::clone(&read));
        let shared = Arc::clone(&self.state);
        // It waits for the state, and so finds itself there.
        let task = tokio::spawn(async move {
            // Whoever is told that it is over can begin another, also where this one panics.
            let over = Over(shared);
            let verified = verification.run().await;
            let (is_clean, report) = match &verified {
                Ok(report) => (Some(report.is_clean()), serde_json::to_value(report)),
                Err(error) => {
                    failed::inside(error);
                    (None, Ok(serde_json::json!({ "error": "the logs could not be read" })))
                }
            };
            let ended_at = SystemClock::new().now();
            let report = report.unwrap_or_default();
            lock(&over.0).last = Some(VerifiedView { began_at, ended_at, is_clean, report });
            drop(over);
            recorder.record(verified_event(verified).actor(actor)).await;
        });
        state.running = Some(Running { began_at, read, entries, task });
    }
}

/// Says that no verification is under way when it is dropped.
struct Over(Arc<Mutex<State>>);

impl Drop for Over {
    fn drop(&mut self) {
        lock(&self.0).running = None;
    }
}

/// That logs were verified, and what was found.
fn verified_event(verified: Result<Report, StoreError>) -> audit_core::EventBuilder {
    let event = __private::event_of_the_log("audit.log.verified");
    match verified {
        Ok(report) if report.is_clean() => event.outcome(Outcome::Success),
        Ok(report) => {
            let found = ErrorInfo::new("the logs are not what they were").code("audit.findings");
            event
                .outcome(Outcome::Failure)
                .error(found)
                .metadata("findings", report.findings().count())
        }
        Err(error) => event.outcome(Outcome::Failure).error(ErrorInfo::of(&error)),
    }
}

/// What is known of the integrity of the logs
#[utoipa::path(get, path = "/integrity", tag = "proof", responses((status = 200, body = IntegrityView), Refusals))]
pub(super) async fn integrity(asker: Asker) -> Result<Json<IntegrityView>, Problem> {
    let view = async |_| Ok(Json(asker.shared.job.view()));
    asker.reads(Right::Verify, "audit.log.integrity", "", view).await
}

/// Have the logs verified
///
/// The answer does not wait for the end: `integrity` tells how far it is. Where a verification is under way, no second one begins.
#[utoipa::path(
    post, path = "/integrity/verify", tag = "proof",
    responses((status = 202, body = IntegrityView, description = "It is under way"), Refusals),
)]
pub(super) async fn verify(asker: Asker) -> Result<Response, Problem> {
    let begin = async |_| {
        // Whoever may have it done sees the whole log, if not all of each entry: the report has nothing of their values.
        let reader = asker.shared.recorder.reader();
        let entries = size(&reader).await.map_err(|error| failed::inside(&error))?;
        let verification = match &asker.shared.trusted {
            Some(policy) => Verification::of(&reader).policy(policy.clone()),
            None => Verification::of(&reader),
        };
        let (recorder, actor) = (asker.shared.recorder.clone(), asker.access.actor.clone());
        asker.shared.job.begin(verification, entries, recorder, actor);
        Ok((StatusCode::ACCEPTED, Json(asker.shared.job.view())).into_response())
    };
    asker.reads(Right::Verify, "audit.log.verify", "", begin).await
}

async fn size(reader: &Reader) -> Result<u64, StoreError> {
    let mut size = 0_u64;
    for log in reader.logs().await? {
        size = size.saturating_add(reader.head(log.id).await?.frontier.size());
    }
    Ok(size)
}
