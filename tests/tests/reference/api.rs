//! The rows on an HTTP API: A6, C5, D5, D6, E5, E6.

use std::future::ready;

use audit_core::clock::{Clock as _, SystemClock};
use audit_core::query::Scope;
use audit_core::{Actor, Change, ErrorInfo, Event, Outcome, RequestInfo, Source, SourceSystem};
use audit_tower::AuditLayer;
use audit_tower::api::{Access, Refused, Right, api};
use axum::Router;
use axum::http::request::Parts;
use chrono::TimeDelta;
use serde_json::{Value, json};

use super::database::execute;
use super::log::Log;
use super::{ENTRIES, TRIGGER_OFF};
use crate::http::ask;

/// The application: `Authorization` says who asks, and only administrators read the log.
fn app(log: &Log) -> Router {
    let administrators = |head: &Parts| {
        let who = head.headers.get("authorization").map(|who| who.as_bytes().to_vec());
        ready(match who.as_deref() {
            Some(b"admin") => {
                let rights = [Right::Search, Right::Sensitive, Right::Export, Right::Verify];
                Ok(Access::new(Actor::user("admin"), rights, Scope::everything()))
            }
            Some(b"clerk") => {
                Ok(Access::new(Actor::user("clerk"), [Right::Search], Scope::everything()))
            }
            Some(_) => Err(Refused::Forbidden),
            None => Err(Refused::Unauthenticated("Bearer")),
        })
    };
    Router::new()
        .nest("/audit", api(&log.recorder, administrators).into_router())
        .layer(AuditLayer::new(log.recorder.clone()))
}

/// Status and body of an answer.
async fn answered(app: &Router, method: &str, who: &str, path: &str) -> (u16, String) {
    let lines = format!("{method} /audit/api/v1{path} HTTP/1.0\r\nAuthorization: {who}");
    let answer = ask(app.clone(), &lines, "").await;
    let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
    (status, answer.split_once("\r\n\r\n").unwrap().1.to_owned())
}

async fn get(app: &Router, who: &str, path: &str) -> Value {
    let (status, body) = answered(app, "GET", who, path).await;
    assert_eq!(status, 200, "{path}: {body}");
    serde_json::from_str(&body).unwrap()
}

