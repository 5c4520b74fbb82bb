//! A server that goes away, and one that cannot do what it should.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::try_join_all;
use tokio::sync::Notify;
use tokio::task::{JoinSet, block_in_place};
use tokio::time::{Instant, sleep, timeout};

use super::*;
use crate::event::Event;
use crate::recorder::{Recorder, RecorderBuilder};
use crate::store::postgres::open::Source;
use crate::store::{Reader, StoreErrorKind};
use crate::testing::conformance::whole;
use crate::verify::verify;

const ORIGIN: &str = "test.example/audit";

fn recorder(store: &PostgresStore) -> RecorderBuilder {
    Recorder::builder(store.clone()).origin(ORIGIN).deadline(Duration::from_secs(60))
}

/// Stops a recorder, and makes sure that its log verifies and holds these events and no others, each once.
async fn holds(store: &PostgresStore, recorder: &Recorder, mut ids: Vec<Uuid>) {
    recorder.shutdown(Duration::from_secs(60)).await.unwrap();
    let log = LogId::of(&format!("{ORIGIN}/standard"));
    let rows = whole(store, log).await;
    let mut there: Vec<_> = rows.iter().map(|row| row.columns.as_ref().unwrap().event_id).collect();
    there.sort_unstable();
    ids.sort_unstable();
    assert_eq!(there, ids);
    let report = verify(&Reader::new(store.clone())).await.unwrap();
    assert!(report.is_clean(), "{report}");
}

