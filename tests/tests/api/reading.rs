//! Reading the log is an entry of the log's own.

use axum::http::StatusCode;
use serde_json::{Value, json};

use crate::app::{AUDITOR, App, CLERK, payment};

fn told(readings: &[Value]) -> Vec<[&str; 4]> {
    let of = |event: &Value, pointer: &str| -> &'static str {
        let text = event.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        Box::leak(text.to_owned().into_boxed_str())
    };
    let places = ["/action", "/actor/id", "/message", "/outcome"];
    readings.iter().map(|event| places.map(|place| of(event, place))).collect()
}

#[tokio::test]
async fn who_reads_what_is_recorded_once_a_minute() {
    for app in [App::new().await, App::bare(crate::support::recorder().start().await.unwrap())] {
        let id = app.record(payment(1)).await;
        for _ in 0..3 {
            app.get(AUDITOR, "/events?q=actor:u-1").await;
            app.get(AUDITOR, "/events?q=actor:u-1&limit=7").await;
            app.get(CLERK, "/events?q=actor:u-1").await;
            app.get(AUDITOR, &format!("/events/{id}")).await;
            app.get(AUDITOR, "/facets?q=actor:u-2&field=action").await;
        }
        let id = id.to_string();
        let readings = app.readings().await;
        assert_eq!(
            told(&readings),
            [
                ["audit.log.search", "alice", "actor:u-1", "success"],
                ["audit.log.search", "carol", "actor:u-1", "success"],
                ["audit.log.view", "alice", &id, "success"],
                ["audit.log.search", "alice", "actor:u-2", "success"],
            ]
        );
        // In the log that is never pruned.
        assert_eq!(readings[0]["personal"], json!(["/message"]));
    }
}

#[tokio::test]
async fn what_was_refused_is_one_entry_and_a_denial() {
    for app in [App::new().await, App::bare(crate::support::recorder().start().await.unwrap())] {
        for _ in 0..2 {
            let answer = app.get("bob none", "/events?q=actor:u-1").await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN);
        }
        let readings = app.readings().await;
        assert_eq!(told(&readings), [["audit.log.search", "bob", "actor:u-1", "denied"]]);
        assert_eq!(readings[0]["error"]["code"], "403");
    }
}

#[tokio::test]
async fn reading_what_was_read_makes_no_more_of_it() {
    let app = App::new().await;
    for _ in 0..5 {
        app.get(AUDITOR, "/events?q=action:audit.log.*").await;
    }
    assert_eq!(app.readings().await.len(), 1);
}

#[tokio::test]
async fn within_a_layer_the_entry_says_from_where() {
    let app = App::new().await;
    app.ask("GET", AUDITOR, "/events", &[("user-agent", "curl/8"), ("x-request-id", "r-99")]).await;
    let readings = app.readings().await;
    let request = &readings[0]["request"];
    assert_eq!((&request["user_agent"], &request["method"]), (&json!("curl/8"), &json!("GET")));
    assert_eq!((&request["id"], &request["status"]), (&json!("r-99"), &json!(200)));
    assert_eq!(request["route"], "/audit/api/v1/events");
}
