//! A strict operation that does not get to run is the operation of its request all the same: the layer adds its
//! status, and no further entry.

use std::time::Duration;

use audit_core::Recorder;
use axum::Router;
use axum::body::Body;
use axum::http::Request;
use axum::routing::post as on_post;
use tower::ServiceExt as _;

use crate::around::Around;
use crate::post;
use crate::support::events;
use crate::unavailable::{Failing, Fault, Ran, stages, strict};

const NOT_RUN: Option<&str> = Some("audit.not_run");

#[tokio::test(start_paused = true)]
async fn a_request_whose_strict_operation_is_not_run_has_one_complete_entry() {
    let store = Failing::new(Fault::From(0));
    let recorder = start(&store).await;
    assert_eq!(post(routes(), &recorder, "/strict").await.status(), 503);
    store.mend();
    let events = events(&recorder).await;
    assert_eq!(
        stages(&events),
        [("begun", None, None), ("complete", Some("failure"), NOT_RUN)],
        "{events:#?}"
    );
    assert_eq!(events[1]["request"]["status"], 503, "{events:#?}");
    assert_eq!(events.len(), 2, "{events:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_given_up_while_its_strict_operation_begins_has_one_complete_entry() {
    let store = Failing::new(Fault::From(0));
    let recorder = start(&store).await;
    let request = Request::post("/strict").body(Body::empty()).unwrap();
    let service = routes().layer(audit_tower::AuditLayer::new(recorder.clone()));
    let answer = tokio::time::timeout(Duration::from_millis(20), service.oneshot(request));
    assert!(answer.await.is_err());
    store.mend();
    let events = events(&recorder).await;
    assert_eq!(
        stages(&events),
        [("begun", None, None), ("complete", Some("cancelled"), None)],
        "{events:#?}"
    );
    assert_eq!(events.len(), 2, "{events:#?}");
}

async fn start(store: &Failing) -> Recorder {
    let recorder = Recorder::builder(Around(store.clone())).origin("test.example/audit");
    recorder.deadline(Duration::from_millis(500)).start().await.unwrap()
}

fn routes() -> Router {
    Router::new().route("/strict", on_post(strict)).with_state(Ran::default())
}
