//! E: a project tracker's audit trail.

use audit_core::merkle::leaf_hash;
use audit_core::{Actor, Change, Event, Query, RequestInfo, Sensitivity, actions};
use audit_tower::AuditLayer;
use axum::Router;
use axum::routing::post;
use chrono::{DateTime, Utc};
use serde_json::json;

use super::log::{Log, assert_says};
use super::vocabulary::assert_known;
use crate::http::ask;

fn at(hour: u8) -> DateTime<Utc> {
    format!("2026-01-02T{hour:02}:00:00Z").parse().unwrap()
}

#[tokio::test]
async fn ref_e_01_entry() {
    let Some(log) = Log::new().await else { return };
    let change = Change { path: "/title".into(), before: None, after: Some("Audit".into()) };
    let event = Event::builder(actions::TASK_CREATE)
        .occurred_at(at(9))
        .actor(Actor::user("u-17"))
        .resource("task", "7")
        .change(change)
        .request(RequestInfo::new().ip([10, 0, 0, 7].into()).user_agent("curl/8"));
    let entry = log.entry(event).await;
    assert_says(
        &entry.event(),
        [
            ("/action", json!("task.create")),
            ("/resource", json!({"type": "task", "id": "7"})),
            ("/actor/id", json!("u-17")),
            ("/changes", json!([{"path": "/title", "after": "Audit"}])),
            ("/request/ip", json!("10.0.0.7")),
            ("/request/user_agent", json!("curl/8")),
            ("/sensitivity", json!("low")),
            ("/occurred_at", json!("2026-01-02T09:00:00.000000Z")),
        ],
    );
    // The checksum is SHA-256, of what the entry says.
    assert_eq!(entry.leaf_hash, leaf_hash(entry.canonical()));

    let other = Event::builder(actions::TASK_DELETE).actor(Actor::user("u-18"));
    log.entry(other.occurred_at(at(11)).resource("task", "8")).await;
    let morning = || Query::new().since(at(8)).until(at(10));
    for found in [
        morning(),
        morning().actor("u-17"),
        morning().resource_type("task").resource_id("7"),
        Query::new().actor("u-17"),
    ] {
        assert_eq!(log.ids(found.clone()).await, ["7"], "{found}");
    }
    assert_eq!(log.ids(morning().actor("u-18")).await, [""; 0]);
    assert_eq!(
        log.ids("action:*".parse::<Query>().unwrap().resource_type("task")).await,
        ["8", "7"]
    );
}

#[tokio::test]
async fn ref_e_02_sensitivities() {
    use Sensitivity::{Critical, High, Low, Medium};
    let Some(log) = Log::new().await else { return };
    let map = [
        ("task.create", Low),
        ("task.update", Low),
        ("task.assign", Low),
        ("task.delete", Medium),
        ("task.blocker", Medium),
        ("project.create", Medium),
        ("project.update", Medium),
        ("project.delete", High),
        ("user.login", Low),
        ("user.logout", Low),
        ("user.permission_change", Critical),
        ("attachment.upload", Low),
        ("attachment.download", Low),
        ("attachment.delete", Medium),
    ];
    for (name, sensitivity) in map {
        let event = log.event(Event::builder(name)).await;
        assert_eq!(event["sensitivity"], sensitivity.as_str(), "{name}");
    }
    let high: Query = "sensitivity:high,critical category:project".parse().unwrap();
    assert_eq!(log.search(high).await.len(), 1);
    let words = map.map(|(name, _)| name);
    let actions = ["login", "logout", "create", "update", "delete", "restore"];
    assert_known("E", &[&words[..], &actions].concat()).await;
}

/// That it was acknowledged comes with alerts.
#[tokio::test]
async fn ref_e_03_alerts() {
    let Some(log) = Log::new().await else { return };
    for name in ["project.delete", "task.delete", "user.permission_change", "user.login"] {
        log.entry(Event::builder(name).resource("thing", name)).await;
    }
    let found = log.ids(Query::new().tag("alert")).await;
    assert_eq!(found, ["user.permission_change", "project.delete"]);
}

async fn unaudited() {}

#[tokio::test]
async fn ref_e_04_middleware() {
    let Some(log) = Log::new().await else { return };
    let routes = Router::new().route("/tasks", post(unaudited));
    let routes = routes.layer(AuditLayer::new(log.recorder.clone()));
    ask(routes, "POST /tasks HTTP/1.1\r\nUser-Agent: curl/8", "").await;
    let events = log.recorded("http.request").await;
    let [event] = &events[..] else { panic!("{events:#?}") };
    assert_says(
        event,
        [("/request/ip", json!("127.0.0.1")), ("/request/user_agent", json!("curl/8"))],
    );
}
