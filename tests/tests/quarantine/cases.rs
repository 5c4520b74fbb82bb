//! What happens on each database.

use std::path::Path;
use std::time::Duration;

use audit_core::clock::SystemClock;
use audit_core::recorder::Pending;
use audit_core::signer::{SignError, Signer};
use audit_core::store::{LogId, LogState, Reader, SqliteSpool, Store, continue_log};
use audit_core::verify::verify;
use audit_core::{Event, EventBuilder, NotRecorded, Query, Recorder};
use tempfile::TempDir;

use super::database::{Database, execute};
use super::{Backup, TAMPER};

const STANDARD: &str = "test.example/audit/standard";
const OWN: &str = "test.example/audit/audit";

fn numbered(number: usize) -> EventBuilder {
    Event::builder("a.b").operation_id(number.to_string())
}

/// One of a log that nobody touches.
fn other(number: usize) -> EventBuilder {
    numbered(number).retention("other")
}

async fn signer(store: impl Store, folder: &TempDir) -> Signer {
    Signer::open(Reader::new(store), folder.path().join("signer")).await.unwrap()
}

async fn start(store: impl Store, spool: Option<&Path>) -> Recorder {
    let recorder = Recorder::builder(store).origin("test.example/audit");
    match spool {
        None => recorder.start().await.unwrap(),
        Some(file) => {
            let spool = SqliteSpool::open(file.to_str().unwrap()).await.unwrap();
            recorder.spool(spool).start().await.unwrap()
        }
    }
}

async fn stop(recorder: &Recorder) {
    recorder.shutdown(Duration::from_secs(30)).await.unwrap();
}

async fn size_and_state(store: &impl Store, log: &str) -> (u64, LogState) {
    let head = store.head(LogId::of(log)).await.unwrap();
    (head.frontier.size(), head.state)
}

/// The operations of a log, by index.
async fn operations(reader: &Reader, log: &str) -> Vec<String> {
    let page = reader.search(&Query::new().limit(1_000)).await.unwrap();
    let mut of_log: Vec<_> = page.entries.iter().filter(|entry| &*entry.log == log).collect();
    of_log.sort_by_key(|entry| entry.index);
    let operation = |event: serde_json::Value| Some(event["operation_id"].as_str()?.to_owned());
    of_log.iter().filter_map(|entry| operation(entry.event())).collect()
}