fn new_id() -> Uuid {
    Uuid::from_u128(rand::random())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_twice_under_load_costs_no_event_and_doubles_none() {
    const TASKS: u64 = 8;
    const EACH: u64 = 250;
    let Some(mut server) = own_server() else { return };
    let store = PostgresStore::open(&server.url("postgres")).await.unwrap();
    let recorder = recorder(&store).start().await.unwrap();
    let (done, progress) = (Arc::new(AtomicU64::new(0)), Arc::new(Notify::new()));
    let mut tasks = JoinSet::new();
    for _ in 0..TASKS {
        let recorder = recorder.clone();
        let (done, progress) = (Arc::clone(&done), Arc::clone(&progress));
        tasks.spawn(async move {
            let mut ids = Vec::new();
            for _ in 0..EACH {
                let id = new_id();
                recorder.record_durable(Event::builder("invoice.pay").id(id)).await.unwrap();
                ids.push(id);
                done.fetch_add(1, Ordering::SeqCst);
                progress.notify_one();
            }
            ids
        });
    }
    for killed_at in [400, 1_200] {
        while done.load(Ordering::SeqCst) < killed_at {
            progress.notified().await;
        }
        block_in_place(|| server.kill().unwrap());
        assert!(done.load(Ordering::SeqCst) < TASKS * EACH, "it was killed after the end");
        block_in_place(|| server.start_again().unwrap());
    }
    let ids = tasks.join_all().await.concat();
    assert_eq!(ids.len(), 2_000);
    holds(&store, &recorder, ids).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn buffered_events_wait_while_the_server_is_away_and_arrive_afterwards() {
    let Some(mut server) = own_server() else { return };
    let store = PostgresStore::open(&server.url("postgres")).await.unwrap();
    let recorder = recorder(&store).start().await.unwrap();
    block_in_place(|| server.stop().unwrap());
    let refused = store.head(LogId(1)).await.unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::Unavailable);
    assert!(error_text(&refused).contains("the server is out of reach"), "{refused:?}");
    let mut ids = Vec::new();
    for _ in 0..50 {
        ids.push(new_id());
        recorder.record(Event::builder("user.login").id(ids[ids.len() - 1])).await;
    }
    let early = recorder.shutdown(Duration::from_millis(200)).await.unwrap_err();
    assert_eq!(early.left, 50);
    block_in_place(|| server.start_again().unwrap());
    holds(&store, &recorder, ids).await;
}

#[tokio::test]
async fn a_session_that_the_server_ends_is_replaced() {
    let Some((store, log, database)) = store_of(3).await else { return };
    store.read(log, 0, 1).await.unwrap();
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
               WHERE datname = current_database() AND pid <> pg_backend_pid()";
    let mut connection = database.stranger().await;
    for _ in 0..3 {
        // Each has a connection of its own, and whoever only reads does not notice.
        let reads = [0, 1, 2].map(|from| store.read(log, from, 10));
        let rows = try_join_all(reads).await.unwrap();
        assert_eq!(rows.iter().map(Vec::len).collect::<Vec<_>>(), [3, 2, 1]);
        execute(&mut connection, end).await.unwrap();
    }
    // Whoever writes may, once: whether it was done is not known, and trying again finds out.
    execute(&mut connection, end).await.unwrap();
    let batch = leaves(5);
    if let Err(error) = store.append(log, &batch, at(0)).await {
        assert_eq!(error.kind(), StoreErrorKind::Unavailable, "{}", error_text(&error));
        store.append(log, &batch, at(0)).await.unwrap();
    }
    assert_eq!(whole(&store, log).await.len(), 8);
}

#[tokio::test]
async fn what_the_server_refuses_is_not_asked_again() {
    let Some((store, log, database)) = store_of(3).await else { return };
    // By a connection that lay idle.
    store.read(log, 0, 1).await.unwrap();
    let mut connection = database.stranger().await;
    execute(&mut connection, "BEGIN; LOCK TABLE audit.entry IN ACCESS EXCLUSIVE MODE")
        .await
        .unwrap();
    let begun = Instant::now();
    let refused = store.read(log, 0, 1).await.unwrap_err();
    assert!(error_text(&refused).contains("somebody else holds the lock"), "{refused:?}");
    // That is what a session waits for a lock: twice would be 6.
    assert!(begun.elapsed() < Duration::from_secs(6), "{:?}", begun.elapsed());
    execute(&mut connection, "ROLLBACK").await.unwrap();
    assert_eq!(store.read(log, 0, 10).await.unwrap().len(), 3);
}

#[tokio::test]
async fn what_nobody_waits_for_any_more_is_ended_by_the_server() {
    let Some((store, log, database)) = store_of(3).await else { return };
    database
        .meddle(
            "ALTER TABLE audit.log RENAME TO slow; \
             CREATE VIEW audit.log AS SELECT * FROM audit.slow WHERE pg_sleep(50)::text IS NOT NULL",
        )
        .await;
    let mut connection = database.stranger().await;
    if let Err(error) =
        execute(&mut connection, "SET client_connection_check_interval = '1s'").await
    {
        eprintln!("this server does not look who is there: {error}");
        return;
    }
    tokio::select! {
        head = store.head(log) => panic!("it did not wait: {head:?}"),
        () = asleep(&mut connection, "1") => {}
    }
    timeout(Duration::from_secs(20), asleep(&mut connection, "0")).await.unwrap();
}

/// Waits until so many sessions of a database sleep.
async fn asleep(connection: &mut PgConnection, sessions: &str) {
    let count = "SELECT count(*)::text FROM pg_stat_activity \
                 WHERE datname = current_database() AND wait_event = 'PgSleep'";
    while sqlx::query_scalar::<_, String>(count).fetch_one(&mut *connection).await.unwrap()
        != sessions
    {
        sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test]
async fn a_role_that_lacks_a_right_is_denied_with_advice() {
    let Some((_, log, database)) = store_of(3).await else { return };
    let role = format!("{}_nobody", database.name);
    database.meddle(&format!("CREATE ROLE {role} LOGIN")).await;
    let opened = PostgresStore::open_with(database.options_of(&role)).await.unwrap_err();
    let store = PostgresStore::of(Source::of(database.options_of(&role)));
    let appended = store.append(log, &leaves(1), at(0)).await.unwrap_err();
    let empty = Database::new().await.unwrap();
    let made = PostgresStore::open_with(empty.options_of(&role)).await.unwrap_err();
    empty.told(&made);
    for error in [opened, appended, made] {
        assert_eq!(error.kind(), StoreErrorKind::Denied, "{}", error_text(&error));
        assert!(error_text(&error).contains("`audit db roles` grants"), "{error:?}");
    }
}

#[tokio::test]
async fn a_database_that_can_only_be_read_is_unavailable_with_advice() {
    let Some(database) = Database::new().await else { return };
    let read_only = "SET default_transaction_read_only = on";
    database.meddle(&format!("ALTER DATABASE {} {read_only}", database.name)).await;
    let refused = PostgresStore::open(&database.url).await.unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::Unavailable);
    let text = database.told(&refused);
    assert!(text.contains("it can only be read, connect to the primary server"), "{text}");
}

/// Raised by a trigger: a disk of a test's own would need the right to mount one.
#[tokio::test]
async fn what_the_server_has_no_room_for_waits_until_it_has() {
    let Some((store, database)) = new_store().await else { return };
    let recorder = recorder(&store).start().await.unwrap();
    let full = "CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = '53100'; END $$;
        CREATE TRIGGER full_disk BEFORE INSERT ON audit.entry EXECUTE FUNCTION full_disk()";
    database.meddle(full).await;
    let log = LogId::of(&format!("{ORIGIN}/standard"));
    let refused = store.append(log, &leaves(1), at(0)).await.unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::Unavailable);
    let text = database.told(&refused);
    assert!(text.contains(": the server's disk is full"), "{text}");

    let ids: BTreeSet<_> = (0..20).map(|_| new_id()).collect();
    for &id in &ids {
        recorder.record(Event::builder("user.login").id(id)).await;
    }
    let early = recorder.shutdown(Duration::from_millis(200)).await.unwrap_err();
    assert_eq!(early.left, 20);
    database.meddle("DROP TRIGGER full_disk ON audit.entry").await;
    holds(&store, &recorder, ids.into_iter().collect()).await;
}

#[tokio::test]
async fn a_database_that_can_only_be_read_is_told_as_such_and_taken_up_again() {
    let Some((store, database)) = new_store().await else { return };
    let log = store.open_log(ORIGIN, "standard").await.unwrap();
    store.close().await;
    let switch = async |to: &str| {
        let alter =
            format!("ALTER DATABASE {} SET default_transaction_read_only = {to}", database.name);
        let mut owner = database.stranger().await;
        execute(&mut owner, "SET default_transaction_read_only = off").await.unwrap();
        execute(&mut owner, &alter).await.unwrap();
    };
    switch("on").await;
    for refused in [
        store.append(log, &leaves(1), at(0)).await.unwrap_err(),
        store.open_log("test/new", "standard").await.unwrap_err(),
    ] {
        assert_eq!(refused.kind(), StoreErrorKind::Unavailable);
        assert!(database.told(&refused).contains("it can only be read"), "{refused}");
    }
    switch("off").await;
    store.close().await;
    store.append(log, &leaves(1), at(0)).await.unwrap();
}
