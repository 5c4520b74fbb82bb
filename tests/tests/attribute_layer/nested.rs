//! An audited function within another: an entry each, and what one says does not stand in the other.

use std::time::Duration;

use audit_core::{Actor, AuditContext, Event, Resource, audited, current};
use axum::Router;
use axum::http::StatusCode;
use axum::routing::post as on_post;
use serde_json::{Value, json};

use crate::post;
use crate::support::{events, recorder};

fn say(who: &str) {
    current()
        .actor(Actor::user(who))
        .resource(Resource::of_type("thing"))
        .tag(who)
        .label(who, "label")
        .metadata(who, "metadata")
        .message(who)
        .reason(who);
}

#[audited(action = "nested.outer")]
async fn outer() -> StatusCode {
    say("outer");
    waits().await.unwrap_err();
    at_once();
    current().tag("still_outer");
    let wrapped = async {
        say("wrapped");
        current().deny();
    };
    audit_core::audited(Event::builder("nested.wrapped"), wrapped).await;
    let left = tokio::time::timeout(Duration::from_millis(1), left());
    left.await.unwrap_err();
    current().tag("outer_at_the_end");
    StatusCode::OK
}

#[audited(action = "nested.waits")]
async fn waits() -> Result<(), &'static str> {
    tokio::task::yield_now().await;
    say("waits");
    current().deny();
    innermost().await;
    Err("no")
}

#[audited(action = "nested.innermost")]
async fn innermost() {
    say("innermost");
}

#[audited(action = "nested.at_once")]
fn at_once() {
    say("at_once");
}

#[audited(action = "nested.left")]
async fn left() {
    say("left");
    std::future::pending().await
}

#[tokio::test]
async fn each_of_nested_functions_says_what_it_says_and_nothing_else() {
    let recorder = recorder().start().await.unwrap();
    let routes = Router::new().route("/outer", on_post(outer));
    assert_eq!(post(routes, &recorder, "/outer").await.status(), 200);
    let events = events(&recorder).await;
    let find = |name: &str| {
        let action = format!("nested.{name}");
        let mut found = events.iter().filter(|event| event["action"] == action);
        let event = found.next().unwrap_or_else(|| panic!("no {action}: {events:#?}"));
        assert!(found.next().is_none(), "{action} twice");
        event
    };
    assert_eq!(events.len(), 6, "{events:#?}");
    for (name, parent, outcome) in [
        ("outer", None, "success"),
        ("waits", Some("outer"), "denied"),
        ("innermost", Some("waits"), "success"),
        ("at_once", Some("outer"), "success"),
        ("wrapped", Some("outer"), "denied"),
        ("left", Some("outer"), "cancelled"),
    ] {
        let event = find(name);
        assert_eq!(event["outcome"], outcome, "{name}");
        assert_eq!(event["parent_id"], parent.map_or(Value::Null, |it| find(it)["id"].clone()));
        assert_eq!(event["request"]["id"], find("outer")["request"]["id"], "{name}");
        assert_eq!(event["actor"]["id"], name);
        assert_eq!(event["labels"], json!({name: "label"}));
        assert_eq!(event["metadata"], json!({name: "metadata"}));
        assert_eq!(event["message"], name);
        assert_eq!(event["reason"], name);
        let tags = match name {
            "outer" => json!(["outer", "still_outer", "outer_at_the_end"]),
            name => json!([name]),
        };
        assert_eq!(event["tags"], tags, "{name}");
        let status = if name == "outer" { json!(200) } else { Value::Null };
        assert_eq!(event["request"]["status"], status, "{name}");
    }
}

#[tokio::test]
async fn what_runs_at_the_same_time_within_a_function_says_it_of_its_own() {
    let recorder = recorder().start().await.unwrap();
    let both = async {
        let both = async || {
            tokio::join!(
                waits(),
                audit_core::audited(Event::builder("nested.wrapped"), async {
                    tokio::task::yield_now().await;
                    say("wrapped");
                })
            )
        };
        audit_core::audited(Event::builder("nested.both"), async { both().await.1 }).await;
    };
    AuditContext::system("test").scope(&recorder, both).await;
    let events = events(&recorder).await;
    let tags: std::collections::BTreeMap<_, _> =
        events.iter().map(|event| (event["action"].as_str().unwrap(), &event["tags"])).collect();
    assert_eq!(tags["nested.waits"], &json!(["waits"]));
    assert_eq!(tags["nested.innermost"], &json!(["innermost"]));
    assert_eq!(tags["nested.wrapped"], &json!(["wrapped"]));
    assert_eq!(tags["nested.both"], &Value::Null);
}
