//! A: a cloud platform's audit model.

use std::time::Duration;

use audit_core::store::Entry;
use audit_core::{
    Actor, ErrorInfo, Event, Outcome, Query, RequestInfo, Resource, Severity, Source, SourceSystem,
    actions, audited,
};
use audit_tower::{AuditLayer, SessionKey};
use axum::Router;
use axum::routing::post;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::log::{Log, assert_says};
use super::vocabulary::assert_known;
use crate::http::ask;

fn noon() -> DateTime<Utc> {
    "2026-01-02T12:00:00.123456Z".parse().unwrap()
}

#[tokio::test]
async fn ref_a_01_entry() {
    let Some(log) = Log::new().await else { return };
    let request = RequestInfo::new()
        .id("r-1")
        .correlation_id("c-1")
        .session("s-1")
        .ip("2001:db8::7".parse().unwrap())
        .user_agent("curl/8");
    let event = Event::builder("server.resize")
        .occurred_at(noon())
        .severity(Severity::Warning)
        .category("compute")
        .message("resized at night")
        .actor(Actor::user("u-17"))
        .label("collection", "sc-3")
        .label("vendor_id", "i-0abc")
        .request(request)
        .source(Source::new(SourceSystem::Api))
        .on(Resource::new("server", "srv-7").parent("cluster", "cl-1"))
        .operation_id("op-9")
        .before(json!({"size": "s"}))
        .after(json!({"size": "l"}))
        .metadata("ticket", 4711)
        .tag("night")
        .error(ErrorInfo::new("no quota").code("quota").stack("at resize:7"))
        .duration(Duration::from_millis(1_500))
        .is_sensitive(true)
        .is_compliance_relevant(true);
    let entry = log.entry(event).await;
    assert_eq!(entry.log, "test.example/audit/standard");
    let event = entry.event();
    assert!(event["id"].as_str().unwrap().parse::<uuid::Uuid>().is_ok());
    assert_says(
        &event,
        [
            ("/action", json!("server.resize")),
            ("/severity", json!("warning")),
            ("/category", json!("compute")),
            ("/message", json!("resized at night")),
            ("/actor/id", json!("u-17")),
            ("/labels", json!({"collection": "sc-3", "vendor_id": "i-0abc"})),
            ("/request/session", json!("s-1")),
            ("/request/id", json!("r-1")),
            ("/request/correlation_id", json!("c-1")),
            ("/request/ip", json!("2001:db8::7")),
            ("/request/user_agent", json!("curl/8")),
            ("/source/system", json!("api")),
            ("/resource/type", json!("server")),
            ("/resource/id", json!("srv-7")),
            ("/resource/parent", json!({"type": "cluster", "id": "cl-1"})),
            ("/operation_id", json!("op-9")),
            ("/before", json!({"size": "s"})),
            ("/after", json!({"size": "l"})),
            ("/metadata", json!({"ticket": 4711})),
            ("/tags", json!(["night"])),
            ("/error/code", json!("quota")),
            ("/error/message", json!("no quota")),
            ("/error/stack", json!("at resize:7")),
            ("/duration_us", json!(1_500_000)),
            ("/is_sensitive", json!(true)),
            ("/is_compliance_relevant", json!(true)),
            ("/occurred_at", json!("2026-01-02T12:00:00.123456Z")),
        ],
    );
    let kept = log.entry(Event::builder("server.resize").retention("ten_years")).await;
    assert_eq!(kept.log, "test.example/audit/ten_years");
    assert_eq!(kept.event()["retention"], "ten_years");
    for system in ["web", "api", "cli", "worker", "system"] {
        let source = Source::new(system.parse().unwrap());
        let event = log.event(Event::builder("server.resize").source(source)).await;
        assert_eq!(event["source"]["system"], system);
    }
}

#[audited(action = "server.resize")]
async fn resize() {}

