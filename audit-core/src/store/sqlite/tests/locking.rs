//! Several who write to one file.

use std::time::Instant;

use tokio::task::JoinSet;

use super::*;
use crate::store::StoreErrorKind;
use crate::testing::conformance::{appended, whole};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_stores_on_one_file_make_one_dense_log() {
    let (one, folder) = new_store().await;
    let two = open(&file_in(&folder)).await;
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

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_file_can_be_opened_by_many_at_once() {
    for _ in 0..5 {
        let folder = TempDir::new().unwrap();
        let mut tasks = JoinSet::new();
        for _ in 0..8 {
            let file = file_in(&folder);
            tasks.spawn(async move {
                let store = open(&file).await;
                store.open_log("test/audit/standard", "standard").await.unwrap()
            });
        }
        let logs = tasks.join_all().await;
        assert_eq!(logs, [LogId::of("test/audit/standard"); 8]);
    }
}

#[expect(clippy::disallowed_methods, reason = "SQLite waits by the machine's clock")]
#[tokio::test]
async fn an_open_write_transaction_of_the_application_makes_an_append_fail_in_time() {
    let (_store, log, folder) = store_of(3).await;
    let store = open_impatient(&file_in(&folder)).await;
    let mut application = stranger(&folder).await;
    execute(&mut application, "CREATE TABLE invoice (id); BEGIN; INSERT INTO invoice VALUES (1)")
        .await
        .unwrap();

    let start = Instant::now();
    let refused = store.append(log, &leaves(1), at(0)).await.unwrap_err();
    assert!(start.elapsed() < Duration::from_secs(4));
    assert_eq!(refused.kind(), StoreErrorKind::Locked);
    assert!(told(&refused, &file_in(&folder)).contains("database is locked"));
    let refused = store.open_log("test/other", "standard").await.unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::Locked);

    // Reading goes on, and so does opening, where there is nothing to migrate.
    assert_eq!(store.read(log, 0, 10).await.unwrap().len(), 3);
    let another = open_impatient(&file_in(&folder)).await;
    assert_eq!(another.read(log, 0, 10).await.unwrap().len(), 3);

    execute(&mut application, "COMMIT").await.unwrap();
    store.append(log, &leaves(1), at(0)).await.unwrap();
    let kept: i64 = sqlx::query_scalar("SELECT count(*) FROM invoice")
        .fetch_one(&mut application)
        .await
        .unwrap();
    assert_eq!(kept, 1);
}

#[tokio::test]
async fn opening_waits_for_the_lock_that_switches_the_files_mode() {
    let folder = TempDir::new().unwrap();
    let mut application = stranger(&folder).await;
    let write = "CREATE TABLE invoice (id); BEGIN; INSERT INTO invoice VALUES (1)";
    execute(&mut application, write).await.unwrap();
    let commit = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        execute(&mut application, "COMMIT").await.unwrap();
    };
    let file = file_in(&folder);
    tokio::join!(open(&file), commit);

    let folder = TempDir::new().unwrap();
    let mut application = stranger(&folder).await;
    execute(&mut application, write).await.unwrap();
    let file = file_in(&folder);
    let waiting = Duration::from_millis(50);
    let opened = SqliteStore::open_waiting(file.to_str().unwrap(), waiting).await;
    let refused = opened.unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::Locked);
    assert!(told(&refused, &file).contains("database is locked"));
}

#[tokio::test]
async fn an_append_waits_for_a_short_transaction_of_the_application() {
    let (store, log, folder) = store_of(3).await;
    let mut application = stranger(&folder).await;
    execute(&mut application, "CREATE TABLE invoice (id); BEGIN; INSERT INTO invoice VALUES (1)")
        .await
        .unwrap();
    let batch = leaves(1);
    let append = store.append(log, &batch, at(0));
    let commit = async {
        tokio::time::sleep(Duration::from_millis(100)).await;
        execute(&mut application, "COMMIT").await.unwrap();
    };
    let (appended, ()) = tokio::join!(append, commit);
    assert_eq!(appended.unwrap().placements.len(), 1);
}

#[tokio::test]
async fn a_store_can_be_dropped_outside_of_its_runtime_in_the_middle_of_an_append() {
    let (store, log, folder) = store_of(3).await;
    let batch = leaves(50);
    let again = batch.clone();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let mut append = Box::pin(async move { store.append(log, &batch, at(0)).await });
        runtime.block_on(async {
            let mut polled = false;
            std::future::poll_fn(|context| {
                if !polled {
                    polled = true;
                    assert!(append.as_mut().poll(context).is_pending());
                    context.waker().wake_by_ref();
                    return std::task::Poll::Pending;
                }
                std::task::Poll::Ready(())
            })
            .await;
        });
        drop(runtime);
        drop(append);
    })
    .join()
    .unwrap();
    let store = open(&file_in(&folder)).await;
    store.append(log, &again, at(0)).await.unwrap();
    assert_eq!(whole(&store, log).await.len(), 53);
}
