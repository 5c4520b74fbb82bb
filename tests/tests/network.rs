//! A bad network between a recorder and its database, under load: with a spool nothing is lost or doubled, nobody waits for
//! long, and what waits does so on the disk and not in memory.
#![cfg(test)]

#[path = "support/load.rs"]
mod load;
#[path = "support/log.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod log;
#[path = "support/memory.rs"]
mod memory;
#[path = "support/postgres.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod postgres_database;
#[path = "support/proxy.rs"]
mod proxy;

use std::str::FromStr as _;
use std::time::Duration;

use audit_core::Recorder;
use audit_core::recorder::DEFAULT_DEADLINE;
use audit_core::store::{PostgresStore, SqliteSpool};
use load::{Load, seconds};
use postgres_database::Database;
use proxy::{Proxy, Way};
use sqlx::postgres::PgConnectOptions;
use test_postgres::Server;

/// What the tests of transactions need beside.
const TABLES: &str = "SELECT 1";

/// Bytes that each event has beside what it must have.
const WEIGHT: usize = 2_000;

/// MiB that the load may add: 8,192 events in the queue, and 4,096 that were taken out of it, those as events and encoded,
/// make 16,384 times 3 KiB, which are 48; a statement has 4 MiB of them, in buffers that double; the rest is for SQLite and
/// the allocator. What passes through is more, so that it cannot all be kept in memory.
const MOST_MEMORY: u64 = 96;

/// Lets a time pass, and looks whether the queue keeps to its places. Says how many it had taken at the most.
async fn meanwhile(recorder: &Recorder, time: Duration) -> usize {
    let mut most = 0;
    let watch = async {
        loop {
            let health = recorder.health();
            assert!(health.queue_used <= health.queue_capacity, "{health:?}");
            most = most.max(health.queue_used);
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let _ = tokio::time::timeout(time, watch).await;
    most
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_are_cut_slow_or_dead_cost_no_event_and_no_caller_more_than_the_deadline()
{
    if postgres_database::server().is_none() {
        return;
    }
    let server = Server::start().unwrap();
    let database = Database::on(&server.url("postgres")).await;
    let near = PgConnectOptions::from_str(&database.url).unwrap();
    let socket = near.get_socket().unwrap().join(format!(".s.PGSQL.{}", near.get_port()));
    let proxy = Proxy::to(socket).await;
    let far = format!(
        "postgres://{}@{}/{}",
        near.get_username(),
        proxy.address,
        near.get_database().unwrap()
    );
    let folder = tempfile::tempdir().unwrap();
    let spool = folder.path().join("spool.db");
    let spool = SqliteSpool::open(spool.to_str().unwrap()).await.unwrap();
    let recorder = Recorder::builder(PostgresStore::open(&far).await.unwrap());
    let recorder = recorder.origin("test.example/audit").spool(spool).start().await.unwrap();

    let (before, _) = memory::resident();
    let load = Load::start(&recorder, WEIGHT);
    let faults = [
        (Way::Open, Duration::from_secs(1)),
        (Way::Cut, seconds(3)),
        (Way::Open, Duration::from_secs(2)),
        (Way::Delayed(Duration::from_millis(300)), seconds(4)),
        (Way::Open, Duration::from_secs(2)),
        // Slow enough for the log to be behind, and fast enough for it to go on.
        (Way::Throttled(1 << 20), seconds(9)),
        (Way::Throttled(1 << 20), seconds(5)),
        // Longer than the deadline.
        (Way::Swallowed, seconds(7)),
        (Way::Open, Duration::from_secs(2)),
    ];
    let mut last = Way::Cut;
    for (way, time) in faults {
        proxy.set(way);
        let appended = recorder.health().appended;
        let most = meanwhile(&recorder, time).await;
        let mut health = recorder.health();
        // On a busy machine a slow way takes longer to be known.
        for _ in 0..30 {
            if way != last || health.appended > appended {
                break;
            }
            meanwhile(&recorder, Duration::from_secs(1)).await;
            health = recorder.health();
        }
        eprintln!(
            "{way:?} for {time:?}: {} appended, then {} in the spool; at most {most} in the queue",
            health.appended - appended,
            health.spooled
        );
        // That it was as bad as it should be: what comes waits, on the disk, or as yet in memory.
        assert!(way == Way::Open || health.spooled > 0 || most > 1_000, "{way:?}: {health:?}");
        // A slow way is a way, once it is known how slow.
        assert!(way != last || health.appended > appended, "{way:?}: {health:?}");
        last = way;
    }
    let done = load.end().await;
    let (_, peak) = memory::resident();
    load::brought_in(&recorder).await;
    let events = log::events(&recorder).await;
    let longest = done.longest;
    eprintln!(
        "{} events, {} MiB; the longest wait was {longest:?}; {before} MiB before, {peak} at the most",
        events.len(),
        (events.len() * WEIGHT) >> 20
    );
    assert!(longest <= DEFAULT_DEADLINE + Duration::from_millis(500), "{longest:?}");
    assert!(peak - before <= MOST_MEMORY, "{before} MiB before, {peak} at the most");
    load::assert_all_in_order(&events, &done);
}
