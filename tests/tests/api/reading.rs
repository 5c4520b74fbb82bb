//! Reading the log is an entry of the log's own.

use axum::http::StatusCode;
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::app::{AUDITOR, App, CLERK, payment};

fn told(readings: &[Value]) -> Vec<[&str; 4]> {
    let of = |event: &Value, pointer: &str| -> &'static str {
        let text = event.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        Box::leak(text.to_owned().into_boxed_str())
    };
    let places = ["/action", "/actor/id", "/metadata/asked", "/outcome"];
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
            app.get(CLERK, "/events?q=after:2h&days=3").await;
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
                ["audit.log.search", "carol", "after:2h after:3d", "success"],
                ["audit.log.view", "alice", &id, "success"],
                ["audit.log.search", "alice", "actor:u-2 (field=action)", "success"],
            ]
        );
        // In the log that is never pruned.
        assert_eq!(readings[0]["personal"], json!(["/metadata/asked"]));
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
async fn who_fails_first_does_not_read_unseen() {
    let app = App::with_payments().await;
    let foreign = app.get(AUDITOR, "/events?limit=1").await.json()["next"].clone();
    let path = "/events?q=actor:u-1";
    let failed = format!("{path}&cursor={}", foreign.as_str().unwrap());
    assert_eq!(app.get(CLERK, &failed).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(app.get(CLERK, path).await.of_events("/id").len(), 6);
    let readings = app.readings().await;
    let carols = told(&readings).into_iter().filter(|it| it[1] == "carol");
    assert_eq!(carols.map(|it| it[3]).collect::<Vec<_>>(), ["failure", "success"]);
}

#[tokio::test]
async fn who_sees_more_of_the_same_is_said_again() {
    let app = App::with_payments().await;
    let path = "/events?q=action:invoice.pay";
    let who = ["eve search acme", "eve search other", "eve search,sensitive other", "eve search"];
    for who in who.into_iter().chain(who) {
        app.get(who, path).await;
    }
    let export = "/export?q=actor:u-1";
    for how in ["", "&format=jsonl", "&format=jsonl&personal=true", "&columns=ip,session"] {
        app.get(AUDITOR, &format!("{export}{how}")).await;
    }
    let readings = app.readings().await;
    let seen = |event: &Value| json!([event["metadata"]["scope"], event["metadata"]["view"]]);
    assert_eq!(
        readings[..4].iter().map(seen).collect::<Vec<_>>(),
        [
            json!(["tenant:acme", "public"]),
            json!(["tenant:other", "public"]),
            json!(["tenant:other", "sensitive"]),
            json!(["", "public"]),
        ]
    );
    assert_eq!(
        told(&readings[4..]).iter().map(|it| it[2]).collect::<Vec<_>>(),
        [
            "actor:u-1 (format=csv)",
            "actor:u-1 (format=jsonl)",
            "actor:u-1 (format=jsonl personal=true)",
            "actor:u-1 (format=csv columns=ip,session)",
        ]
    );
}

#[tokio::test]
async fn what_is_read_for_long_is_committed_before_anything_leaves() {
    for app in
        [App::with_payments().await, App::bare(crate::support::recorder().start().await.unwrap())]
    {
        let mut open = Vec::new();
        for path in ["/tail", "/export?format=jsonl"] {
            let request = App::request("GET", AUDITOR, path, &[]);
            open.push(app.router.clone().oneshot(request).await.unwrap());
        }
        // Of none of them anything has been read.
        let query = "action:audit.log.*".parse().unwrap();
        assert_eq!(app.recorder.reader().search(&query).await.unwrap().entries.len(), 2);
        // Nor does a recorder that stops wait for their ends.
        let readings = app.readings().await;
        let actions: Vec<_> = told(&readings).iter().map(|it| (it[0], it[3])).collect();
        assert_eq!(actions, [("audit.log.tail", "success"), ("audit.log.export", "success")]);
        // And where there is no recorder any more, nothing leaves.
        let answer = app.get(AUDITOR, "/events?q=actor:u-1").await;
        assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(answer.problem().contains("audit entry"), "{}", answer.problem());
    }
}

#[tokio::test]
async fn a_histogram_is_not_the_same_as_the_entries() {
    let app = App::with_payments().await;
    app.get(AUDITOR, "/histogram?q=actor:u-1").await;
    app.get(AUDITOR, "/events?q=actor:u-1").await;
    let readings = app.readings().await;
    let asked: Vec<_> = told(&readings).iter().map(|it| it[2]).collect();
    assert_eq!(asked, ["actor:u-1 (histogram)", "actor:u-1"]);
}

#[tokio::test]
async fn what_could_not_be_told_whole_is_not_asked() {
    let app = App::with_payments().await;
    let padded = format!("/events?q=-{}%20actor:u-1", "x".repeat(5_000));
    let of_actor = format!("/actors/{}/events", "u".repeat(5_000));
    for path in [padded, of_actor] {
        let answer = app.get(CLERK, &path).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert!(answer.problem().contains("longer than 4096 bytes"), "{}", answer.problem());
    }
    assert!(app.readings().await.is_empty());
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