/// Waits until something is so.
async fn until(is_so: impl AsyncFn() -> bool) {
    let waited = tokio::time::timeout(Duration::from_secs(60), async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    });
    waited.await.expect("it has become so");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_was_changed_is_quarantined_and_others_go_on() {
    let Some(database) = Database::new().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let store = database.store().await;
    let mut signer = signer(store.clone(), &folder).await;
    let recorder = start(store.clone(), Some(&folder.path().join("spool.db"))).await;
    for number in 0..5 {
        recorder.record_durable(numbered(number)).await.unwrap();
    }
    recorder.record_durable(other(0)).await.unwrap();
    assert_eq!(signer.sign().await.unwrap().notes.len(), 3);
    for number in 5..10 {
        recorder.record_durable(numbered(number)).await.unwrap();
    }
    execute(&mut database.connect().await, TAMPER).await.unwrap();

    let signed = signer.sign().await.unwrap();
    assert_eq!((signed.notes.len(), signed.unkept.len(), signed.unsaid.len()), (2, 0, 0));
    assert!(matches!(&signed.refused[..], [SignError::Forked { log, .. }] if log == STANDARD));
    assert_eq!(size_and_state(&store, STANDARD).await, (10, LogState::Quarantined));
    let query = Query::new().action("audit.log.quarantined").label("log", STANDARD);
    let said = recorder.reader().search(&query).await.unwrap().entries;
    assert_eq!((said.len(), &*said[0].log), (1, OWN));

    // Buffered and durable ones wait in the spool.
    recorder.record(numbered(10)).await;
    let receipt = recorder.record_durable(numbered(11)).await.unwrap();
    assert_eq!(receipt.index, None);
    // Strict ones are not run.
    let refused = Pending::begin_strict(&recorder, numbered(12)).await.unwrap_err();
    assert!(matches!(refused, NotRecorded::NotRun(_)), "{refused}");
    // A transaction fails, as soon as this is known here, which it is.
    let mut connection = database.connect().await;
    let refused = recorder.record_in(&mut connection, numbered(13)).await.unwrap_err();
    assert!(matches!(refused, NotRecorded::NotInTransaction(_)), "{refused}");
    assert!(recorder.health().closed.contains_key(STANDARD));

    // Nobody else is held up: strict ones, and the outbox.
    let strict = Pending::begin_strict(&recorder, other(1)).await.unwrap();
    assert!(strict.finish_durable().await.unwrap().index.is_some());
    recorder.record_in(&mut connection, other(2)).await.unwrap();
    let moved = async || operations(&recorder.reader(), "test.example/audit/other").await;
    until(async || moved().await.contains(&"2".to_owned())).await;

    continue_log(&store, STANDARD, &SystemClock::new()).await.unwrap();
    let next = format!("{STANDARD}@2");
    until(async || operations(&recorder.reader(), &next).await.len() == 4).await;
    assert_eq!(operations(&recorder.reader(), &next).await, ["10", "11", "12", "12"]);
    recorder.record_in(&mut connection, numbered(14)).await.unwrap();
    until(async || operations(&recorder.reader(), &next).await.len() == 5).await;
    assert_eq!(store.outbox(0, 10).await.unwrap().len(), 0);
    assert_eq!(size_and_state(&store, STANDARD).await, (10, LogState::Frozen));
    stop(&recorder).await;
    // The successor is signed, the old one is not.
    let signed = signer.sign().await.unwrap();
    assert_eq!((signed.notes.len(), signed.refused.len()), (3, 1));
    let report = verify(&Reader::new(store)).await.unwrap();
    let blamed: Vec<_> = report.logs.iter().filter(|log| !log.findings.is_empty()).collect();
    assert!(blamed.iter().all(|log| log.log == STANDARD) && blamed.len() == 1, "{report}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_restore_of_an_old_backup_no_index_is_given_that_was_signed() {
    let Some(database) = Database::new().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let store = database.store().await;
    let mut signing = signer(store.clone(), &folder).await;
    let recorder = start(store.clone(), None).await;
    for number in 0..10 {
        recorder.record_durable(numbered(number)).await.unwrap();
    }
    recorder.record_durable(other(0)).await.unwrap();
    stop(&recorder).await;
    assert!(signing.sign().await.unwrap().refused.is_empty());
    store.close().await;
    let backup = Backup::of(&database).await;

    let store = database.store().await;
    let recorder = start(store.clone(), None).await;
    for number in 10..20 {
        recorder.record_durable(numbered(number)).await.unwrap();
    }
    stop(&recorder).await;
    drop(signing);
    let mut signing = signer(store.clone(), &folder).await;
    assert!(signing.sign().await.unwrap().refused.is_empty());
    drop(signing);
    store.close().await;
    backup.put_back(&database).await;

    // As a service starts.
    let store = database.store().await;
    let mut signing = signer(store.clone(), &folder).await;
    let wrong = signing.check().await.unwrap();
    assert_eq!(wrong.len(), 2, "{wrong:?}");
    let recorder = start(store.clone(), Some(&folder.path().join("spool.db"))).await;
    recorder.record(numbered(20)).await;
    assert_eq!(recorder.record_durable(numbered(21)).await.unwrap().index, None);
    recorder.record_durable(other(1)).await.unwrap();
    let others = async || operations(&recorder.reader(), "test.example/audit/other").await;
    until(async || others().await == ["0", "1"]).await;
    assert_eq!(size_and_state(&store, STANDARD).await, (10, LogState::Quarantined));
    assert_eq!(size_and_state(&store, OWN).await, (2, LogState::Quarantined));
    // Also after another restart, and without a word of the signer.
    stop(&recorder).await;
    let recorder = start(store.clone(), Some(&folder.path().join("spool.db"))).await;
    assert_eq!(size_and_state(&store, OWN).await.0, 2);

    for log in [OWN, STANDARD] {
        continue_log(&store, log, &SystemClock::new()).await.unwrap();
    }
    let next = format!("{STANDARD}@2");
    until(async || operations(&recorder.reader(), &next).await.len() == 2).await;
    assert_eq!(operations(&recorder.reader(), &next).await, ["20", "21"]);
    stop(&recorder).await;
    let signed = signing.sign().await.unwrap();
    assert_eq!((signed.notes.len(), signed.refused.len()), (3, 2), "{signed:?}");
    let report = verify(&Reader::new(store)).await.unwrap();
    assert!(report.is_clean(), "{report}");
}