#[tokio::test]
async fn ref_a_01_context() {
    let Some(log) = Log::new().await else { return };
    let layer = AuditLayer::new(log.recorder.clone())
        .service("console", "1.2.3")
        .session_cookie("sid", SessionKey::new(&[7; 32]))
        .trusted_proxies(["127.0.0.0/8".parse().unwrap()]);
    let routes = Router::new().route("/servers/{id}/resize", post(resize)).layer(layer);
    let lines = "POST /servers/7/resize HTTP/1.1\r\nX-Request-Id: r-1\r\nX-Correlation-Id: c-1\r\n\
        User-Agent: curl/8\r\nX-Forwarded-For: 2001:db8::7\r\nCookie: sid=very-secret";
    let answer = ask(routes, lines, "").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let events = log.recorded("server.resize").await;
    let [event] = &events[..] else { panic!("{events:#?}") };
    assert_says(
        event,
        [
            ("/request/id", json!("r-1")),
            ("/request/correlation_id", json!("c-1")),
            ("/request/user_agent", json!("curl/8")),
            ("/request/ip", json!("2001:db8::7")),
            ("/source/system", json!("web")),
        ],
    );
    let session = event["request"]["session"].as_str().unwrap();
    assert!(!session.is_empty() && !event.to_string().contains("very-secret"), "{event:#}");
    let of_session = log.ids(Query::new().session(session)).await;
    assert_eq!(of_session.len(), 1);
}

#[tokio::test]
async fn ref_a_02_look_ups() {
    let Some(log) = Log::new().await else { return };
    let request = |n: u8| {
        RequestInfo::new()
            .id(format!("r-{n}"))
            .correlation_id(format!("c-{n}"))
            .session(format!("s-{n}"))
            .ip([10, 0, 0, n].into())
    };
    let severities = [Severity::Info, Severity::Error];
    for (n, severity) in (1..).zip(severities) {
        let event = Event::builder(format!("server.resize{n}"))
            .occurred_at(noon() + TimeDelta::hours(n.into()))
            .actor(Actor::user(format!("u-{n}")))
            .severity(severity)
            .category(format!("compute{n}"))
            .label("collection", format!("sc-{n}"))
            .resource(format!("server{n}"), n.to_string())
            .request(request(n))
            .operation_id(format!("op-{n}"))
            .is_compliance_relevant(n == 2);
        log.entry(event).await;
    }
    let hour = |n| {
        Query::new().since(noon() + TimeDelta::hours(n)).until(noon() + TimeDelta::hours(n + 1))
    };
    let (early, late) = (|| hour(1), || hour(2));
    for found in [
        late(),
        Query::new().actor("u-2"),
        Query::new().action("server.resize2"),
        Query::new().severity(Severity::Error),
        Query::new().label("collection", "sc-2"),
        Query::new().resource_type("server2").resource_id("2"),
        Query::new().ip([10, 0, 0, 2].into()),
        Query::new().session("s-2"),
        Query::new().request_id("r-2"),
        Query::new().correlation_id("c-2"),
        Query::new().operation_id("op-2"),
        late().compliance_relevant(),
        late().category("compute2"),
    ] {
        assert_eq!(log.ids(found.clone()).await, ["2"], "{found}");
    }
    // What is asked for together must be there together.
    for nothing in [
        early().compliance_relevant(),
        early().category("compute2"),
        Query::new().resource_type("server2").resource_id("1"),
    ] {
        assert_eq!(log.ids(nothing.clone()).await, [""; 0], "{nothing}");
    }
}

#[tokio::test]
async fn ref_a_03_user_action() {
    let Some(log) = Log::new().await else { return };
    let event = log.event(Event::user_action(actions::USER_UPDATE, "u-17")).await;
    assert_says(
        &event,
        [
            ("/action", json!("user.update")),
            ("/actor", json!({"kind": "user", "id": "u-17"})),
            ("/source/system", json!("web")),
        ],
    );
}

#[tokio::test]
async fn ref_a_03_action_on_a_scope() {
    let Some(log) = Log::new().await else { return };
    let event = Event::on_scope(actions::COLLECTION_UPDATE, "service_collection", "sc-3")
        .before(json!({"name": "old"}))
        .after(json!({"name": "new"}));
    assert_says(
        &log.event(event).await,
        [
            ("/category", json!("service_collection")),
            ("/before/name", json!("old")),
            ("/after/name", json!("new")),
        ],
    );
    let within = Event::on_scope(actions::RESOURCE_CREATE, "service_collection", "sc-3");
    log.event(within.resource("server", "srv-7")).await;
    let in_scope = Query::new().label("service_collection", "sc-3");
    assert_eq!(log.ids(in_scope).await, ["srv-7", "sc-3"]);
}

#[tokio::test]
async fn ref_a_03_workflow_action() {
    let Some(log) = Log::new().await else { return };
    let took = Duration::from_secs(4);
    let event = log.event(Event::workflow_step(actions::WORKFLOW_COMPLETE, "op-9", took)).await;
    assert_says(
        &event,
        [
            ("/category", json!("workflow")),
            ("/operation_id", json!("op-9")),
            ("/duration_us", json!(4_000_000)),
        ],
    );
}

