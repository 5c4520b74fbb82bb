//! Entries as they come, as server-sent events.

use std::time::Duration;

use audit_core::Event;
use axum::body::BodyDataStream;
use axum::http::StatusCode;
use futures::{FutureExt as _, StreamExt as _};
use serde_json::Value;
use tower::ServiceExt as _;

use crate::app::{AUDITOR, App, OF_ACME, payment};

/// One who reads a stream.
struct Reading {
    body: BodyDataStream,
    text: String,
}

impl Reading {
    async fn begin(app: &App, who: &str, path: &str, last: Option<&str>) -> Self {
        let last: Vec<_> = last.iter().map(|last| ("last-event-id", *last)).collect();
        let request = App::request("GET", who, path, &last);
        let answer = app.router.clone().oneshot(request).await.unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(answer.headers()["content-type"], "text/event-stream");
        Self { body: answer.into_body().into_data_stream(), text: String::new() }
    }

    /// The next event: its id, and its data.
    async fn next(&mut self) -> (String, Value) {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let of = |name: &str| event.lines().find_map(|line| line.strip_prefix(name));
                let found = of("data: ").map(|data| {
                    (of("id: ").unwrap().to_owned(), serde_json::from_str(data).unwrap())
                });
                self.text = rest.to_owned();
                match found {
                    Some(found) => return found,
                    None => continue,
                }
            }
            self.more().await;
        }
    }

    /// The next id that comes without data.
    async fn place(&mut self) -> String {
        loop {
            if let Some((event, rest)) = self.text.split_once("\n\n") {
                let id = event.strip_prefix("id: ").map(str::to_owned);
                self.text = rest.to_owned();
                match id {
                    Some(id) => return id,
                    None => continue,
                }
            }
            self.more().await;
        }
    }

    async fn more(&mut self) {
        let piece = tokio::time::timeout(Duration::from_secs(20), self.body.next()).await;
        let piece = piece.expect("nothing has come").unwrap().unwrap();
        self.text.push_str(std::str::from_utf8(&piece).unwrap());
    }

    async fn requests(&mut self, count: usize) -> (Vec<Value>, String) {
        let (mut found, mut last) = (Vec::new(), String::new());
        for _ in 0..count {
            let (id, entry) = self.next().await;
            found.push(entry["event"]["request"]["id"].clone());
            last = id;
        }
        (found, last)
    }
}

#[tokio::test]
async fn a_stream_begins_with_what_comes_and_goes_on_where_it_broke_off() {
    let app = App::with_payments().await;
    let mut reading = Reading::begin(&app, AUDITOR, "/tail?q=action:invoice.pay", None).await;
    for i in 12..20 {
        app.record(payment(i)).await;
    }
    let (found, last) = reading.requests(3).await;
    assert_eq!(found, ["r-12", "r-13", "r-14"]);
    drop(reading);
    // In the middle of what was read at once.
    let mut reading =
        Reading::begin(&app, AUDITOR, "/tail?q=action:invoice.pay", Some(&last)).await;
    assert_eq!(reading.requests(5).await.0, ["r-15", "r-16", "r-17", "r-18", "r-19"]);
}

#[tokio::test]
async fn a_stream_of_which_nothing_has_come_goes_on_where_it_broke_off() {
    let app = App::with_payments().await;
    let path = "/tail?q=action:invoice.refund";
    let mut reading = Reading::begin(&app, AUDITOR, path, None).await;
    // Before anything has happened.
    let begun = reading.body.next().now_or_never().flatten().unwrap().unwrap();
    let first = str::from_utf8(&begun).unwrap().trim().strip_prefix("id: ").unwrap().to_owned();
    // Something else moves it on.
    app.record(payment(12)).await;
    let last = reading.place().await;
    assert_ne!(first, last);
    drop(reading);
    app.record(Event::builder("invoice.refund")).await;
    for last in [first, last] {
        let mut reading = Reading::begin(&app, AUDITOR, path, Some(&last)).await;
        assert_eq!(reading.next().await.1["event"]["action"], "invoice.refund");
    }
}

#[tokio::test]
async fn a_stream_has_nothing_of_other_tenants() {
    let app = App::new().await;
    let mut reading = Reading::begin(&app, OF_ACME, "/tail", None).await;
    for i in 0..6 {
        app.record(payment(i)).await;
    }
    assert_eq!(reading.requests(3).await.0, ["r-0", "r-2", "r-4"]);
}

#[tokio::test]
async fn a_stream_is_refused_that_cannot_go_on() {
    let app = App::with_payments().await;
    let page = app.get(AUDITOR, "/events?limit=1").await;
    let cursor = page.json()["next"].as_str().unwrap().to_owned();
    for (path, last) in [("/tail", "no-cursor"), ("/tail?q=actor:u-1", &*cursor)] {
        let answer = app.ask("GET", AUDITOR, path, &[("last-event-id", last)]).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path} {last}");
        answer.problem();
    }
}

#[tokio::test]
async fn there_are_not_more_streams_than_the_logs_can_be_asked_for() {
    let app = App::new().await;
    let mut open = Vec::new();
    for reader in 0..10 {
        for _ in 0..10 {
            open.push(Reading::begin(&app, &format!("r-{reader} search"), "/tail", None).await);
        }
    }
    let answer = app.get(AUDITOR, "/tail").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert!(answer.problem().contains("try again later"));
    open.pop();
    // There is room, but not for one who has ten.
    let answer = app.get("r-0 search", "/tail").await;
    assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS);
    assert!(answer.problem().contains("10 streams"));
    Reading::begin(&app, AUDITOR, "/tail", None).await;
    open.remove(0);
    Reading::begin(&app, "r-0 search", "/tail", None).await;
}

#[tokio::test]
async fn who_has_stopped_to_read_has_no_streams_after_a_while() {
    let app = App::new().await;
    let mut open = Vec::new();
    for _ in 0..10 {
        open.push(Reading::begin(&app, AUDITOR, "/tail", None).await);
    }
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(901)).await;
    tokio::time::resume();
    let mut reading = Reading::begin(&app, AUDITOR, "/tail", None).await;
    app.record(payment(0)).await;
    reading.next().await;
    // And what waits for those is not given out any more.
    let mut body = open.remove(0).body;
    assert!(body.next().await.is_none());
}
