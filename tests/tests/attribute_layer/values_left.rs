//! What a request still holds when it is given up is dropped within it: what is audited then is not lost.

use std::task::{Context, Waker};

use audit_core::audited;
use audit_tower::AuditLayer;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::routing::post as on_post;
use serde_json::Value;
use tower::ServiceExt as _;

use crate::support::{events, recorder};

struct Guard;

impl Drop for Guard {
    fn drop(&mut self) {
        release();
    }
}

#[audited(action = "guard.release")]
fn release() {}

#[audited(action = "guard.hold")]
async fn audited_handler() -> StatusCode {
    let _guard = Guard;
    std::future::pending().await
}

async fn handler() -> StatusCode {
    let _guard = Guard;
    std::future::pending().await
}

async fn released_within_its_request(path: &str) {
    let recorder = recorder().start().await.unwrap();
    let routes = Router::new()
        .route("/audited", on_post(audited_handler))
        .route("/plain", on_post(handler))
        .layer(AuditLayer::new(recorder.clone()));
    let mut answer = Box::pin(routes.oneshot(Request::post(path).body(Body::empty()).unwrap()));
    assert!(answer.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    drop(answer);
    let events = events(&recorder).await;
    let released = events.iter().find(|event| event["action"] == "guard.release");
    let cancelled = events.iter().find(|event| event["outcome"] == "cancelled").unwrap();
    let id = released.map_or(&Value::Null, |event| &event["request"]["id"]);
    assert_eq!(id, &cancelled["request"]["id"], "{events:#?}");
}

#[tokio::test]
async fn what_an_audited_handler_holds_is_dropped_within_the_request() {
    released_within_its_request("/audited").await;
}

#[tokio::test]
async fn what_a_handler_holds_is_dropped_within_the_request() {
    released_within_its_request("/plain").await;
}
