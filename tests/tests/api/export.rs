//! Exports over HTTP: what they hold, who gets them, and how they go on.

use std::time::Duration;

use axum::http::StatusCode;
use futures::StreamExt as _;
use serde_json::Value;
use tokio::time::timeout;
use tower::ServiceExt as _;

use crate::app::{AUDITOR, App, CLERK, OF_ACME, encoded, payment};

fn lines(body: &[u8]) -> Vec<String> {
    String::from_utf8(body.to_vec()).unwrap().lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn an_export_is_a_file_with_a_last_line_that_says_what_it_held() {
    let app = App::with_payments().await;
    let path = "/export?q=actor:u-1&columns=request,actor,/metadata";
    let answer = app.get(AUDITOR, path).await;
    assert_eq!(answer.status, StatusCode::OK);
    assert_eq!(answer.header("content-type"), "text/csv; charset=utf-8");
    assert_eq!(answer.header("content-disposition"), "attachment; filename=\"audit.csv\"");
    let csv = lines(&answer.body);
    assert_eq!(csv[..2], ["request,actor,/metadata", r#"r-0,u-1,"{""secret of"":""acme""}""#]);
    assert_eq!(csv.len(), 8);
    assert!(csv[7].starts_with("# entries=6 left_out=0 sha256="), "{}", csv[7]);

    // Another time, from there.
    let next = csv[7].split("next=").nth(1).unwrap().trim_end_matches(',').to_owned();
    app.record(payment(14)).await;
    let answer = app.get(AUDITOR, &format!("{path}&cursor={next}")).await;
    let csv = lines(&answer.body);
    assert_eq!(csv[0], r#"r-14,u-1,"{""secret of"":""acme""}""#);
    assert!(csv[1].starts_with("# entries=1 "));
    let readings = app.readings().await;
    assert_eq!(readings.len(), 1);
    assert_eq!(
        (&readings[0]["action"], &readings[0]["metadata"]["asked"]),
        (
            &"audit.log.export".into(),
            &"actor:u-1 (format=csv columns=request,actor,/metadata)".into()
        )
    );
}

#[tokio::test]
async fn each_format_is_written_line_by_line() {
    let app = App::with_payments().await;
    for format in ["jsonl", "ocsf", "ecs"] {
        let answer = app
            .get(AUDITOR, &format!("/export?q=action:invoice.pay&format={format}&personal=true"))
            .await;
        assert_eq!(
            (answer.status, answer.header("content-type")),
            (StatusCode::OK, "application/jsonl")
        );
        let lines: Vec<Value> =
            lines(&answer.body).iter().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 13, "{format}");
        assert_eq!(lines[12]["export"]["entries"], 12);
    }
}

#[tokio::test]
async fn nobody_takes_away_what_they_may_not_see() {
    let app = App::with_payments().await;
    let of_tenant = app.get(OF_ACME, "/export?q=-tenant:x&format=jsonl").await;
    let of_tenant = lines(&of_tenant.body);
    assert_eq!(of_tenant.len(), 7);
    assert!(of_tenant[..6].iter().all(|line| line.contains("\"tenant\":\"acme\"")));
    for refused in [
        "format=jsonl",
        "format=ocsf",
        "format=ecs",
        "personal=true",
        "columns=ip",
        "columns=action,session",
        "columns=/metadata/a",
        "columns=/actor",
        "q=session:x",
    ] {
        let answer = app.get(CLERK, &format!("/export?{refused}")).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{refused}");
        assert!(answer.problem().contains("`sensitive`"), "{}", answer.problem());
    }
    let csv = lines(&app.get(CLERK, "/export?q=action:invoice.pay").await.body);
    assert!(
        csv[0].contains("actor,") && !csv[0].contains("session") && !csv[0].contains("correlation"),
        "{}",
        csv[0]
    );
    for (who, status) in
        [("bob search,sensitive", StatusCode::FORBIDDEN), ("", StatusCode::UNAUTHORIZED)]
    {
        assert_eq!(app.get(who, "/export").await.status, status);
    }
}

#[tokio::test]
async fn what_is_wrong_with_an_export_is_said_before_it_begins() {
    let app = App::with_payments().await;
    let cursor =
        app.get(AUDITOR, "/events?limit=1").await.json()["next"].as_str().unwrap().to_owned();
    for (path, part) in [
        ("format=xls".to_owned(), "xls"),
        ("columns=nothing".to_owned(), "no column `nothing`"),
        ("columns=action&format=ecs".to_owned(), "`columns`"),
        (format!("q=actor:u-1&cursor={cursor}"), "another query"),
        ("cursor=x".to_owned(), "no cursor"),
        (format!("q={}", encoded("after:2026-02-01 before:2026-01-01")), "`before`"),
    ] {
        let answer = app.get(AUDITOR, &format!("/export?{path}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{path}");
        assert!(answer.problem().contains(part), "{}", answer.problem());
    }
}

#[tokio::test]
async fn a_client_that_stops_reading_holds_nothing() {
    let app = App::with_payments().await;
    for i in 12..1_500 {
        app.recorder.record(payment(i)).await;
    }
    app.record(payment(0)).await;
    let before = tasks();
    let request = App::request("GET", AUDITOR, "/export?format=jsonl", &[]);
    let answer = app.router.clone().oneshot(request).await.unwrap();
    let mut body = answer.into_body().into_data_stream();
    assert!(body.next().await.unwrap().is_ok());
    // While nobody reads on, the next chunk is read, and that is all; others write.
    assert_eq!(tasks(), before + 1);
    until_there_are(before).await;
    app.record(payment(1)).await;
    // Who goes away while it is read takes it along.
    assert!(body.next().await.unwrap().is_ok());
    assert_eq!(tasks(), before + 1);
    drop(body);
    until_there_are(before).await;
}

fn tasks() -> usize {
    tokio::runtime::Handle::current().metrics().num_alive_tasks()
}

async fn until_there_are(so_many: usize) {
    let wait = async {
        while tasks() > so_many {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(10), wait).await.unwrap();
}

#[tokio::test]
async fn a_column_is_not_asked_for_so_often_that_it_fills_memory() {
    let app = App::with_payments().await;
    let many: Vec<_> = (0..101).map(|i| format!("label.l{i}")).collect();
    for columns in [many.join(","), ["message"; 2].join(",")] {
        let answer = app.get(AUDITOR, &format!("/export?columns={columns}")).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert!(answer.problem().contains("up to 100, each once"), "{}", answer.problem());
    }
}
