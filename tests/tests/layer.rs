//! Each way in which a request can end gives exactly one entry with the right outcome.
#![cfg(test)]

#[path = "layer/streams.rs"]
mod streams;
#[expect(dead_code, reason = "other tests need more of it")]
mod support;

use std::convert::Infallible;
use std::future::Ready;
use std::time::Duration;

use audit_core::{Actor, NotRecorded, Recorder, audited};
use audit_tower::{Audit, AuditLayer, Problem};
use axum::body::Body;
use axum::extract::Path;
use axum::http::{Request, Response, StatusCode};
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use support::{Blocked, events, only_event, recorder};
use tower::{Layer as _, ServiceExt as _};

#[derive(Debug)]
enum AppError {
    Forbidden,
    Broken,
    Unrecorded(NotRecorded),
}

impl std::fmt::Display for AppError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Forbidden => f.write_str("only approvers may do this"),
            Self::Broken => f.write_str("the ledger is broken"),
            Self::Unrecorded(error) => error.fmt(f),
        }
    }
}

impl From<NotRecorded> for AppError {
    fn from(error: NotRecorded) -> Self {
        Self::Unrecorded(error)
    }
}

impl IntoResponse for AppError {
    fn into_response(self) -> axum::response::Response {
        match self {
            Self::Forbidden => StatusCode::FORBIDDEN.into_response(),
            Self::Broken => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
            Self::Unrecorded(error) => Problem::from(&error).into_response(),
        }
    }
}

#[audited(action = "invoice.approve", resource = "invoice", resource_id = id)]
async fn approve(Path(id): Path<u64>, audit: Audit) -> Result<Json<Value>, AppError> {
    audit.set_actor(Actor::user("u-17").name("Alice"));
    match id {
        0 => Err(AppError::Forbidden),
        1 => Err(AppError::Broken),
        2 => panic!("the till is jammed"),
        3 => std::future::pending().await,
        _ => Ok(Json(json!({"id": id}))),
    }
}

#[audited(action = "invoice.create", resource = "invoice", resource_id_from = |id: &String| id.clone(), durability = durable)]
async fn create(Json(id): Json<u64>) -> Result<String, AppError> {
    if id == 0 { Err(AppError::Forbidden) } else { Ok(id.to_string()) }
}

#[audited(action = "invoice.look", resource = "invoice", resource_id = id)]
async fn look(Path(id): Path<u64>) -> StatusCode {
    tally().await;
    if id == 0 { StatusCode::FORBIDDEN } else { StatusCode::OK }
}

#[audited(action = "ledger.tally")]
async fn tally() {}

fn app(recorder: &Recorder) -> Router {
    Router::new()
        .route("/invoices/{id}/approve", post(approve).get(approve))
        .route("/invoices", post(create))
        .route("/plain/{id}", post(plain).get(plain))
        .route("/invoices/{id}", get(look))
        .route("/twice", post(twice))
        .route("/left/{status}", post(left))
        .route("/stream/{kind}", get(streams::stream))
        .layer(AuditLayer::new(recorder.clone()))
}

/// One durable operation, then a buffered one.
async fn twice() -> StatusCode {
    let _ = create(Json(7)).await;
    tally().await;
    StatusCode::OK
}

/// Leaves an audited operation half-way, and answers all the same.
async fn left(Path(status): Path<u16>, audit: Audit) -> StatusCode {
    let never = approve(Path(3), audit);
    let _ = tokio::time::timeout(Duration::from_millis(5), never).await;
    StatusCode::from_u16(status).unwrap()
}

async fn plain(Path(id): Path<u64>) -> StatusCode {
    match id {
        2 => panic!("not audited, and jammed"),
        3 => std::future::pending().await,
        status => StatusCode::from_u16(status.try_into().unwrap()).unwrap(),
    }
}

fn request(method: &str, path: &str) -> Request<Body> {
    Request::builder()
        .method(method)
        .uri(path)
        .header("content-type", "application/json")
        .body(Body::empty())
        .unwrap()
}

async fn status_of(app: Router, request: Request<Body>) -> u16 {
    let response: Result<_, Infallible> = app.oneshot(request).await;
    response.unwrap().status().as_u16()
}

