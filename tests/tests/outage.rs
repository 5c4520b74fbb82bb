//! A database that goes away, and one that hangs, under load: with a spool nothing is lost, and nobody waits for long.
#![cfg(test)]

#[path = "support/load.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod load;
#[path = "support/log.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod log;
#[path = "support/postgres.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod postgres_database;

use std::sync::Arc;
use std::time::Duration;

use audit_core::Recorder;
use audit_core::recorder::DEFAULT_DEADLINE;
use audit_core::store::SqliteSpool;
use load::{Load, seconds};
use postgres_database::Database;
use test_postgres::Server;

/// What the tests of transactions need beside.
const TABLES: &str = "SELECT 1";

async fn on(server: &Arc<std::sync::Mutex<Server>>, act: fn(&mut Server)) {
    let server = Arc::clone(server);
    tokio::task::spawn_blocking(move || act(&mut server.lock().unwrap())).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_killed_and_one_that_hangs_cost_no_event_and_no_caller_more_than_the_deadline()
 {
    if postgres_database::server().is_none() {
        return;
    }
    let server = Server::start().unwrap();
    let database = Database::on(&server.url("postgres")).await;
    let server = Arc::new(std::sync::Mutex::new(server));
    let folder = tempfile::tempdir().unwrap();
    let spool = folder.path().join("spool.db");
    let spool = SqliteSpool::open(spool.to_str().unwrap()).await.unwrap();
    let recorder = Recorder::builder(database.store().await).origin("test.example/audit");
    let recorder = recorder.spool(spool).start().await.unwrap();

    let load = Load::start(&recorder, 0);
    tokio::time::sleep(Duration::from_millis(500)).await;
    on(&server, |server| server.kill().unwrap()).await;
    tokio::time::sleep(seconds(5)).await;
    on(&server, |server| server.start_again().unwrap()).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    on(&server, |server| server.freeze().unwrap()).await;
    tokio::time::sleep(seconds(7)).await;
    on(&server, |server| server.thaw().unwrap()).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    let done = load.end().await;
    let longest = done.longest;
    eprintln!("{} events; the longest wait was {longest:?}", done.recorded.len());
    assert!(longest <= DEFAULT_DEADLINE + Duration::from_millis(500), "{longest:?}");

    // Dense, each once, and the log verifies.
    let events = log::events(&recorder).await;
    load::assert_all_in_order(&events, &done);
}
