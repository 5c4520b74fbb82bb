use std::sync::Arc;

use tempfile::TempDir;

use super::stranger;
use crate::event::error_text;
use crate::store::{Leaf, Spool as _, SqliteSpool, StoreErrorKind};
use crate::testing::conformance::leaves;

const LOG: &str = "test.example/audit/standard";

async fn open(folder: &TempDir) -> SqliteSpool {
    let file = folder.path().join("spool.db");
    SqliteSpool::open_with_limit(file.to_str().unwrap(), 1 << 20).await.unwrap()
}

async fn put(spool: &SqliteSpool, origin: &str, leaves: &[Leaf]) {
    let origin: Arc<str> = origin.into();
    let events: Vec<_> = leaves.iter().map(|leaf| (Arc::clone(&origin), &leaf.event)).collect();
    spool.put(&events).await.unwrap();
}

#[tokio::test]
async fn events_come_back_as_they_were_in_their_order_and_after_a_restart() {
    let folder = TempDir::new().unwrap();
    let leaves = leaves(700);
    let spool = open(&folder).await;
    put(&spool, "other.example/audit/standard", &leaves[..3]).await;
    put(&spool, LOG, &leaves).await;
    drop(spool);
    let spool = open(&folder).await;
    assert_eq!(spool.count("test.example/audit/").await.unwrap(), 700);
    let rows = spool.first("test.example/audit/", 600).await.unwrap();
    assert_eq!(rows.len(), 600);
    for (row, leaf) in rows.iter().zip(&leaves) {
        assert_eq!((&*row.origin, row.event.id), (LOG, leaf.event.id));
        assert_eq!((&row.event.canon, &row.event.class), (&leaf.event.canon, &leaf.event.class));
        assert_eq!(row.event.openings, leaf.event.openings);
    }
    let keys: Vec<_> = rows.iter().map(|row| row.key).collect();
    spool.remove(&keys).await.unwrap();
    assert_eq!(spool.first("test.example/audit/", 600).await.unwrap().len(), 100);
    // A name is no pattern.
    assert_eq!(spool.count("%").await.unwrap(), 0);
    assert_eq!(spool.count("").await.unwrap(), 103);
}

#[tokio::test]
async fn what_finds_no_room_is_refused_as_a_whole_and_room_is_used_again() {
    let folder = TempDir::new().unwrap();
    let spool = open(&folder).await;
    let leaves = leaves(500);
    let mut puts = 0;
    let error = loop {
        let origin: Arc<str> = LOG.into();
        let events: Vec<_> = leaves.iter().map(|leaf| (Arc::clone(&origin), &leaf.event)).collect();
        match spool.put(&events).await {
            Ok(()) => puts += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(error_text(&error).contains("the disk is full"), "{}", error_text(&error));
    assert!(puts > 0);
    assert_eq!(spool.count(LOG).await.unwrap(), puts * 500);
    let rows = spool.first(LOG, 500).await.unwrap();
    spool.remove(&rows.iter().map(|row| row.key).collect::<Vec<_>>()).await.unwrap();
    put(&spool, LOG, &leaves).await;
}

#[tokio::test]
async fn a_file_that_cannot_be_used_is_said_at_once() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("no.db");
    std::fs::write(&file, "this is no database, and it is long enough to be looked at").unwrap();
    for path in [file.to_str().unwrap(), "/nowhere/spool.db", ":memory:"] {
        let error = SqliteSpool::open(path).await.unwrap_err();
        assert!(error_text(&error).contains(path), "{}", error_text(&error));
    }
    // A file of the application's own is good enough.
    drop(stranger(&folder).await);
    SqliteSpool::open(folder.path().join("audit.db").to_str().unwrap()).await.unwrap();
}
