//! A recorder that is shut down under load: what it had accepted until then is in the log, and what it had not is counted.
#![cfg(test)]

#[path = "support/chance.rs"]
mod chance;
#[path = "support/log.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod log;
#[path = "support/postgres.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod postgres_database;
#[path = "support/sqlite.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod sqlite_database;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use audit_core::recorder::Pending;
use audit_core::store::{Reader, SqliteSpool, Store};
use audit_core::{Event, Recorder};
use chance::chance;
use tokio::task::JoinSet;
use uuid::Uuid;

/// What the tests of transactions need beside.
const TABLES: &str = "SELECT 1";

const TASKS: u64 = 8;

/// Recorders that are shut down.
fn rounds() -> u64 {
    if std::env::var_os("AUDIT_SOAK").is_some() { 100 } else { 20 }
}

/// What all tasks of a round look at.
struct Round {
    number: u64,
    recorder: Recorder,
    /// Set before the shutdown begins.
    stopping: AtomicBool,
    /// Set after it has ended.
    over: AtomicBool,
    calls: AtomicU64,
}

/// What tasks know of their events.
#[derive(Default)]
struct Done {
    /// Must be in the log: taken before the shutdown, or acknowledged.
    kept: BTreeSet<Uuid>,
    /// Is in the log or counted as lost.
    other: BTreeSet<Uuid>,
    /// Must not be: refused before it ran.
    refused: BTreeSet<Uuid>,
}

async fn work(round: Arc<Round>, task: u64) -> Done {
    let mut done = Done::default();
    for step in 0_u64.. {
        if round.over.load(Ordering::SeqCst) {
            break;
        }
        let (high, low) = (u128::from(round.number), u128::from(task << 32 | step));
        let id = Uuid::from_u128((1 + high) << 64 | low);
        let event = Event::builder("order.place").id(id);
        let taken = || !round.stopping.load(Ordering::SeqCst);
        match task % 4 {
            // Who waits for the commit knows.
            0 => match round.recorder.record_durable(event).await {
                Ok(_) => _ = done.kept.insert(id),
                Err(_) => _ = done.refused.insert(id),
            },
            // Operations that are still running are waited for.
            1 => {
                let pending = Pending::begin(&round.recorder, event).await;
                let known = if taken() { &mut done.kept } else { &mut done.other };
                known.insert(id);
                tokio::time::sleep(Duration::from_millis(2)).await;
                pending.finish();
            }
            _ => {
                round.recorder.record(event).await;
                let known = if taken() { &mut done.kept } else { &mut done.other };
                known.insert(id);
            }
        }
        round.calls.fetch_add(1, Ordering::SeqCst);
        if step % 4 == 3 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    done
}

/// Loads a recorder, and shuts it down in the midst of that. Says what is known then, and how many events were lost.
async fn shut_down(number: u64, recorder: Recorder, after: u64) -> (Done, u64) {
    let (stopping, over) = (AtomicBool::new(false), AtomicBool::new(false));
    let round = Round { number, recorder, stopping, over, calls: AtomicU64::new(0) };
    let round = Arc::new(round);
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        tasks.spawn(work(Arc::clone(&round), task));
    }
    while round.calls.load(Ordering::SeqCst) < after {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    round.stopping.store(true, Ordering::SeqCst);
    round.recorder.shutdown(Duration::from_secs(60)).await.unwrap();
    round.over.store(true, Ordering::SeqCst);
    let mut all = Done::default();
    while let Some(done) = tasks.join_next().await {
        let done = done.unwrap();
        all.kept.extend(done.kept);
        all.other.extend(done.other);
        all.refused.extend(done.refused);
    }
    (all, round.recorder.health().lost)
}

/// The same log, from recorder to recorder: each second one has a spool.
async fn assert_drained(store: impl Store + Clone) {
    let seed = std::env::var("AUDIT_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(7);
    let folder = tempfile::tempdir().unwrap();
    let spool = folder.path().join("spool.db");
    let (mut all, mut lost) = (Done::default(), 0);
    for round in 0..rounds() {
        let recorder = Recorder::builder(store.clone()).origin("test.example/audit");
        let recorder = match round % 2 {
            0 => recorder,
            _ => recorder.spool(SqliteSpool::open(spool.to_str().unwrap()).await.unwrap()),
        };
        let recorder = recorder.start().await.unwrap();
        let (done, uncounted) = shut_down(round, recorder, 1 + chance(seed + round, 1_000)).await;
        assert!(!done.kept.is_empty(), "round {round}");
        all.kept.extend(done.kept);
        all.other.extend(done.other);
        all.refused.extend(done.refused);
        lost += uncounted;
    }
    let entries = log::entries(&Reader::new(store)).await;
    let events = entries.iter().map(audit_core::store::Entry::event);
    let in_log: BTreeSet<Uuid> = events
        .filter(|event| event["action"] == "order.place")
        .map(|event| log::text(&event, "/id").parse().unwrap())
        .collect();
    let missing = |of: &BTreeSet<Uuid>| of.difference(&in_log).count();
    println!(
        "seed {seed}: {} shutdowns; {} events accepted before, {} later, of which {lost} were lost; {} refused",
        rounds(),
        all.kept.len(),
        all.other.len(),
        all.refused.len(),
    );
    assert_eq!(missing(&all.kept), 0, "accepted, with AUDIT_SEED={seed}");
    assert_eq!(u64::try_from(missing(&all.other)).unwrap(), lost, "AUDIT_SEED={seed}");
    assert!(all.refused.is_disjoint(&in_log), "AUDIT_SEED={seed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_accepted_before_a_shutdown_is_in_the_log_of_a_file() {
    let database = sqlite_database::Database::new().await.unwrap();
    assert_drained(database.store().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_accepted_before_a_shutdown_is_in_the_log_of_a_server() {
    let Some(database) = postgres_database::Database::new().await else { return };
    assert_drained(database.store().await).await;
}
