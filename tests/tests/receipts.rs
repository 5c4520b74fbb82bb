//! What an answer says of its entry, and that a proof can be had of it.
#![cfg(test)]

#[expect(dead_code, reason = "other tests need more of it")]
mod support;

use audit_core::merkle::Hash;
use audit_core::prove::receipt_proof;
use audit_core::signer::Signer;
use audit_core::store::{MemoryStore, Reader};
use audit_core::{NotRecorded, Recorder, audited, current};
use audit_tower::{AUDIT_RECEIPT, AuditLayer, Problem};
use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::routing::{get, post};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use support::{Blocked, events};
use tower::ServiceExt as _;

#[audited(action = "invoice.look")]
async fn look() -> &'static str {
    "an invoice"
}

#[audited(action = "invoice.watch")]
async fn watch() -> Body {
    Body::from_stream(futures::stream::iter([Ok::<_, NotRecorded>("an invoice")]))
}

#[audited(action = "invoice.approve", durability = strict)]
async fn approve() -> Result<&'static str, Problem> {
    Ok("approved")
}

#[audited(action = "invoice.create", durability = durable)]
async fn create() -> Result<&'static str, Problem> {
    Ok("created")
}

#[audited(action = "invoice.glance")]
async fn glance() {
    current().discard();
}

fn app(layer: AuditLayer) -> Router {
    let routes = Router::new().route("/look", get(look)).route("/watch", get(watch));
    let routes = routes.route("/approve", post(approve)).route("/create", post(create));
    let routes = routes.route("/discarded", get(glance));
    routes.route("/nothing", get(async || "nothing")).layer(layer)
}

/// Status and receipt of an answer.
async fn ask(app: &Router, method: &str, path: &str) -> (StatusCode, Option<String>) {
    let request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
    let answer = app.clone().oneshot(request).await.unwrap();
    let receipt = answer.headers().get(AUDIT_RECEIPT);
    let receipt = receipt.map(|receipt| receipt.to_str().unwrap().to_owned());
    let status = answer.status();
    axum::body::to_bytes(answer.into_body(), 1_000).await.unwrap();
    (status, receipt)
}

/// A member of the dictionary, without what stands around its value.
fn member(receipt: &str, name: &str) -> Option<String> {
    let members = receipt.split(", ").filter_map(|member| member.split_once('='));
    let value = members.filter(|(key, _)| *key == name).map(|(_, value)| value).next()?;
    Some(value.trim_matches(['"', ':']).to_owned())
}

#[tokio::test]
async fn an_answer_says_which_event_is_on_its_way_and_nothing_where_there_is_none() {
    let recorder = support::recorder().start().await.unwrap();
    let app = app(AuditLayer::new(recorder.clone()).receipts());
    let mut said = Vec::new();
    for path in ["/look", "/watch"] {
        let (_, receipt) = ask(&app, "GET", path).await;
        let receipt = receipt.unwrap();
        said.push(member(&receipt, "event").unwrap());
        assert!(!receipt.contains("leaf") && !receipt.contains("log"), "{receipt}");
    }
    for path in ["/nothing", "/discarded"] {
        assert_eq!(ask(&app, "GET", path).await, (StatusCode::OK, None), "{path}");
    }
    let events = events(&recorder).await;
    assert!(events.iter().map(|event| event["id"].as_str().unwrap()).eq(said));
}

#[tokio::test]
async fn the_receipt_of_a_durable_or_strict_entry_leads_to_its_proof() {
    let (store, folder) = (MemoryStore::new(), tempfile::tempdir().unwrap());
    let mut signer = Signer::open(Reader::new(store.clone()), folder.path()).await.unwrap();
    let recorder = Recorder::builder(store).origin("test.example/audit").start().await.unwrap();
    let app = app(AuditLayer::new(recorder.clone()).receipts());
    let mut receipts = Vec::new();
    for path in ["/approve", "/create", "/approve"] {
        let (status, receipt) = ask(&app, "POST", path).await;
        assert_eq!(status, StatusCode::OK);
        receipts.push(receipt.unwrap());
    }
    assert_eq!(signer.sign().await.unwrap().notes.len(), 2);
    for receipt in receipts {
        let said = |name| member(&receipt, name).unwrap_or_else(|| panic!("{name}: {receipt}"));
        let leaf = STANDARD.decode(said("leaf")).unwrap();
        let (log, index) = (said("log"), said("index").parse().unwrap());
        let proof = receipt_proof(&recorder.reader(), &log, index).await.unwrap();
        proof.verify(Hash::try_from(&*leaf).unwrap(), &signer.policy()).unwrap();
    }
}

#[tokio::test]
async fn what_was_not_recorded_gets_no_receipt() {
    let log = Blocked::new().await;
    let app = app(AuditLayer::new(log.recorder.clone()).receipts());
    let (status, receipt) = ask(&app, "POST", "/create").await;
    assert_eq!((status, receipt), (StatusCode::SERVICE_UNAVAILABLE, None));
}

#[tokio::test]
async fn nobody_is_told_who_has_not_asked_for_receipts() {
    let recorder = support::recorder().start().await.unwrap();
    let app = app(AuditLayer::new(recorder));
    for (method, path) in [("GET", "/look"), ("POST", "/create")] {
        assert_eq!(ask(&app, method, path).await, (StatusCode::OK, None));
    }
}
