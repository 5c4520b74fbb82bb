use std::sync::Arc;

use tempfile::TempDir;

use super::stranger;
use crate::event::error_text;
use crate::store::{Held, Leaf, Spool as _, SqliteSpool, StoreErrorKind};
use crate::testing::conformance::leaves;

const LOG: &str = "test.example/audit/standard";

async fn open(folder: &TempDir) -> SqliteSpool {
    let file = folder.path().join("spool.db");
    SqliteSpool::open_with_limit(file.to_str().unwrap(), 1 << 20).await.unwrap()
}

async fn put(spool: &SqliteSpool, origin: &str, leaves: &[Leaf]) {
    let origin: Arc<str> = origin.into();
    let events: Vec<_> = leaves.iter().map(|leaf| (Arc::clone(&origin), &leaf.event)).collect();
    spool.put(of(&origin), &events).await.unwrap();
}

/// The recorder of a log.
fn of(origin: &str) -> &str {
    origin.strip_suffix("/standard").unwrap()
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
    assert_eq!(spool.count(of(LOG), 0).await.unwrap(), 700);
    let rows = spool.first(of(LOG), 0, 600).await.unwrap();
    assert_eq!(rows.len(), 600);
    for (row, leaf) in rows.iter().zip(&leaves) {
        assert_eq!((&*row.origin, row.event.id), (LOG, leaf.event.id));
        assert_eq!((&row.event.canon, &row.event.class), (&leaf.event.canon, &leaf.event.class));
        assert_eq!(row.event.openings, leaf.event.openings);
    }
    let keys: Vec<_> = rows.iter().map(|row| row.key).collect();
    spool.remove(&keys).await.unwrap();
    assert_eq!(spool.first(of(LOG), 0, 600).await.unwrap().len(), 100);
    let last = rows.last().unwrap().key;
    assert_eq!(spool.first(of(LOG), last + 90, 600).await.unwrap().len(), 10);
    assert_eq!(spool.count(of(LOG), last + 90).await.unwrap(), 10);
    // Another name is another recorder, also where it is the beginning of one.
    assert_eq!(spool.count("test.example", 0).await.unwrap(), 0);
    assert_eq!(spool.count("other.example/audit", 0).await.unwrap(), 3);
}

#[tokio::test]
async fn what_is_held_is_in_nobodys_way_also_after_a_restart_until_it_is_released() {
    let folder = TempDir::new().unwrap();
    let (leaves, other) = (leaves(9), "test.example/audit/other");
    let spool = open(&folder).await;
    put(&spool, LOG, &leaves[..3]).await;
    let origin: Arc<str> = other.into();
    spool.put(of(LOG), &[(origin, &leaves[3].event)]).await.unwrap();
    put(&spool, LOG, &leaves[4..]).await;
    let keys = async |spool: &SqliteSpool| {
        let rows = spool.first(of(LOG), 0, 600).await.unwrap();
        assert_eq!(spool.count(of(LOG), 0).await.unwrap(), u64::try_from(rows.len()).unwrap());
        rows.iter().map(|row| row.key).collect::<Vec<_>>()
    };
    let all = keys(&spool).await;
    spool.hold(&[&all[..3], &all[4..6]].concat()).await.unwrap();
    drop(spool);
    let spool = open(&folder).await;
    assert_eq!(keys(&spool).await, [&all[3..4], &all[6..]].concat());
    let held = Held { origin: LOG.to_owned(), class: "standard".to_owned() };
    assert_eq!(spool.held(of(LOG)).await.unwrap(), [held]);
    assert_eq!(spool.held("other.example/audit").await.unwrap(), []);
    assert_eq!(spool.release(of(LOG), other).await.unwrap(), 0);
    assert_eq!(spool.release(of(LOG), LOG).await.unwrap(), 5);
    assert_eq!(keys(&spool).await, all);
    assert_eq!(spool.held(of(LOG)).await.unwrap(), []);
}

#[tokio::test]
async fn what_finds_no_room_is_refused_as_a_whole_and_room_is_used_again() {
    let folder = TempDir::new().unwrap();
    let spool = open(&folder).await;
    // Such that the last of its statements inserts one row: SQLite then rolls back by itself.
    let leaves = leaves(501);
    let mut puts = 0;
    let error = loop {
        let origin: Arc<str> = LOG.into();
        let events: Vec<_> = leaves.iter().map(|leaf| (Arc::clone(&origin), &leaf.event)).collect();
        match spool.put(of(LOG), &events).await {
            Ok(()) => puts += 1,
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(error_text(&error).contains("the disk is full"), "{}", error_text(&error));
    assert!(puts > 0);
    assert_eq!(spool.count(of(LOG), 0).await.unwrap(), puts * 501);
    let rows = spool.first(of(LOG), 0, 501).await.unwrap();
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

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_reads_the_file_and_nothing_stays_in_it() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = TempDir::new().unwrap();
    // Somebody has copied it without a thought.
    let file = folder.path().join("spool.db");
    std::fs::write(&file, "").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o644)).unwrap();
    let spool = open(&folder).await;
    let leaves = leaves(300);
    put(&spool, LOG, &leaves).await;
    let id = leaves[0].event.id.to_string();
    let holds = |name: &str| {
        let bytes = std::fs::read(folder.path().join(name)).unwrap_or_default();
        bytes.windows(id.len()).any(|window| window == id.as_bytes())
    };
    assert!(holds("spool.db-wal"));
    for name in ["spool.db", "spool.db-wal"] {
        let mode = std::fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    let rows = spool.first(of(LOG), 0, 300).await.unwrap();
    spool.remove(&rows.iter().map(|row| row.key).collect::<Vec<_>>()).await.unwrap();
    assert!(!holds("spool.db") && !holds("spool.db-wal"));
}
