//! Which recorder a call goes to: the one that the attribute names, that of the context, or the process's default.
//!
//! One test in a binary of its own, as there is one default in a process.
#![cfg(test)]

#[path = "support/log.rs"]
#[expect(dead_code, reason = "other tests read the log in other ways, too")]
mod log;

use audit_core::recorder::unrecorded;
use audit_core::store::MemoryStore;
use audit_core::{AuditContext, Event, NotRecorded, Recorder, audited, current};
use audit_tower::AuditLayer;
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::Value;
use tower::ServiceExt as _;

use log::{events, start, text};

#[audited(action = "of.none")]
fn at_once() {
    current().tag("said");
}

#[audited(action = "of.none")]
async fn waits() {
    tokio::task::yield_now().await;
    at_once();
    current().tag("said");
}

#[audited(action = "of.none", durability = durable)]
async fn durable() -> Result<(), NotRecorded> {
    Ok(())
}

#[audited(action = "of.none", durability = strict)]
async fn strict() -> Result<(), NotRecorded> {
    Ok(())
}

/// One of each kind; six entries, one of them of the stage `begun`.
async fn some_calls() {
    at_once();
    waits().await;
    durable().await.unwrap();
    strict().await.unwrap();
}

#[audited(action = "of.named", recorder = recorder)]
fn named_at_once(recorder: &Recorder) {
    // What is called within goes where this goes.
    at_once();
}

#[audited(action = "of.named", recorder = recorder, durability = strict)]
async fn named(recorder: Recorder) -> Result<(), NotRecorded> {
    waits().await;
    Ok(())
}

/// Six entries: two, and a strict one's two with the two of what it calls.
async fn some_named_calls(recorder: &Recorder) {
    named_at_once(recorder);
    named(recorder.clone()).await.unwrap();
}

/// Actions and stages.
fn told(events: &[Value]) -> Vec<(&str, &str)> {
    events.iter().map(|event| (text(event, "/action"), text(event, "/stage"))).collect()
}

#[tokio::test]
async fn a_call_goes_to_the_named_recorder_before_that_of_the_context_before_the_default() {
    let [first, default, of_context, of_layer, named] = [(); 5].map(|()| start(MemoryStore::new()));
    let (first, default, of_context) = (first.await, default.await, of_context.await);
    let (of_layer, named) = (of_layer.await, named.await);

    at_once();
    assert_eq!(unrecorded(), 1);

    first.make_default();
    at_once();
    default.make_default();
    some_calls().await;
    audit_core::audited(Event::builder("of.wrapped"), waits()).await;
    // A task that was spawned without its context is as one that never had any.
    #[expect(clippy::disallowed_methods, reason = "it is awaited here")]
    let spawned = async || tokio::spawn(waits()).await.unwrap();
    spawned().await;
    some_named_calls(&named).await;

    let context = AuditContext::system("test");
    context.scope(&of_context, some_calls()).await;
    context.scope(&of_context, spawned()).await;
    context.scope(&of_context, some_named_calls(&named)).await;

    let sent = named.clone();
    let routes = Router::new()
        .route("/context", axum::routing::post(waits))
        .route("/named", axum::routing::post(async move || refuse(sent).await))
        .layer(AuditLayer::new(of_layer.clone()));
    for path in ["/context", "/named"] {
        let request = Request::post(path).body(Body::empty()).unwrap();
        routes.clone().oneshot(request).await.unwrap();
    }

    assert_eq!(unrecorded(), 1);
    assert_eq!(told(&events(&first).await).len(), 1);
    let default = events(&default).await;
    // The calls, the wrapped one with what it calls, and those of the two tasks.
    assert_eq!(default.len(), 6 + 3 + 2 + 2, "{default:#?}");
    for event in &default {
        assert!(matches!(text(event, "/action"), "of.none" | "of.wrapped"), "{event:#?}");
        assert_eq!(event["actor"], Value::Null);
    }
    let wrapped = default.iter().find(|event| event["action"] == "of.wrapped").unwrap();
    let children = default.iter().filter(|event| event["parent_id"] == wrapped["id"]);
    assert_eq!(children.count(), 1);

    let of_context = events(&of_context).await;
    assert_eq!(of_context.len(), 6, "{of_context:#?}");
    assert!(of_context.iter().all(|event| event["actor"]["id"] == "test"));

    let of_layer = events(&of_layer).await;
    let statuses: Vec<_> = of_layer.iter().map(|event| &event["request"]["status"]).collect();
    assert_eq!(told(&of_layer), [("of.none", "complete"); 2], "{of_layer:#?}");
    assert_eq!(statuses, [&Value::Null, &Value::from(200)]);

    let named = events(&named).await;
    let by_layer: Vec<_> =
        named.iter().filter(|event| event["request"]["id"].is_string()).collect();
    assert_eq!(named.len() - by_layer.len(), 2 * 6, "{named:#?}");
    assert_eq!(by_layer.len(), 2, "{named:#?}");
    let outer = by_layer.iter().find(|event| event["action"] == "of.named").unwrap();
    assert_eq!(outer["request"]["status"], 403);
    assert_eq!(outer["outcome"], "denied");
}

/// The outermost operation of its request, in another log than that of the layer.
#[audited(action = "of.named", recorder = recorder)]
async fn refuse(recorder: Recorder) -> StatusCode {
    at_once();
    StatusCode::FORBIDDEN
}
