//! A database that goes away, and one that hangs, under load: with a spool nothing is lost, and nobody waits for long.
#![cfg(test)]

#[path = "support/log.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod log;
#[path = "support/postgres.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod postgres_database;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use audit_core::recorder::DEFAULT_DEADLINE;
use audit_core::store::SqliteSpool;
use audit_core::{Event, Recorder};
use postgres_database::Database;
use serde_json::Value;
use test_postgres::Server;
use tokio::task::JoinSet;
use uuid::Uuid;

/// What the tests of transactions need beside.
const TABLES: &str = "SELECT 1";

/// What one task has recorded.
#[derive(Default)]
struct Done {
    recorded: Vec<Uuid>,
    longest: Duration,
}

/// How long a fault lasts: longer than the deadline where it is a hang.
fn seconds(few: u64) -> Duration {
    Duration::from_secs(if std::env::var_os("AUDIT_SOAK").is_some() { few * 2 } else { few })
}

/// Records until told to stop: every second task durably.
#[expect(clippy::disallowed_methods, reason = "the test measures how long a caller waits")]
async fn work(recorder: Recorder, number: u128, stop: Arc<AtomicBool>) -> Done {
    let mut done = Done::default();
    for step in 0_u128.. {
        if stop.load(Ordering::Relaxed) {
            break;
        }
        let id = Uuid::from_u128(1 + (number << 64) + step);
        let event = Event::builder("order.place").id(id).tag("load");
        let begun = Instant::now();
        if number.is_multiple_of(2) {
            recorder.record_durable(event).await.unwrap();
        } else {
            recorder.record(event).await;
        }
        done.longest = done.longest.max(begun.elapsed());
        done.recorded.push(id);
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    done
}

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

    let stop = Arc::new(AtomicBool::new(false));
    let mut tasks = JoinSet::new();
    for number in 0..8 {
        tasks.spawn(work(recorder.clone(), number, Arc::clone(&stop)));
    }
    tokio::time::sleep(Duration::from_millis(500)).await;
    on(&server, |server| server.kill().unwrap()).await;
    tokio::time::sleep(seconds(4)).await;
    on(&server, |server| server.start_again().unwrap()).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    on(&server, |server| server.freeze().unwrap()).await;
    tokio::time::sleep(seconds(7)).await;
    on(&server, |server| server.thaw().unwrap()).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    stop.store(true, Ordering::Relaxed);

    let (mut recorded, mut longest) = (BTreeSet::new(), Duration::ZERO);
    while let Some(done) = tasks.join_next().await {
        let done = done.unwrap();
        recorded.extend(done.recorded);
        longest = longest.max(done.longest);
    }
    eprintln!("{} events; the longest wait was {longest:?}", recorded.len());
    assert!(longest <= DEFAULT_DEADLINE + Duration::from_millis(500), "{longest:?}");

    // Dense, each once, and the log verifies.
    let events = log::events(&recorder).await;
    let id = |event: &Value| event["id"].as_str().unwrap().parse::<Uuid>().unwrap();
    let kept: BTreeSet<_> = events.iter().map(id).collect();
    assert_eq!(kept.len(), events.len(), "only what was recorded, and no gap");
    assert_eq!(kept, recorded);
    // What one task has recorded one after the other stands so in the log.
    let mut last = BTreeMap::new();
    for event in &events {
        let id = id(event).as_u128();
        let earlier = last.insert(id >> 64, id);
        assert!(earlier.is_none_or(|earlier| earlier < id), "{event}");
    }
}
