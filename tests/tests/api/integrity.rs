//! Verification over HTTP: a job, with progress, and its result.

use std::time::Duration;

use axum::http::StatusCode;
use serde_json::{Value, json};
use sqlx::{Connection as _, SqliteConnection};

use crate::app::{AUDITOR, App};

async fn result(app: &App) -> Value {
    for _ in 0..500 {
        let view = app.get(AUDITOR, "/integrity").await.json();
        if view["running"].is_null() && !view["last"].is_null() {
            return view["last"].clone();
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the verification has not ended");
}

#[tokio::test]
async fn a_verification_runs_by_itself_and_its_result_is_kept_and_recorded() {
    let app = App::with_payments().await;
    let before = app.get(AUDITOR, "/integrity").await.json();
    assert_eq!(before, json!({ "running": null, "last": null }));
    let begun = app.ask("POST", AUDITOR, "/integrity/verify", &[]).await;
    assert_eq!(begun.status, StatusCode::ACCEPTED);
    let last = result(&app).await;
    assert_eq!(last["is_clean"], true);
    let logs = last["report"]["logs"].as_array().unwrap();
    let standard = logs.iter().find(|log| log["log"] == "test.example/audit/standard").unwrap();
    assert_eq!(standard["size"], 12);
    let readings = app.readings().await;
    let told: Vec<_> =
        readings.iter().map(|it| (&it["action"], &it["actor"]["id"], &it["outcome"])).collect();
    let (alice, success) = (json!("alice"), json!("success"));
    for action in ["audit.log.verify", "audit.log.verified"] {
        let action = json!(action);
        assert_eq!(
            told.iter().filter(|it| **it == (&action, &alice, &success)).count(),
            1,
            "{told:?}"
        );
    }
}

#[tokio::test]
async fn what_a_verification_finds_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.db");
    let store = audit_core::store::SqliteStore::open(path.to_str().unwrap()).await.unwrap();
    let recorder = audit_core::Recorder::builder(store).origin("test.example/audit");
    let app = App::of(recorder.start().await.unwrap());
    for i in 0..3 {
        app.record(crate::app::payment(i)).await;
    }
    let url = format!("sqlite://{}", path.display());
    let mut database = SqliteConnection::connect(&url).await.unwrap();
    for sql in [
        "DROP TRIGGER audit_entry_update",
        "UPDATE audit_entry SET canon = replace(canon, 'u-2', 'u-3')",
    ] {
        sqlx::query(sql).execute(&mut database).await.unwrap();
    }
    app.ask("POST", AUDITOR, "/integrity/verify", &[]).await;
    let last = result(&app).await;
    assert_eq!(last["is_clean"], false);
    assert!(last["report"].to_string().contains("MODIFIED"), "{last}");
    let readings = app.readings().await;
    let verified = readings.iter().find(|it| it["action"] == "audit.log.verified").unwrap();
    assert_eq!(
        (&verified["outcome"], &verified["error"]["code"]),
        (&json!("failure"), &json!("audit.findings"))
    );
}

#[tokio::test]
async fn who_may_verify_need_not_see_sensitive_values() {
    let app = App::with_payments().await;
    let begun = app.ask("POST", "vera verify", "/integrity/verify", &[]).await;
    assert_eq!(begun.status, StatusCode::ACCEPTED);
    assert_eq!(result(&app).await["is_clean"], true);
}
