//! Durable and strict handlers where the log cannot take their entries.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use audit_core::recorder::RecorderBuilder;
use audit_core::store::{Appended, Leaf, LogId, MemoryStore, Store, StoreError, StoreErrorKind};
use audit_core::{NotRecorded, Recorder, audited};
use audit_tower::Problem;
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::post as on_post;
use chrono::{DateTime, Utc};
use serde_json::Value;

use crate::around::{Append, Around};
use crate::post;
use crate::support::events;

/// How a store in memory fails.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Fault {
    /// From the append of that number on, counted from 0, it is out of reach.
    From(usize),
    /// It appends, and answers nobody.
    Silent,
}

/// Clones share all.
#[derive(Debug, Clone)]
pub(crate) struct Failing {
    log: MemoryStore,
    fault: Fault,
    appends: Arc<AtomicUsize>,
    is_mended: Arc<AtomicBool>,
}

impl Failing {
    pub(crate) fn new(fault: Fault) -> Self {
        Self { log: MemoryStore::new(), fault, appends: Arc::default(), is_mended: Arc::default() }
    }

    pub(crate) fn mend(&self) {
        self.is_mended.store(true, Ordering::Relaxed);
    }
}

#[async_trait]
impl Append for Failing {
    fn inner(&self) -> &dyn Store {
        &self.log
    }

    async fn append(
        &self,
        log: LogId,
        batch: &[Leaf],
        now: DateTime<Utc>,
    ) -> Result<Appended, StoreError> {
        if batch.iter().all(|leaf| leaf.event.class == "audit") {
            // What the recorder says of itself.
            return self.log.append(log, batch, now).await;
        }
        let count = self.appends.fetch_add(1, Ordering::Relaxed);
        if self.is_mended.load(Ordering::Relaxed) {
            return self.log.append(log, batch, now).await;
        }
        match self.fault {
            Fault::From(first) if count >= first => {
                Err(StoreError::new(StoreErrorKind::Unavailable, "reach the database"))
            }
            Fault::From(_) => self.log.append(log, batch, now).await,
            Fault::Silent => {
                self.log.append(log, batch, now).await?;
                std::future::pending().await
            }
        }
    }
}

pub(crate) struct AppError(NotRecorded);

impl From<NotRecorded> for AppError {
    fn from(error: NotRecorded) -> Self {
        Self(error)
    }
}

impl IntoResponse for AppError {
    fn into_response(self) -> Response {
        Problem::from(&self.0).into_response()
    }
}

#[derive(Clone, Default)]
pub(crate) struct Ran(Arc<AtomicUsize>);

#[audited(action = "safe.open", durability = durable)]
async fn durable(ran: State<Ran>) -> Result<&'static str, AppError> {
    ran.0.0.fetch_add(1, Ordering::Relaxed);
    Ok("open")
}

#[audited(action = "safe.open")]
async fn buffered(ran: State<Ran>) -> &'static str {
    ran.0.0.fetch_add(1, Ordering::Relaxed);
    "open"
}

/// The layer itself records requests of this method.
async fn plain(ran: State<Ran>) -> &'static str {
    ran.0.0.fetch_add(1, Ordering::Relaxed);
    "open"
}

#[audited(action = "safe.open", durability = strict)]
pub(crate) async fn strict(ran: State<Ran>) -> Result<&'static str, AppError> {
    ran.0.0.fetch_add(1, Ordering::Relaxed);
    Ok("open")
}

/// What a request to a handler comes to, and after that what stands in the log, once the store is mended.
struct Seen {
    status: u16,
    detail: String,
    ran: usize,
    events: Vec<Value>,
}

async fn see(handler: &str, fault: Fault) -> Seen {
    see_with(handler, fault, |recorder| recorder).await
}

async fn see_with(
    handler: &str,
    fault: Fault,
    with: impl FnOnce(RecorderBuilder) -> RecorderBuilder,
) -> Seen {
    let store = Failing::new(fault);
    let recorder = with(Recorder::builder(Around(store.clone())).origin("test.example/audit"));
    let recorder = recorder.deadline(Duration::from_millis(500)).start().await.unwrap();
    let ran = Ran::default();
    let routes = Router::new()
        .route("/durable", on_post(durable))
        .route("/strict", on_post(strict))
        .route("/buffered", on_post(buffered))
        .route("/plain", on_post(plain))
        .with_state(ran.clone());
    let response = post(routes, &recorder, handler).await;
    let status = response.status().as_u16();
    assert!(response.headers().contains_key("x-request-id"), "{handler} {fault:?}");
    let kind = response.headers()["content-type"].clone();
    let body = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
    let detail = match serde_json::from_slice::<Value>(&body) {
        Ok(problem) => {
            assert_eq!(kind, "application/problem+json");
            assert_eq!(problem["status"], status);
            problem["detail"].as_str().unwrap().to_owned()
        }
        Err(_) => String::new(),
    };
    store.mend();
    let events = events(&recorder).await;
    Seen { status, detail, ran: ran.0.load(Ordering::Relaxed), events }
}