/// What an event says of its end.
fn end(event: &Value) -> (&str, Option<&str>, Option<u64>) {
    let text = |pointer| event.pointer(pointer).and_then(Value::as_str);
    let status = event.pointer("/request/status").and_then(Value::as_u64);
    (text("/action").unwrap(), text("/outcome"), status)
}

#[tokio::test]
async fn an_answered_request_has_the_outcome_of_its_status() {
    for (id, status, outcome) in [(7, 200, "success"), (0, 403, "denied"), (1, 500, "failure")] {
        let recorder = recorder().start().await.unwrap();
        assert_eq!(
            status_of(app(&recorder), request("POST", &format!("/invoices/{id}/approve"))).await,
            status
        );
        let event = only_event(&recorder).await;
        assert_eq!(end(&event), ("invoice.approve", Some(outcome), Some(status.into())));
        assert_eq!(event["resource"], json!({"type": "invoice", "id": id.to_string()}));
        assert_eq!(event["actor"]["id"], "u-17");
        assert_eq!(event["actor"]["name"], "Alice");
        assert_eq!(event["request"]["route"], "/invoices/{id}/approve");
        assert!(event["duration_us"].is_u64());
    }
}

#[tokio::test]
async fn an_error_gives_its_text_and_a_server_error_its_severity() {
    let recorder = recorder().start().await.unwrap();
    status_of(app(&recorder), request("POST", "/invoices/1/approve")).await;
    let event = only_event(&recorder).await;
    assert_eq!(event["error"]["message"], "the ledger is broken");
    assert_eq!(event["severity"], "error");
}

#[tokio::test]
async fn a_panic_is_a_failure_with_its_message_and_goes_on() {
    for (path, action, message) in [
        ("/invoices/2/approve", "invoice.approve", "the till is jammed"),
        ("/plain/2", "http.request", "not audited, and jammed"),
    ] {
        let recorder = recorder().start().await.unwrap();
        let (app, request) = (app(&recorder), request("POST", path));
        #[expect(clippy::disallowed_methods, reason = "to see the panic from outside")]
        let answer = tokio::spawn(app.oneshot(request)).await;
        assert!(answer.unwrap_err().is_panic());
        let event = only_event(&recorder).await;
        assert_eq!(end(&event), (action, Some("failure"), None));
        assert_eq!(event["error"], json!({"kind": "panic", "message": message}));
    }
}

#[tokio::test]
async fn a_request_that_is_dropped_is_cancelled() {
    for (path, action) in [("/invoices/3/approve", "invoice.approve"), ("/plain/3", "http.request")]
    {
        let recorder = recorder().start().await.unwrap();
        let late = tokio::time::timeout(
            Duration::from_millis(20),
            app(&recorder).oneshot(request("POST", path)),
        );
        assert!(late.await.is_err());
        assert_eq!(end(&only_event(&recorder).await), (action, Some("cancelled"), None));
    }
}

#[tokio::test]
async fn what_never_reaches_a_handler_is_recorded_by_the_layer() {
    let recorder = recorder().start().await.unwrap();
    let malformed = request("POST", "/invoices");
    assert_eq!(status_of(app(&recorder), malformed).await, 400);
    assert_eq!(end(&only_event(&recorder).await), ("http.request", Some("failure"), Some(400)));
}

#[tokio::test]
async fn the_layer_records_changes_and_refusals_and_no_noise() {
    let recorder = recorder().start().await.unwrap();
    for (method, path) in [
        ("GET", "/plain/200"),
        ("HEAD", "/plain/200"),
        ("OPTIONS", "/plain/200"),
        ("GET", "/plain/404"),
    ] {
        status_of(app(&recorder), request(method, path)).await;
    }
    for (method, path) in
        [("POST", "/plain/201"), ("GET", "/plain/401"), ("GET", "/plain/403"), ("DELETE", "/none")]
    {
        status_of(app(&recorder), request(method, path)).await;
    }
    let events = events(&recorder).await;
    let ends: Vec<_> =
        events.iter().map(|event| (end(event).1.unwrap(), end(event).2.unwrap())).collect();
    assert_eq!(ends, [("success", 201), ("denied", 401), ("denied", 403), ("failure", 404)]);
}

