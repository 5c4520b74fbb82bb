//! D: an audit service with a decorator.

use std::fmt;
use std::panic::AssertUnwindSafe;

use audit_core::verify::{FindingKind, verify};
use audit_core::{
    Actor, AuditContext, Auditable, Change, Event, Outcome, Query, Recorder, RequestInfo, actions,
    audited,
};
use audit_tower::AuditLayer;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use chrono::{DateTime, Utc};
use futures::FutureExt as _;
use serde_json::{Value, json};

use super::database::execute;
use super::log::{Log, assert_says};
use super::vocabulary::assert_known;
use super::{ENTRIES, TRIGGER_OFF};
use crate::http::ask;

fn at(hour: u8) -> DateTime<Utc> {
    format!("2026-01-02T{hour:02}:00:00Z").parse().unwrap()
}

#[tokio::test]
async fn ref_d_01_entry() {
    let Some(log) = Log::new().await else { return };
    let request = RequestInfo::new().id("r-1").session("s-1");
    let event = Event::builder(actions::RESOURCE_UPDATE)
        .occurred_at(at(9))
        .actor(Actor::user("u-17").email("alice@example.com"))
        .request(request.ip([10, 0, 0, 7].into()).user_agent("curl/8"))
        .resource("invoice", "7")
        .metadata("source", "import")
        .change(Change { path: "/cents".into(), before: Some(1.into()), after: Some(2.into()) })
        .outcome(Outcome::Success);
    assert_says(
        &log.event(event).await,
        [
            ("/actor/id", json!("u-17")),
            ("/actor/email", json!("alice@example.com")),
            ("/request/ip", json!("10.0.0.7")),
            ("/request/user_agent", json!("curl/8")),
            ("/action", json!("resource.update")),
            ("/resource", json!({"type": "invoice", "id": "7"})),
            ("/occurred_at", json!("2026-01-02T09:00:00.000000Z")),
            ("/metadata/source", json!("import")),
            ("/changes", json!([{"path": "/cents", "before": 1, "after": 2}])),
            ("/request/id", json!("r-1")),
            ("/request/session", json!("s-1")),
            ("/outcome", json!("success")),
        ],
    );
    let other = Event::builder(actions::RESOURCE_READ).actor(Actor::user("u-18"));
    log.entry(other.occurred_at(at(11)).resource("invoice", "8")).await;
    for found in [
        Query::new().actor("u-17").since(at(8)).until(at(10)),
        Query::new().action("resource.update").since(at(8)).until(at(10)),
        Query::new().resource_type("invoice").resource_id("7"),
    ] {
        assert_eq!(log.ids(found.clone()).await, ["7"], "{found}");
        let later = found.clone().since(at(10)).until(at(12));
        assert_eq!(log.ids(later.clone()).await, [""; 0], "{later}");
    }
}

#[audited(action = "report.print")]
fn print(how: &str) -> Result<(), String> {
    match how {
        "success" => Ok(()),
        "failure" => Err("no paper".to_owned()),
        _ => panic!("the printer is on fire"),
    }
}

/// D tells a failure from an error.
#[tokio::test]
async fn ref_d_01_status() {
    let Some(log) = Log::new().await else { return };
    let prints = async {
        for how in ["success", "failure", "error"] {
            let print = AssertUnwindSafe(async { print(how) }).catch_unwind();
            assert_eq!(print.await.is_err(), how == "error");
        }
    };
    AuditContext::system("printer").scope(&log.recorder, prints).await;
    let events = log.recorded("report.print").await;
    let [error, failure, success] = &events[..] else { panic!("{events:#?}") };
    assert_says(success, [("/outcome", json!("success"))]);
    assert_says(
        failure,
        [("/outcome", json!("failure")), ("/error", json!({"message": "no paper"}))],
    );
    let panic = json!({"kind": "panic", "message": "the printer is on fire"});
    assert_says(error, [("/outcome", json!("failure")), ("/error", panic)]);
    let errors: Query = "error.kind:*".parse().unwrap();
    assert_eq!(log.search(errors).await.len(), 1);
}

/// The request is nowhere named.
async fn delete(State(recorder): State<Recorder>) {
    let event = Event::builder(actions::RESOURCE_DELETE).resource("invoice", "7");
    recorder.record(event.outcome(Outcome::Success)).await;
}

#[tokio::test]
async fn ref_d_02_call_within_a_request() {
    let Some(log) = Log::new().await else { return };
    let routes = Router::new().route("/invoices/7", post(delete)).with_state(log.recorder.clone());
    let routes = routes.layer(AuditLayer::new(log.recorder.clone()));
    let lines = "POST /invoices/7 HTTP/1.1\r\nX-Request-Id: r-1\r\nUser-Agent: curl/8";
    let answer = ask(routes, lines, "").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let events = log.recorded("resource.delete").await;
    let [event] = &events[..] else { panic!("{events:#?}") };
    assert_says(
        event,
        [
            ("/request/ip", json!("127.0.0.1")),
            ("/request/user_agent", json!("curl/8")),
            ("/request/id", json!("r-1")),
        ],
    );
}