#[tokio::test]
async fn ref_a_03_outbound_call() {
    let Some(log) = Log::new().await else { return };
    let endpoint = "https://cloud.example/servers";
    for (status, action, severity, outcome) in [
        (201, "http.call", "info", "success"),
        (399, "http.call", "info", "success"),
        (400, "http.call_failed", "error", "failure"),
        (503, "http.call_failed", "error", "failure"),
    ] {
        let took = Duration::from_millis(80);
        let event = Event::outbound_call("POST", endpoint, status, took).category("cloud_api");
        assert_says(
            &log.event(event).await,
            [
                ("/action", json!(action)),
                ("/severity", json!(severity)),
                ("/outcome", json!(outcome)),
                ("/category", json!("cloud_api")),
                ("/message", json!(format!("POST {endpoint} -> {status}"))),
                ("/metadata", json!({"method": "POST", "endpoint": endpoint, "status": status})),
                ("/duration_us", json!(80_000)),
            ],
        );
    }
}

#[tokio::test]
async fn ref_a_03_system_event() {
    let Some(log) = Log::new().await else { return };
    let event = log.event(Event::system_event(actions::SYSTEM_BACKUP)).await;
    assert_says(&event, [("/category", json!("system")), ("/source/system", json!("system"))]);
}

#[tokio::test]
async fn ref_a_04_tags() {
    let Some(log) = Log::new().await else { return };
    let event = Event::builder("server.resize").tag("night").tag("urgent").tag("night");
    let event = event.remove_tag("urgent").remove_tag("never-there");
    assert!(event.has_tag("night") && !event.has_tag("urgent"));
    let event = log.event(event.resource("server", "1")).await;
    assert_eq!(event["tags"], json!(["night"]));
    assert_eq!(log.ids(Query::new().tag("night")).await, ["1"]);
    assert_eq!(log.ids(Query::new().tag("urgent")).await, [""; 0]);
}

#[tokio::test]
async fn ref_a_05_derived() {
    let Some(log) = Log::new().await else { return };
    for (severity, is_error) in [
        (Severity::Debug, false),
        (Severity::Info, false),
        (Severity::Warning, false),
        (Severity::Error, true),
        (Severity::Critical, true),
    ] {
        let event = || Event::builder("server.resize").severity(severity);
        assert_eq!(event().build().unwrap().is_error(), is_error, "{severity}");
        assert_eq!(log.entry(event()).await.is_error(), is_error, "{severity}");
    }
    let unsaid = Event::builder("server.resize").outcome(Outcome::Failure);
    assert!(!log.entry(unsaid).await.is_error());

    let relevant = [
        actions::USER_LOGIN_FAILED,
        actions::USER_PASSWORD_CHANGE,
        actions::USER_SUSPEND,
        actions::USER_ROLE_CHANGE,
        actions::COLLECTION_MEMBER_ROLE_CHANGE,
    ];
    for action in &relevant {
        assert!(action.is_security_relevant());
        let bare = action.name().to_owned();
        for event in [Event::builder(action), Event::builder(bare)] {
            assert!(log.entry(event).await.is_security_relevant(), "{}", action.name());
        }
    }
    for action in [actions::COLLECTION_UPDATE, actions::USER_LOGOUT, actions::WORKFLOW_FAIL] {
        assert!(!Event::builder(&action).build().unwrap().is_security_relevant());
        assert!(!log.entry(Event::builder(&action)).await.is_security_relevant());
    }
    let found = log.search(Query::new().tag("security")).await;
    assert_eq!(found.len(), 2 * relevant.len());
    assert!(found.iter().all(Entry::is_security_relevant));
}

#[tokio::test]
async fn ref_a_07_vocabulary() {
    let words = "login logout login_failed password_changed api_key_created api_key_used passkey_registered \
        passkey_authentication passkey_deleted connected_account_added connected_account_removed \
        collection_created collection_updated collection_deleted collection_archived \
        collection_member_added collection_member_removed collection_member_role_changed resource_planned \
        resource_created resource_updated resource_deleted resource_imported resource_cost_updated \
        workflow_operation_created workflow_operation_started workflow_operation_completed \
        workflow_operation_failed workflow_operation_cancelled approval_requested approval_granted \
        approval_rejected approval_expired user_created user_updated user_suspended user_activated \
        user_role_changed api_call api_error resource_sync system_startup system_shutdown \
        configuration_changed backup_created migration_executed";
    assert_known("A", &words.split_whitespace().collect::<Vec<_>>()).await;
}