#[tokio::test]
async fn a_durable_event_is_committed_before_the_answer_leaves() {
    let recorder = recorder().start().await.unwrap();
    let body = Body::from("7");
    let request = request("POST", "/invoices").map(|_| body);
    assert_eq!(status_of(app(&recorder), request).await, 200);
    let page = recorder.reader().search(&audit_core::Query::new()).await.unwrap();
    let event = page.entries.first().unwrap().event();
    assert_eq!(end(&event), ("invoice.create", Some("success"), Some(200)));
    assert_eq!(event["resource"]["id"], "7");
}

#[tokio::test]
async fn a_durable_handler_does_not_run_where_it_could_not_be_recorded() {
    let recorder = recorder().start().await.unwrap();
    recorder.shutdown(Duration::from_secs(1)).await.unwrap();
    let response = app(&recorder)
        .oneshot(request("POST", "/invoices").map(|_| Body::from("7")))
        .await
        .unwrap();
    assert_eq!(response.status(), 503);
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let body = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
    let problem: Value = serde_json::from_slice(&body).unwrap();
    assert!(problem["detail"].as_str().unwrap().contains("was not run"), "{problem}");
}

#[tokio::test]
async fn a_nested_audited_function_has_an_entry_of_its_own_under_the_outer_one() {
    let recorder = recorder().start().await.unwrap();
    assert_eq!(status_of(app(&recorder), request("GET", "/invoices/0")).await, 403);
    let events = events(&recorder).await;
    let [inner, outer] = events.as_slice() else { panic!("{events:#?}") };
    assert_eq!(end(inner), ("ledger.tally", Some("success"), None));
    assert_eq!(end(outer), ("invoice.look", Some("denied"), Some(403)));
    assert_eq!(inner["parent_id"], outer["id"]);
    assert_eq!(inner["request"]["id"], outer["request"]["id"]);
    assert_eq!(outer["parent_id"], Value::Null);
}

#[tokio::test]
async fn the_request_id_is_taken_over_or_made_and_echoed() {
    let recorder = recorder().start().await.unwrap();
    let mut ids = Vec::new();
    for sent in ["abc-7", "not sane", &"x".repeat(4096)] {
        let mut request = request("POST", "/plain/200");
        request.headers_mut().insert("x-request-id", sent.parse().unwrap());
        let response = app(&recorder).oneshot(request).await.unwrap();
        ids.push(response.headers()["x-request-id"].to_str().unwrap().to_owned());
    }
    let events = events(&recorder).await;
    let recorded: Vec<_> =
        events.iter().map(|event| event["request"]["id"].as_str().unwrap()).collect();
    assert_eq!(recorded, ids);
    assert_eq!(ids[0], "abc-7");
    assert_eq!(events[0]["truncated"], Value::Null);
    for event in &events[1..] {
        assert_eq!(event["truncated"], json!(["/request/id"]));
    }
}

#[tokio::test]
async fn a_shutdown_waits_for_running_requests_and_counts_those_that_take_too_long() {
    let recorder = recorder().start().await.unwrap();
    let response = app(&recorder).oneshot(request("GET", "/stream/whole")).await.unwrap();
    let late = recorder.shutdown(Duration::from_millis(20)).await.unwrap_err();
    assert_eq!(late.left, 1);
    drop(response);
}

#[tokio::test]
async fn an_answer_is_held_back_until_its_durable_event_is_committed() {
    let blocked = Blocked::new().await;
    for (path, body) in [("/invoices", "7"), ("/twice", "")] {
        let request = request("POST", path).map(|_| Body::from(body));
        let response = app(&blocked.recorder).oneshot(request).await.unwrap();
        assert_eq!(response.status(), 503, "{path}");
        assert!(response.headers().contains_key("x-request-id"));
        let body = axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
        let problem: Value = serde_json::from_slice(&body).unwrap();
        assert!(problem["detail"].as_str().unwrap().contains("was run"), "{problem}");
    }
}

