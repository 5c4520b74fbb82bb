//! Pages of entries: filters, order, cursors, limits, and what is wrong with a request.

use axum::http::StatusCode;
use serde_json::json;

use crate::app::{AUDITOR, Answer, App, encoded, payment};

#[tokio::test]
async fn a_query_finds_what_it_asks_for_newest_first_or_oldest_first() {
    let app = App::with_payments().await;
    let path = format!("/events?q={}", encoded("actor:u-1 -outcome:failure"));
    let found = app.get(AUDITOR, &path).await;
    assert_eq!(found.of_events("/request/id"), ["r-10", "r-8", "r-4", "r-2"]);
    assert_eq!(found.json()["next"], json!(null));
    assert_eq!(found.json()["count"], json!({ "entries": 4, "is_complete": true }));
    let found = app.get(AUDITOR, &format!("{path}&order=oldest")).await;
    assert_eq!(found.of_events("/request/id"), ["r-2", "r-4", "r-8", "r-10"]);
    assert_eq!(found.header("cache-control"), "no-store");
}

#[tokio::test]
async fn pages_follow_one_another_and_do_not_change_while_entries_come() {
    for order in ["newest", "oldest"] {
        let app = App::with_payments().await;
        let path = format!("/events?q=action:invoice.pay&limit=5&order={order}");
        let mut page = app.get(AUDITOR, &path).await;
        let mut found = page.of_events("/request/id");
        assert_eq!(page.json()["count"], json!({ "entries": 12, "is_complete": true }));
        app.record(payment(12)).await;
        while let Some(next) = page.json()["next"].as_str() {
            page = app.get(AUDITOR, &format!("{path}&cursor={next}")).await;
            assert_eq!(page.json()["count"], json!(null), "only the first page is counted");
            found.extend(page.of_events("/request/id"));
        }
        let wanted: Vec<_> = match order {
            "newest" => (0..12).rev().map(|i| json!(format!("r-{i}"))).collect(),
            _ => (0..13).map(|i| json!(format!("r-{i}"))).collect(),
        };
        assert_eq!(found, wanted, "{order}");
    }
}

#[tokio::test]
async fn a_count_is_capped_or_left_out() {
    let app = App::with_payments().await;
    let capped = app.get(AUDITOR, "/events?q=action:invoice.pay&count=5").await;
    assert_eq!(capped.json()["count"], json!({ "entries": 5, "is_complete": false }));
    let none = app.get(AUDITOR, "/events?count=0").await;
    assert_eq!(none.json()["count"], json!(null));
}

#[tokio::test]
async fn a_resource_has_a_history_and_an_actor_has_done_things_lately() {
    let app = App::with_payments().await;
    let history = app.get(AUDITOR, "/resources/invoice/i-2/history").await;
    assert_eq!(history.of_events("/request/id"), ["r-10", "r-6", "r-2"]);
    let history = app.get(AUDITOR, "/resources/invoice/i-2/history?q=outcome:failure").await;
    assert_eq!(history.of_events("/request/id"), ["r-6"]);
    let lately = app.get(AUDITOR, "/actors/u-2/events?days=30&limit=2").await;
    assert_eq!(lately.of_events("/request/id"), ["r-11", "r-9"]);
    let next = lately.json()["next"].as_str().unwrap().to_owned();
    let lately = format!("/actors/u-2/events?days=30&limit=2&cursor={next}");
    assert_eq!(app.get(AUDITOR, &lately).await.of_events("/request/id"), ["r-7", "r-5"]);
    // An id can have any characters.
    let none = app.get(AUDITOR, &format!("/actors/{}/events", encoded("a/b \"c\\ -x:*"))).await;
    assert_eq!(none.of_events("/id").len(), 0);
}

