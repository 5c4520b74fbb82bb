//! On SQLite.

mod attribute;
mod business;
mod by_hand;
mod edge;
mod orders;
mod outbox;
mod owner;

use std::time::Duration;

use audit_core::{Event, NotRecorded, Refusal};
use sqlx::Connection as _;

use crate::log::{events, found, start};
use crate::sqlite_database as database;
use database::Database;
use orders::{all, put};

#[tokio::test]
async fn a_durable_record_within_a_write_transaction_is_refused_early_and_recorded_late() {
    let database = Database::new().await.unwrap();
    let recorder = start(database.store().await).await;
    let mut connection = database.connect().await;
    let mut transaction = connection.begin().await.unwrap();
    put(&mut transaction, 1).await.unwrap();
    // The recorder would wait for 5 s. It is at this one already, for which nobody waits.
    recorder.record(Event::builder("order.seen")).await;
    tokio::task::yield_now().await;
    let event = Event::builder("order.look").resource("order", "1");
    let answer = tokio::time::timeout(Duration::from_secs(4), recorder.record_durable(event)).await;
    let Ok(Err(NotRecorded::RanButUnrecorded { event_id, why: Refusal::Locked })) = answer else {
        panic!("{answer:?}");
    };
    transaction.commit().await.unwrap();
    let events = events(&recorder).await;
    assert_eq!(events.len(), 2, "{events:#?}");
    assert_eq!(events[1]["id"], event_id.to_string());
    assert_eq!(all(&database).await, [1]);
}

#[tokio::test]
async fn after_a_shutdown_in_the_middle_of_business_the_next_recorder_finds_the_rest() {
    let database = Database::new().await.unwrap();
    let business = business::Business::new(&database).await;
    let interrupt = async |_| {
        // Business goes on meanwhile: its events wait in the outbox.
        business.recorder().shutdown(Duration::from_secs(30)).await.unwrap();
        let next = start(database.store().await).await;
        *business.recorder.lock().unwrap() = next;
    };
    business.run(interrupt).await;
    business.check().await;
}

#[tokio::test]
async fn an_outbox_full_of_what_is_no_event_does_not_keep_those_behind_it_from_the_log() {
    outbox::fill().await;
}

#[tokio::test]
async fn a_durable_event_does_not_wait_for_all_that_is_in_the_outbox() {
    let database = Database::new().await.unwrap();
    outbox::leave(&database, 0..4_000).await;
    let recorder = start(database.store().await).await;
    found(&recorder, "order.place").await;
    let receipt = recorder.record_durable(Event::builder("order.look")).await.unwrap();
    assert!(receipt.index < Some(4_000), "{receipt:?}");
    assert_eq!(events(&recorder).await.len(), 4_001);
}
