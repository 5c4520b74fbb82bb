//! On PostgreSQL.

mod attribute;
mod business;
mod by_hand;
mod edge;
mod orders;
mod outbox;
mod owner;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use audit_core::Event;
use sqlx::Connection as _;
use test_postgres::Server;

use crate::log::{events, start};
use crate::postgres_database as database;
use database::Database;
use orders::{all, put};

#[tokio::test]
async fn a_durable_record_within_a_write_transaction_does_not_wait_for_it() {
    let Some(database) = Database::new().await else { return };
    let recorder = start(database.store().await).await;
    let mut connection = database.connect().await;
    let mut transaction = connection.begin().await.unwrap();
    put(&mut transaction, 1).await.unwrap();
    recorder.record_in(&mut transaction, orders::placed(1)).await.unwrap();
    let event = Event::builder("order.look").resource("order", "1");
    let answer = tokio::time::timeout(Duration::from_secs(4), recorder.record_durable(event)).await;
    let receipt = answer.unwrap().unwrap();
    assert_eq!(receipt.index, Some(0));
    transaction.commit().await.unwrap();
    let events = events(&recorder).await;
    let actions: Vec<_> = events.iter().map(|event| &event["action"]).collect();
    assert_eq!(actions, ["order.look", "order.place"]);
    assert_eq!(all(&database).await, [1]);
}

#[tokio::test]
async fn after_two_crashes_of_the_server_exactly_what_was_committed_is_in_the_log() {
    if database::server().is_none() {
        return;
    }
    let server = Server::start().unwrap();
    let url = server.url("postgres");
    let server = Arc::new(Mutex::new(server));
    let database = Database::on(&url).await;
    let business = business::Business::new(&database).await;
    let interrupt = async |_| {
        let server = Arc::clone(&server);
        let restarted = tokio::task::spawn_blocking(move || {
            let mut server = server.lock().unwrap();
            server.kill().unwrap();
            server.start_again().unwrap();
        });
        restarted.await.unwrap();
    };
    business.run(interrupt).await;
    business.check().await;
}

#[tokio::test]
async fn an_outbox_full_of_what_is_no_event_does_not_keep_those_behind_it_from_the_log() {
    // Each is a commit of its own, on a disk that is waited for.
    if std::env::var_os("AUDIT_SOAK").is_some() {
        outbox::fill().await;
    }
}
