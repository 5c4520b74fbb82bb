//! An event id that is used again.

use audit_core::{Event, NotRecorded, Refusal};
use serde_json::Value;
use sqlx::Connection as _;

use super::database::{Database, OUTBOX, REJECTED, numbers, texts};
use crate::log::{events, start, text};

const ID: &str = "0192f0c1-2d3e-7f40-8a51-6b7c8d9e0f10";

#[tokio::test]
async fn an_event_whose_id_is_taken_is_kept_and_an_entry_says_so() {
    let Some(database) = Database::new().await else { return };
    let recorder = start(database.store().await).await;
    let id = ID.parse().unwrap();
    let event = |reason| Event::builder("order.cancel").id(id).metadata("reason", reason);
    let receipt = recorder.record_durable(event("the first")).await.unwrap();
    let refused = recorder.record_durable(event("the second")).await.unwrap_err();
    assert_eq!(refused, NotRecorded::RanButUnrecorded { event_id: id, why: Refusal::IdConflict });

    // Elsewhere, the mover would find this one on its own only.
    let mut connection = database.connect().await;
    let mut transaction = connection.begin().await.unwrap();
    recorder.record_in(&mut transaction, event("the third")).await.unwrap();
    recorder.record_in(&mut transaction, Event::builder("order.ship")).await.unwrap();
    transaction.commit().await.unwrap();

    let events = events(&recorder).await;
    let of = |action| events.iter().filter(move |event| event["action"] == action);
    assert_eq!(of("order.cancel").count(), 1);
    assert_eq!(of("order.ship").count(), 1);
    let conflicts: Vec<_> = of("audit.id_conflict").collect();
    assert_eq!(conflicts.len(), 2, "{conflicts:#?}");
    let hashes =
        |name: &str| conflicts.iter().map(|event| &event["metadata"][name]).collect::<Vec<_>>();
    assert_eq!(hashes("event_id"), [&Value::from(ID); 2]);
    assert_eq!(hashes("existing_leaf_hash"), [&Value::from(receipt.leaf_hash.to_string()); 2]);
    assert_eq!(text(conflicts[0], "/labels/log"), "test.example/audit/standard");
    assert_eq!(events.len(), 4);

    let kept = texts(&mut connection, &format!("SELECT canon FROM {REJECTED} ORDER BY id")).await;
    let kept: Vec<Value> = kept.iter().map(|canon| serde_json::from_str(canon).unwrap()).collect();
    let reasons: Vec<_> = kept.iter().map(|event| text(event, "/metadata/reason")).collect();
    assert_eq!(reasons, ["the second", "the third"]);
    assert_eq!(numbers(&mut connection, &format!("SELECT count(*) FROM {OUTBOX}")).await, [0]);
}