/// Stage, outcome and error code of all events of the operation.
pub(crate) fn stages(events: &[Value]) -> Vec<(&str, Option<&str>, Option<&str>)> {
    let of_safe = events.iter().filter(|event| event["action"] == "safe.open");
    let stage = |event| {
        let text = |pointer| Value::pointer(event, pointer).and_then(Value::as_str);
        (text("/stage").unwrap(), text("/outcome"), text("/error/code"))
    };
    of_safe.map(stage).collect()
}

#[tokio::test(start_paused = true)]
async fn a_log_that_is_there_takes_all() {
    for handler in ["/durable", "/strict"] {
        let seen = see(handler, Fault::From(usize::MAX)).await;
        assert_eq!((seen.status, seen.ran), (200, 1), "{handler}");
        let complete = ("complete", Some("success"), None);
        let all = if handler == "/strict" {
            vec![("begun", None, None), complete]
        } else {
            vec![complete]
        };
        assert_eq!(stages(&seen.events), all, "{handler}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_durable_handler_has_run_before_the_log_is_asked() {
    for fault in [Fault::From(0), Fault::Silent] {
        let seen = see("/durable", fault).await;
        assert_eq!((seen.status, seen.ran), (503, 1), "{fault:?}");
        assert!(seen.detail.contains("was run"), "{}", seen.detail);
        // It says what became of the operation, and not that the client was told otherwise.
        assert_eq!(stages(&seen.events), [("complete", Some("success"), None)], "{fault:?}");
        assert_eq!(seen.events.len(), 1, "{:#?}", seen.events);
    }
}

#[tokio::test(start_paused = true)]
async fn a_strict_handler_does_not_run_where_its_beginning_is_not_in_the_log() {
    for fault in [Fault::From(0), Fault::Silent] {
        let seen = see("/strict", fault).await;
        assert_eq!((seen.status, seen.ran), (503, 0), "{fault:?}");
        assert!(seen.detail.contains("was not run"), "{}", seen.detail);
        // The beginning may come into the log after all: so it has its end there.
        let all = [("begun", None, None), ("complete", Some("failure"), Some("audit.not_run"))];
        assert_eq!(stages(&seen.events), all, "{fault:?}: {:#?}", seen.events);
    }
}

#[tokio::test(start_paused = true)]
async fn a_strict_handler_whose_end_is_not_in_the_log_has_run() {
    let seen = see("/strict", Fault::From(1)).await;
    assert_eq!((seen.status, seen.ran), (503, 1));
    assert!(seen.detail.contains("was run"), "{}", seen.detail);
    let all = [("begun", None, None), ("complete", Some("success"), None)];
    assert_eq!(stages(&seen.events), all, "{:#?}", seen.events);
    assert_eq!(seen.events.len(), 2, "{:#?}", seen.events);
}

#[tokio::test(start_paused = true)]
async fn a_recorder_that_is_durable_by_default_lets_no_answer_leave_before_its_entry() {
    for handler in ["/buffered", "/plain"] {
        let seen = see(handler, Fault::From(0)).await;
        assert_eq!((seen.status, seen.ran), (200, 1), "{handler}, by default");
        let seen = see_with(handler, Fault::From(0), RecorderBuilder::durable_by_default).await;
        assert_eq!((seen.status, seen.ran), (503, 1), "{handler}");
        assert!(seen.detail.contains("was run"), "{}", seen.detail);
        assert_eq!(seen.events.len(), 1, "{:#?}", seen.events);
        let sound = Fault::From(usize::MAX);
        let seen = see_with(handler, sound, RecorderBuilder::durable_by_default).await;
        assert_eq!((seen.status, seen.ran, seen.events.len()), (200, 1, 1), "{handler}");
    }
}

#[tokio::test(start_paused = true)]
async fn of_a_strict_handler_that_was_not_run_nobody_is_told_that_it_was() {
    let with = RecorderBuilder::durable_by_default;
    let seen = see_with("/strict", Fault::From(0), with).await;
    assert_eq!((seen.status, seen.ran), (503, 0));
    assert!(seen.detail.contains("was not run"), "{}", seen.detail);
}
