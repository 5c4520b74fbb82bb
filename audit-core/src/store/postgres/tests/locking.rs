//! Several who write to one database.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::timeout;

use super::*;
use crate::event::Event;
use crate::store::{Outbox as _, StoreErrorKind};
use crate::testing::conformance::{appended, encoded, whole};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_stores_on_one_log_make_one_dense_log() {
    let Some((one, database)) = new_store().await else { return };
    let two = database.store().await;
    let mut tasks = JoinSet::new();
    for task in 0..8 {
        let store = if task % 2 == 0 { one.clone() } else { two.clone() };
        tasks.spawn(async move {
            let log = store.open_log("test/audit/standard", "standard").await.unwrap();
            let mut indices = Vec::new();
            for batch in leaves(100).chunks(7) {
                indices
                    .extend(appended(&store.append(log, batch, at(0)).await.unwrap().placements));
            }
            indices
        });
    }
    let mut indices: Vec<u64> = tasks.join_all().await.into_iter().flatten().collect();
    indices.sort_unstable();
    assert!(indices.into_iter().eq(0..800));
    let [log] = two.logs().await.unwrap().try_into().unwrap();
    assert_eq!(whole(&one, log.id).await.len(), 800);
}

#[tokio::test]
async fn an_open_transaction_of_the_application_does_not_hold_up_an_append() {
    let Some((store, log, database)) = store_of(3).await else { return };
    let mut application = database.stranger().await;
    let begin = "CREATE TABLE invoice (id int); BEGIN; INSERT INTO invoice VALUES (1)";
    execute(&mut application, begin).await.unwrap();
    let event = encoded(Event::builder("invoice.pay"), 1).event;
    application.put("test/audit/standard", &event).await.unwrap();

    // Less than the time after which a lock is given up.
    let batch = leaves(1);
    let append = timeout(Duration::from_secs(2), store.append(log, &batch, at(0)));
    append.await.unwrap().unwrap();
    assert!(store.outbox(0, 10).await.unwrap().is_empty(), "seen before it was committed");
    let open = store.open_log("test/other", "standard");
    timeout(Duration::from_secs(2), open).await.unwrap().unwrap();

    execute(&mut application, "COMMIT").await.unwrap();
    let [row] = store.outbox(0, 10).await.unwrap().try_into().unwrap();
    assert_eq!((row.log, row.event.canon), (log, event.canon));
}

#[tokio::test]
async fn a_head_that_somebody_else_holds_is_given_up_in_time() {
    let Some((store, log, database)) = store_of(3).await else { return };
    let mut holder = database.stranger().await;
    execute(&mut holder, "BEGIN; SELECT * FROM audit.log FOR UPDATE").await.unwrap();
    let batch = leaves(1);
    let append = timeout(Duration::from_secs(20), store.append(log, &batch, at(0)));
    let refused = append.await.unwrap().unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::Unavailable);
    let text = database.told(&refused);
    assert!(text.contains("somebody else holds the lock"), "{text}");

    // Reading goes on, and so does opening, where there is nothing to migrate.
    assert_eq!(store.read(log, 0, 10).await.unwrap().len(), 3);
    assert_eq!(database.store().await.read(log, 0, 10).await.unwrap().len(), 3);

    execute(&mut holder, "ROLLBACK").await.unwrap();
    store.append(log, &leaves(1), at(0)).await.unwrap();
    assert_eq!(whole(&store, log).await.len(), 4);
}

#[tokio::test]
async fn an_append_waits_for_whoever_holds_the_head_for_a_moment() {
    let Some((store, log, database)) = store_of(3).await else { return };
    let mut holder = database.stranger().await;
    execute(&mut holder, "BEGIN; SELECT * FROM audit.log FOR UPDATE").await.unwrap();
    let batch = leaves(1);
    let append = store.append(log, &batch, at(0));
    let release = async {
        let mut other = database.stranger().await;
        let waiting = "SELECT count(*) FROM pg_stat_activity \
                       WHERE wait_event_type = 'Lock' AND datname = current_database()";
        while sqlx::query_scalar::<_, i64>(waiting).fetch_one(&mut other).await.unwrap() == 0 {}
        execute(&mut holder, "COMMIT").await.unwrap();
    };
    let (appended, ()) = tokio::join!(append, release);
    assert_eq!(appended.unwrap().placements.len(), 1);
}

#[tokio::test]
async fn a_store_can_be_dropped_outside_of_its_runtime_in_the_middle_of_an_append() {
    let Some((store, log, database)) = store_of(3).await else { return };
    let batch = leaves(50);
    let again = batch.clone();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut append = Box::pin(async move { store.append(log, &batch, at(0)).await });
        runtime.block_on(async {
            std::future::poll_fn(|context| {
                assert!(append.as_mut().poll(context).is_pending());
                std::task::Poll::Ready(())
            })
            .await;
        });
        drop(runtime);
        drop(append);
    })
    .join()
    .unwrap();
    let store = database.store().await;
    store.append(log, &again, at(0)).await.unwrap();
    assert_eq!(whole(&store, log).await.len(), 53);
}
