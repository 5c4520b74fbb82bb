//! What the layer records by its policy, how that is replaced, and which routes are covered.
#![cfg(test)]

#[path = "policy/bodies.rs"]
mod bodies;
#[path = "policy/covered.rs"]
mod covered;
#[path = "policy/replaced.rs"]
mod replaced;
#[path = "support/mod.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod support;

use audit_core::{Actor, Outcome, Recorder, audited, current};
use audit_tower::{Audit, AuditLayer, Policy, Rule};
use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::http::{Method, Request, StatusCode, header};
use axum::response::Response;
use axum::routing::{any, get, post};
use serde_json::Value;
use tower::{Layer as _, ServiceExt as _};

use support::{events, recorder};

#[audited(action = "invoice.pay")]
async fn pay() {}

async fn status(Path(status): Path<u16>) -> StatusCode {
    StatusCode::from_u16(status).unwrap()
}

async fn by_a_robot(audit: Audit) {
    audit.set_actor(Actor::service("svc:robot"));
}

#[audited(action = "record.read")]
async fn by_a_patient() {
    current().actor(Actor::user("patient:7"));
}

fn router() -> Router {
    Router::new()
        .route("/patient", post(by_a_patient))
        .route("/pay", post(pay))
        .route("/robot", post(by_a_robot))
        .route("/health", get(|| async {}))
        .route("/reports/{id}", get(|| async {}))
        .route("/status/{status}", any(status))
}

/// The events that some requests leave under a policy, after the one that says that it is in force.
async fn under(policy: Policy, requests: &[(Method, &str)]) -> Vec<Value> {
    let recorder = recorder().start().await.unwrap();
    let app = router().layer(AuditLayer::new(recorder.clone()).policy(policy));
    for (method, path) in requests {
        request(&app, method.clone(), path).await;
    }
    let mut events = events(&recorder).await;
    assert_eq!(events.remove(0)["action"], "audit.policy");
    events
}

fn told(events: &[Value]) -> Vec<String> {
    let told = |event: &Value| {
        format!("{} {} {}", event["action"], event["request"]["route"], event["outcome"])
            .replace('"', "")
    };
    events.iter().map(told).collect()
}

#[tokio::test]
async fn rules_say_what_is_recorded_and_never_silence_an_audited_function() {
    let rules = [
        Rule::none("say only that it runs").routes(["/health", "/pay"]),
        Rule::metadata().methods([Method::GET]).routes(["/reports/*"]),
        Rule::none("a robot").actors(["svc:*"]),
        Rule::metadata().statuses([404..=404]),
    ];
    let requests = [
        (Method::GET, "/health"),
        (Method::POST, "/pay"),
        (Method::GET, "/reports/7"),
        (Method::POST, "/robot"),
        (Method::GET, "/status/404"),
        (Method::GET, "/status/200"),
        (Method::GET, "/status/401"),
        (Method::PUT, "/status/500"),
    ];
    assert_eq!(
        told(&under(Policy::new(rules).unwrap(), &requests).await),
        [
            "invoice.pay /pay success",
            "http.request /reports/{id} success",
            "http.request /status/{status} failure",
            "http.request /status/{status} denied",
            "http.request /status/{status} failure",
        ]
    );
}

#[tokio::test]
async fn a_request_that_an_audited_function_and_a_rule_are_for_has_one_entry() {
    let rule = Rule::request().headers([header::CONTENT_TYPE]).body(10);
    let events = under(Policy::new([rule]).unwrap(), &[(Method::POST, "/pay")]).await;
    assert_eq!(told(&events), ["invoice.pay /pay success"]);
    assert_eq!(events[0]["metadata"]["request_headers"]["content-type"], "text/plain");
}

#[tokio::test]
async fn a_rule_for_actors_is_for_the_one_that_the_entry_names() {
    let rules =
        [Rule::metadata().actors(["patient:*"]), Rule::request().headers([header::CONTENT_TYPE])];
    let paths = [(Method::POST, "/patient"), (Method::POST, "/robot")];
    let events = under(Policy::new(rules).unwrap(), &paths).await;
    assert_eq!(events[0]["actor"]["id"], "patient:7");
    assert!(events[0].get("metadata").is_none(), "{:#}", events[0]);
    assert_eq!(events[1]["metadata"]["request_headers"]["content-type"], "text/plain");
}

#[tokio::test]
async fn a_rule_is_for_the_outcome_that_the_entry_has() {
    let failing = Rule::request().outcomes([Outcome::Failure]).headers([header::CONTENT_TYPE]);
    let policy = Policy::new([failing, Rule::metadata()]).unwrap();
    let recorder = recorder().start().await.unwrap();
    // The function has gone well before the service fails.
    let service = tower::service_fn(async |_| {
        pay().await;
        Err::<Response, _>(std::io::Error::other("broken"))
    });
    let service = AuditLayer::new(recorder.clone()).policy(policy).layer(service);
    let request = Request::post("/").header(header::CONTENT_TYPE, "text/plain");
    assert!(service.oneshot(request.body(Body::empty()).unwrap()).await.is_err());
    let events = events(&recorder).await;
    assert_eq!(
        (&events[1]["action"], &events[1]["outcome"]),
        (&"invoice.pay".into(), &"failure".into())
    );
    assert_eq!(events[1]["metadata"]["request_headers"]["content-type"], "text/plain");
}

/// A recorder, and the application with a layer that is told something.
async fn layered(told: impl FnOnce(AuditLayer) -> AuditLayer) -> (Recorder, Router) {
    let recorder = recorder().start().await.unwrap();
    let layer = told(AuditLayer::new(recorder.clone()));
    (recorder, router().layer(layer))
}

async fn request(app: &Router, method: Method, path: &str) -> StatusCode {
    let request = Request::builder().method(method).uri(path);
    let request = request.header(header::CONTENT_TYPE, "text/plain").body(Body::empty()).unwrap();
    app.clone().oneshot(request).await.unwrap().status()
}