#[derive(Auditable, Clone)]
#[audit(resource = "invoice")]
struct Invoice {
    #[audit(id)]
    id: u64,
    cents: i64,
    note: &'static str,
}

#[tokio::test]
async fn ref_d_03_ready_calls() {
    let Some(log) = Log::new().await else { return };
    let action = log.event(Event::user_action(actions::USER_LOGOUT, "u-17")).await;
    assert_says(&action, [("/action", json!("user.logout")), ("/actor/id", json!("u-17"))]);

    let before = Invoice { id: 7, cents: 100, note: "paper" };
    let after = Invoice { cents: 250, ..before.clone() };
    let event = Event::user_action(actions::RESOURCE_UPDATE, "u-17").changed(&before, &after);
    assert_says(
        &log.event(event).await,
        [
            ("/actor/id", json!("u-17")),
            ("/resource", json!({"type": "invoice", "id": "7"})),
            ("/changes", json!([{"path": "/cents", "before": 100, "after": 250}])),
        ],
    );
}

#[derive(Debug)]
struct Refused;

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there is an invoice of that number")
    }
}

impl std::error::Error for Refused {}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (StatusCode::CONFLICT, self.to_string()).into_response()
    }
}

#[audited(
    action = actions::RESOURCE_CREATE,
    resource = "invoice",
    resource_id_from = |made: &Json<Value>| made["id"].clone(),
)]
async fn create(Json(invoice): Json<Value>) -> Result<Json<Value>, Refused> {
    match invoice["number"].as_u64() {
        Some(number) => Ok(Json(json!({"id": number + 1}))),
        None => Err(Refused),
    }
}

#[tokio::test]
async fn ref_d_04_decorator() {
    let Some(log) = Log::new().await else { return };
    let routes = Router::new().route("/invoices", post(create));
    let routes = routes.layer(AuditLayer::new(log.recorder.clone()));
    let lines = "POST /invoices HTTP/1.1\r\nContent-Type: application/json";
    let good = ask(routes.clone(), lines, r#"{"number": 6}"#).await;
    assert!(good.starts_with("HTTP/1.1 200 ") && good.ends_with(r#"{"id":7}"#), "{good}");
    let bad = ask(routes, lines, "{}").await;
    assert!(bad.starts_with("HTTP/1.1 409 ") && bad.ends_with(&Refused.to_string()), "{bad}");

    let events = log.recorded("resource.create").await;
    let [failure, success] = &events[..] else { panic!("{events:#?}") };
    assert_says(
        success,
        [
            ("/outcome", json!("success")),
            ("/resource", json!({"type": "invoice", "id": "7"})),
            ("/request/status", json!(200)),
        ],
    );
    assert_says(
        failure,
        [
            ("/outcome", json!("failure")),
            ("/resource", json!({"type": "invoice"})),
            ("/error/message", json!(Refused.to_string())),
            ("/request/status", json!(409)),
        ],
    );
}

#[tokio::test]
async fn ref_d_07_protection_from_tampering() {
    let Some(log) = Log::new().await else { return };
    for id in ["1", "2"] {
        log.entry(Event::builder(actions::RESOURCE_DELETE).resource("invoice", id)).await;
    }
    let reader = log.recorder.reader();
    assert!(verify(&reader).await.unwrap().is_clean());
    let mut connection = log.database.connect().await;
    let tamper =
        format!("UPDATE {ENTRIES} SET canon = replace(canon, '\"id\":\"2\"', '\"id\":\"3\"')");
    assert!(execute(&mut connection, &tamper).await.is_err());
    // Whoever owns the database can do more, and it shows.
    execute(&mut connection, TRIGGER_OFF).await.unwrap();
    execute(&mut connection, &tamper).await.unwrap();
    let report = verify(&reader).await.unwrap();
    let kinds: Vec<_> = report.findings().map(|finding| finding.kind).collect();
    assert!(kinds.contains(&FindingKind::Modified), "{report}");
}

#[tokio::test]
async fn ref_d_08_vocabulary() {
    let words = "user.login user.logout user.register user.password_change user.profile_update user.delete_account \
        resource.create resource.read resource.update resource.delete permission.grant permission.revoke \
        api_key.create api_key.revoke";
    let words: Vec<_> = words.split_whitespace().collect();
    assert_known("D", &words).await;
    // They are dotted already, and stay as they are.
    let is_ours = |word: &&str| actions::ALL.iter().any(|action| action.name() == *word);
    assert!(words.iter().all(is_ours));
}