/// The ids of the resources of the entries on a page.
fn ids(page: &Value) -> Vec<&str> {
    let entries = page["entries"].as_array().unwrap().iter();
    entries.map(|entry| entry["event"]["resource"]["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn ref_a_06_public_and_sensitive_view() {
    let Some(log) = Log::new().await else { return };
    let request = RequestInfo::new().id("r-1").session("s-1").correlation_id("c-1");
    let event = Event::builder("invoice.change")
        .actor(Actor::user("u-17"))
        .resource("invoice", "7")
        .request(request.ip([10, 0, 0, 7].into()).user_agent("curl/8"))
        .source(Source::new(SourceSystem::Web))
        .before(json!({ "cents": 1 }))
        .after(json!({ "cents": 2 }))
        .metadata("import", 3)
        .error(ErrorInfo::new("too much").code("limit"))
        .retention("finance")
        .is_sensitive(true)
        .message("changed an invoice")
        .tag("q3");
    let id = log.entry(event).await.event()["id"].as_str().unwrap().to_owned();
    let app = app(&log);
    let sensitive = get(&app, "admin", &format!("/events/{id}")).await;
    let public = get(&app, "clerk", &format!("/events/{id}")).await;
    for hidden in [
        "/request/ip",
        "/request/user_agent",
        "/source/system",
        "/request/session",
        "/request/id",
        "/request/correlation_id",
        "/before",
        "/after",
        "/metadata",
        "/error",
        "/retention",
        "/is_sensitive",
    ] {
        assert!(sensitive["event"].pointer(hidden).is_some(), "{hidden}");
        assert_eq!(public["event"].pointer(hidden), None);
    }
    for seen in ["/id", "/action", "/actor/id", "/resource", "/occurred_at", "/message", "/tags"] {
        assert!(public["event"].pointer(seen).is_some(), "{seen}");
        assert_eq!(sensitive["event"].pointer(seen), public["event"].pointer(seen));
    }
}

#[tokio::test]
async fn ref_c_05_description_of_the_fields() {
    let Some(log) = Log::new().await else { return };
    let schema = get(&app(&log), "clerk", "/schema.json").await;
    assert_eq!(schema["readOnly"], true);
    assert!(schema["required"].as_array().unwrap().contains(&json!("action")));
    for (place, kind) in [
        ("/actor/properties/id", json!("string")),
        ("/is_sensitive", Value::Null),
        ("/tags", json!("array")),
        ("/request/properties/status", json!("integer")),
    ] {
        let property = schema.pointer(&format!("/properties{place}")).unwrap();
        assert!(property["title"].is_string() && property["description"].is_string(), "{place}");
        assert_eq!(property["type"], kind, "{place}");
    }
    // What a foreign id points to.
    assert_eq!(schema["properties"]["resource"]["$ref"], "#/$defs/resource");
}

#[tokio::test]
async fn ref_d_05_query_api_for_administrators() {
    let Some(log) = Log::new().await else { return };
    for (i, (actor, action)) in
        [("u-1", "a.x"), ("u-2", "a.x"), ("u-1", "a.y")].into_iter().enumerate()
    {
        let at = format!("2026-01-0{}T12:00:00Z", i + 1).parse().unwrap();
        let event = Event::builder(action).actor(Actor::user(actor)).occurred_at(at);
        log.entry(event.resource("invoice", i.to_string())).await;
    }
    let app = app(&log);
    for (q, found) in [
        ("actor:u-1", vec!["2", "0"]),
        ("action:a.x", vec!["1", "0"]),
        ("resource:invoice", vec!["2", "1", "0"]),
        ("after:2026-01-02+before:2026-01-03", vec!["1"]),
        ("actor:u-1+action:a.y+after:2026-01-01", vec!["2"]),
    ] {
        assert_eq!(
            ids(&get(&app, "admin", &format!("/events?q={q}&limit=1000")).await),
            found,
            "{q}"
        );
    }
    assert_eq!(answered(&app, "GET", "admin", "/events?limit=1001").await.0, 400);
    assert_eq!(answered(&app, "GET", "somebody", "/events").await.0, 403);
}

#[tokio::test]
async fn ref_d_06_entries_of_one_user_over_days() {
    let Some(log) = Log::new().await else { return };
    for (id, days, actor) in [("old", 40, "u-1"), ("new", 3, "u-1"), ("other", 3, "u-2")] {
        let at = SystemClock::new().now() - TimeDelta::days(days);
        let event = Event::builder("a.x").actor(Actor::user(actor)).occurred_at(at);
        log.entry(event.resource("invoice", id)).await;
    }
    let app = app(&log);
    assert_eq!(ids(&get(&app, "admin", "/actors/u-1/events?days=30").await), ["new"]);
    assert_eq!(ids(&get(&app, "admin", "/actors/u-1/events?days=90").await), ["new", "old"]);
    assert_eq!(answered(&app, "GET", "admin", "/actors/u-1/events?days=91").await.0, 400);
}

#[tokio::test]
async fn ref_e_05_filters_pages_and_csv() {
    let Some(log) = Log::new().await else { return };
    for i in 0..7 {
        let event = Event::builder("task.update").actor(Actor::user("=1+2"));
        let change = Change { path: "/title".into(), before: None, after: Some(i.into()) };
        log.entry(event.resource("task", i.to_string()).change(change)).await;
    }
    log.entry(Event::builder("task.delete").resource("task", "8").outcome(Outcome::Denied)).await;
    log.entry(Event::builder("task.delete").resource("task", "9")).await;
    let app = app(&log);
    let page = get(&app, "admin", "/events?q=action:task.update&limit=4").await;
    assert_eq!(ids(&page), ["6", "5", "4", "3"]);
    let next = page["next"].as_str().unwrap();
    let page =
        get(&app, "admin", &format!("/events?q=action:task.update&limit=4&cursor={next}")).await;
    assert_eq!((ids(&page), &page["next"]), (vec!["2", "1", "0"], &Value::Null));
    // The catalogue says how delicate it is.
    assert_eq!(ids(&get(&app, "admin", "/events?q=sensitivity:medium").await), ["9", "8"]);
    let columns = "columns=action,actor,resource.id,outcome";
    let (_, csv) =
        answered(&app, "GET", "admin", &format!("/export?q=resource:task&{columns}")).await;
    let lines: Vec<_> = csv.lines().collect();
    assert_eq!(lines[..2], ["action,actor,resource.id,outcome", "task.update,'=1+2,0,"]);
    assert_eq!((lines.len(), lines[8]), (11, "task.delete,,8,denied"));
    assert!(lines[10].starts_with("# entries=9 left_out=0 sha256="), "{csv}");
}

#[tokio::test]
async fn ref_e_06_verification_over_http() {
    let Some(log) = Log::new().await else { return };
    log.entry(Event::builder("task.update").resource("task", "1")).await;
    let app = app(&log);
    for is_clean in [true, false] {
        if !is_clean {
            let mut connection = log.database.connect().await;
            execute(&mut connection, TRIGGER_OFF).await.unwrap();
            let tamper = "canon = replace(canon, '\"id\":\"1\"', '\"id\":\"2\"')";
            execute(&mut connection, &format!("UPDATE {ENTRIES} SET {tamper}")).await.unwrap();
        }
        let (status, body) = answered(&app, "POST", "admin", "/integrity/verify").await;
        assert_eq!(status, 202, "{body}");
        let last = loop {
            let view = get(&app, "admin", "/integrity").await;
            if view["running"].is_null() && view["last"]["is_clean"] == is_clean {
                break view["last"].clone();
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        };
        assert_eq!(last["report"].to_string().contains("MODIFIED"), !is_clean);
    }
    assert_eq!(answered(&app, "POST", "clerk", "/integrity/verify").await.0, 403);
}
