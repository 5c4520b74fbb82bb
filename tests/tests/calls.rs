//! Calls to others: one entry each, however they end.
#![cfg(test)]

#[path = "support/mod.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod support;

use std::future::Ready;
use std::io;
use std::panic::AssertUnwindSafe;
use std::task::{Context, Poll};

use audit_core::{AuditContext, audited};
use audit_tower::{AuditLayer, CALL_ACTION, CALL_FAILED_ACTION, CallLayer};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use axum::routing::post;
use futures::FutureExt as _;
use serde_json::{Value, json};
use support::{events, recorder};
use tower::{Layer as _, Service, ServiceExt as _, service_fn};

/// A client that is answered with the status that its request's path names.
async fn answer(request: Request<()>) -> Result<Response<()>, io::Error> {
    match request.uri().path().trim_start_matches('/') {
        "refused" => Err(io::Error::other(format!("no answer from {}", request.uri()))),
        "grpc" => Ok(Response::builder().header("grpc-status", "7").body(()).unwrap()),
        "late" => std::future::pending().await,
        "panic" => panic!("the client is broken"),
        status => Ok(Response::builder().status(status).body(()).unwrap()),
    }
}

async fn call(uri: &str) -> Result<u16, io::Error> {
    let request = Request::get(uri).body(()).unwrap();
    let answer = CallLayer.layer(service_fn(answer)).oneshot(request).await?;
    Ok(answer.status().as_u16())
}

#[audited(action = "report.fetch")]
async fn fetch(uri: &str) -> Result<u16, io::Error> {
    call(uri).await
}

async fn told(work: impl Future) -> Vec<Value> {
    let recorder = recorder().start().await.unwrap();
    AuditContext::worker("fetcher").scope(&recorder, work).await;
    events(&recorder).await
}

#[tokio::test]
async fn each_call_is_one_entry_with_its_end() {
    for (path, end) in [
        ("200", json!(["success", "info", null, 200])),
        ("302", json!(["success", "info", null, 302])),
        ("404", json!(["failure", "error", {"kind": "http", "code": "404"}, 404])),
        ("503", json!(["failure", "error", {"kind": "http", "code": "503"}, 503])),
        ("refused", json!(["failure", "error", {"kind": "transport"}, null])),
        ("grpc", json!(["failure", "info", {"kind": "grpc", "code": "permission_denied"}, 200])),
        ("late", json!(["cancelled", "info", null, null])),
        (
            "panic",
            json!(["failure", "error", {"kind": "panic", "message": "the client is broken"}, null]),
        ),
    ] {
        let uri = format!("http://user:word@bank.example:8080/{path}?token=secret");
        let call = async {
            let call = AssertUnwindSafe(call(&uri)).catch_unwind();
            // As somebody does who has waited long enough.
            drop(call.now_or_never());
        };
        let events = told(call).await;
        assert_eq!(events.len(), 1, "{events:#?}");
        let event = &events[0];
        let has_failed = ["404", "503", "refused"].contains(&path);
        let action = if has_failed { CALL_FAILED_ACTION } else { CALL_ACTION };
        assert_eq!((&event["action"], &event["category"]), (&json!(action), &json!("api")));
        assert_eq!(event["resource"]["type"], "endpoint");
        assert_eq!(event["resource"]["id"], format!("GET http://bank.example:8080/{path}"));
        assert_eq!(event["metadata"]["method"], "GET");
        assert_eq!(event["source"], json!({"system": "worker", "service": "fetcher"}));
        assert!(event["duration_us"].is_u64());
        let status = &event["metadata"]["status"];
        assert_eq!(
            json!([event["outcome"], event["severity"], event["error"], status]),
            end,
            "{path}"
        );
        let text = event.to_string();
        assert!(!text.contains("secret") && !text.contains("word"), "{text}");
    }
}

#[tokio::test]
async fn a_call_is_part_of_the_operation_that_makes_it() {
    let events = told(fetch("https://bank.example/200")).await;
    assert_eq!(events[0]["parent_id"], events[1]["id"]);
    assert_eq!(events[1]["action"], "report.fetch");
}

/// A client that sends, and is broken, before it gives a future away.
#[derive(Clone)]
struct Broken;

impl Service<Request<()>> for Broken {
    type Response = Response<()>;
    type Error = io::Error;
    type Future = Ready<Result<Response<()>, io::Error>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), io::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<()>) -> Self::Future {
        panic!("the client is broken")
    }
}

#[tokio::test]
async fn a_client_that_panics_at_once_leaves_an_entry() {
    let call = async {
        let request = Request::get("/").body(()).unwrap();
        let call = AssertUnwindSafe(CallLayer.layer(Broken).oneshot(request)).catch_unwind();
        assert!(call.await.is_err());
    };
    let events = told(call).await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0]["error"]["kind"], "panic");
}

#[tokio::test]
async fn a_call_is_not_what_a_request_is_about() {
    for (made, answered) in [("200", 500), ("503", 200), ("200", 401)] {
        let recorder = recorder().start().await.unwrap();
        let handler = move || async move {
            call(&format!("https://bank.example/{made}")).await.unwrap();
            StatusCode::from_u16(answered).unwrap()
        };
        let app =
            Router::new().route("/pay", post(handler)).layer(AuditLayer::new(recorder.clone()));
        let request = Request::post("/pay").body(Body::empty()).unwrap();
        assert_eq!(app.oneshot(request).await.unwrap().status(), answered);
        let events = events(&recorder).await;
        let told: Vec<_> = events
            .iter()
            .map(|event| {
                json!([event["action"], event["metadata"]["status"], event["request"]["status"]])
            })
            .collect();
        let made: u16 = made.parse().unwrap();
        let action = if made < 400 { CALL_ACTION } else { CALL_FAILED_ACTION };
        assert_eq!(told, [json!([action, made, null]), json!(["http.request", null, answered])]);
    }
}

#[tokio::test]
async fn a_call_that_is_begun_elsewhere_is_not_what_a_request_is_about_either() {
    let recorder = recorder().start().await.unwrap();
    let handler = || async {
        let mut client = CallLayer.layer(service_fn(answer));
        let request = Request::get("https://bank.example/200").body(()).unwrap();
        // As by the worker of a service with a buffer, which has no context.
        let call = std::thread::spawn(move || client.call(request)).join().unwrap();
        call.await.unwrap().status()
    };
    let app = Router::new().route("/pay", post(handler)).layer(AuditLayer::new(recorder.clone()));
    app.oneshot(Request::post("/pay").body(Body::empty()).unwrap()).await.unwrap();
    let events = events(&recorder).await;
    let actions: Vec<_> = events.iter().map(|event| &event["action"]).collect();
    assert_eq!(actions, [CALL_ACTION, "http.request"]);
}