#[tokio::test]
async fn values_and_times_are_counted() {
    let app = App::with_payments().await;
    let facets = app.get(AUDITOR, "/facets?q=action:invoice.pay&field=actor").await.json();
    let values = json!([{ "value": "u-1", "entries": 6 }, { "value": "u-2", "entries": 6 }]);
    assert_eq!(facets, json!({ "values": values, "is_complete": true }));
    let top = app.get(AUDITOR, "/facets?q=action:invoice.pay&field=outcome&top=1").await.json();
    assert_eq!(top["values"], json!([{ "value": "success", "entries": 8 }]));
    let histogram = app.get(AUDITOR, "/histogram?q=action:invoice.pay&buckets=3").await.json();
    let counts: Vec<_> =
        histogram["buckets"].as_array().unwrap().iter().map(|it| &it["entries"]).collect();
    assert_eq!(
        (counts, &histogram["is_complete"]),
        (vec![&json!(0), &json!(0), &json!(12)], &json!(true))
    );
}

fn is_refused(answer: &Answer, part: &str) {
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(answer.problem().contains(part), "{}", answer.problem());
}

#[tokio::test]
async fn what_is_wrong_with_a_request_is_said() {
    let app = App::with_payments().await;
    let first = app.get(AUDITOR, "/events?q=actor:u-1&limit=2").await;
    let cursor = first.json()["next"].as_str().unwrap().to_owned();
    for (path, part) in [
        ("/events?limit=0".to_owned(), "from 1 to 1000"),
        ("/events?limit=1000000000".to_owned(), "from 1 to 1000"),
        ("/events?limit=many".to_owned(), "limit"),
        ("/events?limit=-1".to_owned(), "limit"),
        ("/events?count=1000001".to_owned(), "`count`"),
        ("/events?order=random".to_owned(), "random"),
        ("/events?unknown=1".to_owned(), "unknown"),
        ("/events?q=actr:alice".to_owned(), "at character 1"),
        (format!("/events?q={}", encoded("\"open")), "at character"),
        (format!("/events?q={}", encoded("after:2026-02-01 before:2026-01-01")), "`before`"),
        ("/events?cursor=no-cursor".to_owned(), "this is no cursor"),
        (format!("/events?q=actor:u-2&cursor={cursor}"), "another query"),
        (format!("/events?q=actor:u-1&order=oldest&cursor={cursor}"), "another query"),
        ("/actors/u-1/events?days=0".to_owned(), "from 1 to 90"),
        ("/actors/u-1/events?days=91".to_owned(), "from 1 to 90"),
        ("/actors/%ff/events".to_owned(), "UTF-8"),
        ("/events/no-uuid".to_owned(), "UUID"),
        ("/facets".to_owned(), "field"),
        ("/facets?field=nothing".to_owned(), "nothing"),
        ("/facets?field=actor&top=0".to_owned(), "from 1 to 100"),
        ("/histogram?buckets=0".to_owned(), "1 to 1000 buckets"),
        (
            "/histogram?since=2026-02-01T00:00:00Z&until=2026-01-01T00:00:00Z".to_owned(),
            "the later time",
        ),
        ("/histogram?since=yesterday".to_owned(), "since"),
    ] {
        let answer = app.get(AUDITOR, &path).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}");
        is_refused(&answer, part);
    }
    // The same cursor, where it belongs.
    let page = app.get(AUDITOR, &format!("/events?q=actor:u-1&limit=3&cursor={cursor}")).await;
    assert_eq!(page.of_events("/request/id"), ["r-6", "r-4", "r-2"]);
}

#[tokio::test]
async fn what_is_not_there_is_a_problem_document_as_well() {
    let app = App::new().await;
    let nowhere = app.get(AUDITOR, "/nowhere").await;
    assert_eq!(
        (nowhere.status, nowhere.problem().as_str()),
        (StatusCode::NOT_FOUND, "There is no such path.")
    );
    let posted = app.ask("POST", AUDITOR, "/events", &[]).await;
    assert_eq!(posted.status, StatusCode::METHOD_NOT_ALLOWED);
    posted.problem();
    let id = "01985a3c-0000-7000-8000-000000000000";
    for path in [format!("/events/{id}"), format!("/events/{id}/proof")] {
        assert_eq!(app.get(AUDITOR, &path).await.status, StatusCode::NOT_FOUND);
    }
}
