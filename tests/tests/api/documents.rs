//! Single entries and their proofs, and the documents that describe the API.

use audit_core::merkle::leaf_hash;
use audit_core::note::Proof;
use audit_core::signer::Signer;
use audit_core::store::{MemoryStore, Reader};
use audit_core::{Query, Recorder};
use axum::http::StatusCode;
use serde_json::json;

use crate::app::{AUDITOR, App, CLERK, payment};

#[tokio::test]
async fn an_entry_is_kept_by_the_client_and_asked_for_again() {
    let app = App::new().await;
    let path = format!("/events/{}", app.record(payment(3)).await);
    let first = app.get(AUDITOR, &path).await;
    let entry = first.json();
    assert_eq!(
        (&entry["log"], &entry["index"]),
        (&json!("test.example/audit/standard"), &json!(0))
    );
    assert_eq!(entry["event"]["request"]["ip"], "10.0.0.3");
    assert_eq!(first.header("cache-control"), "private, no-cache");
    let tag = first.header("etag");
    let again = app.ask("GET", AUDITOR, &path, &[("if-none-match", tag)]).await;
    assert_eq!((again.status, again.body.len()), (StatusCode::NOT_MODIFIED, 0));
    assert_eq!(again.header("etag"), tag);
    let listed = format!("\"other\", W/{tag}");
    let again = app.ask("GET", AUDITOR, &path, &[("if-none-match", &listed)]).await;
    assert_eq!(again.status, StatusCode::NOT_MODIFIED);
    // Another view is another document.
    let other = app.ask("GET", CLERK, &path, &[("if-none-match", tag)]).await;
    assert_eq!(other.status, StatusCode::OK);
}

#[tokio::test]
async fn an_entry_has_a_proof_once_it_is_signed() {
    let (store, folder) = (MemoryStore::new(), tempfile::tempdir().unwrap());
    let mut signer = Signer::open(Reader::new(store.clone()), folder.path()).await.unwrap();
    let recorder = Recorder::builder(store).origin("test.example/audit").start().await.unwrap();
    let app = App::of(recorder);
    let path = format!("/events/{}/proof", app.record(payment(3)).await);
    let early = app.get(AUDITOR, &path).await;
    assert_eq!(early.status, StatusCode::CONFLICT);
    assert!(early.problem().contains("try again later"));
    let _ = signer.sign().await.unwrap();
    let proof = app.get(AUDITOR, &path).await;
    assert_eq!(proof.header("content-type"), "text/plain; charset=utf-8");
    let proof: Proof = String::from_utf8(proof.body).unwrap().parse().unwrap();
    let query = Query::new().action("invoice.pay");
    let page = app.recorder.reader().search(&query).await.unwrap();
    proof.verify(leaf_hash(page.entries[0].canonical()), &signer.policy()).unwrap();
    let checkpoints = app.get(AUDITOR, "/checkpoint").await.json();
    let of_standard = checkpoints.as_array().unwrap().iter();
    let mut of_standard = of_standard.filter(|it| it["log"] == "test.example/audit/standard");
    let note = of_standard.next().unwrap()["checkpoint"].as_str().unwrap();
    assert!(note.starts_with("test.example/audit/standard\n1\n"), "{note}");
}

#[tokio::test]
async fn the_api_describes_itself() {
    let app = App::new().await;
    let openapi = app.get(AUDITOR, "/openapi.json").await.json();
    let paths = openapi["paths"].as_object().unwrap();
    let wanted = [
        "/events",
        "/events/{id}",
        "/events/{id}/proof",
        "/resources/{type}/{id}/history",
        "/actors/{id}/events",
        "/histogram",
        "/facets",
        "/tail",
        "/export",
        "/checkpoint",
        "/integrity",
        "/integrity/verify",
        "/schema.json",
        "/openapi.json",
        "/health",
        "/coverage",
    ];
    for path in wanted {
        assert!(
            paths.contains_key(path),
            "{path} is not in {:?}",
            paths.keys().collect::<Vec<_>>()
        );
    }
    assert_eq!(paths.len(), wanted.len());
    let schema = app.get(AUDITOR, "/schema.json").await.json();
    assert_eq!(schema["properties"]["actor"]["properties"]["id"]["title"], "Id");
    let required = |name: &str| schema["required"].as_array().unwrap().contains(&json!(name));
    assert!(required("action") && !required("actor"));
}

#[tokio::test]
async fn the_operator_sees_how_it_does() {
    let app = App::with_payments().await;
    let health = app.get(AUDITOR, "/health").await.json();
    assert_eq!((&health["is_good"], &health["lost"]), (&json!(true), &json!(0)));
    assert!(health["appended"].as_u64() >= Some(12));
    let coverage = app.get(AUDITOR, "/coverage").await.json();
    assert_eq!(coverage[0]["recorded"], "no", "the layer was told no routes");
}