#[tokio::test]
async fn a_service_that_panics_when_it_is_called_leaves_an_entry() {
    let recorder = recorder().start().await.unwrap();
    let jammed = |_: Request<Body>| -> Ready<Result<Response<Body>, Infallible>> { panic!("no") };
    let service = AuditLayer::new(recorder.clone()).layer(tower::service_fn(jammed));
    #[expect(clippy::disallowed_methods, reason = "to see the panic from outside")]
    let answer = tokio::spawn(async { service.oneshot(request("POST", "/")).await }).await;
    assert!(answer.unwrap_err().is_panic());
    let event = only_event(&recorder).await;
    assert_eq!(end(&event), ("http.request", Some("failure"), None));
    assert_eq!(event["error"]["kind"], "panic");
}

#[tokio::test]
async fn what_is_inside_sees_the_request_id_that_is_recorded() {
    let recorder = recorder().start().await.unwrap();
    let echo = |request: Request<Body>| {
        let seen = request.headers()["x-request-id"].clone();
        std::future::ready(Ok::<_, Infallible>(
            Response::builder().header("seen", seen).body(Body::empty()).unwrap(),
        ))
    };
    let service = AuditLayer::new(recorder.clone()).layer(tower::service_fn(echo));
    let mut hostile = request("PURGE", "/");
    hostile.headers_mut().insert("x-request-id", "not sane".parse().unwrap());
    let response = service.oneshot(hostile).await.unwrap();
    assert_eq!(response.headers()["seen"], response.headers()["x-request-id"]);
    let event = only_event(&recorder).await;
    assert_eq!(event["request"]["id"], response.headers()["seen"].to_str().unwrap());
    assert_eq!(event["request"]["method"], "PURGE");
}

#[tokio::test]
async fn what_was_answered_without_an_audited_function_that_was_left_half_way_is_recorded() {
    for (status, outcome) in [(403, Some("denied")), (200, Some("success")), (408, None)] {
        let recorder = recorder().start().await.unwrap();
        let path = format!("/left/{status}");
        assert_eq!(status_of(app(&recorder), request("POST", &path)).await, status);
        let events = events(&recorder).await;
        let ends: Vec<_> = events.iter().map(end).collect();
        let mut expected = vec![("invoice.approve", Some("cancelled"), None)];
        // That it failed is what the function's own entry is about.
        expected.extend(outcome.map(|_| ("http.request", outcome, Some(status.into()))));
        assert_eq!(ends, expected);
    }
}

#[tokio::test]
async fn a_layer_within_a_layer_leaves_the_request_to_it() {
    let recorder = recorder().start().await.unwrap();
    let twice = app(&recorder).layer(AuditLayer::new(recorder.clone()));
    let response = twice.oneshot(request("POST", "/invoices/7/approve")).await.unwrap();
    let event = only_event(&recorder).await;
    assert_eq!(end(&event), ("invoice.approve", Some("success"), Some(200)));
    assert_eq!(response.headers()["x-request-id"], event["request"]["id"].as_str().unwrap());
    assert_eq!(event["actor"]["id"], "u-17");
}

#[tokio::test]
async fn an_answer_that_does_not_wait_for_its_audited_function_is_still_one_entry() {
    let recorder = recorder().start().await.unwrap();
    // As a time-out within the layer does it: it answers while the future that was late still lives.
    let impatient = |_: Request<Body>| {
        let mut late = Box::pin(stuck());
        std::future::poll_fn(move |cx| {
            assert!(late.as_mut().poll(cx).is_pending());
            let mut answer = Response::new(Body::empty());
            *answer.status_mut() = StatusCode::REQUEST_TIMEOUT;
            std::task::Poll::Ready(Ok::<_, Infallible>(answer))
        })
    };
    let service = AuditLayer::new(recorder.clone()).layer(tower::service_fn(impatient));
    let response = service.oneshot(request("POST", "/")).await.unwrap();
    assert_eq!(response.status(), 408);
    assert_eq!(end(&only_event(&recorder).await), ("demo.stuck", Some("cancelled"), None));
}

#[audited(action = "demo.stuck")]
async fn stuck() {
    std::future::pending().await
}
