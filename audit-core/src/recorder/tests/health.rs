//! What a recorder says of itself.

use std::time::Duration;

use tokio::time::sleep;

use super::faulty::FaultyStore;
use super::faulty_spool::FaultySpool;
use super::{builder, stop};
use crate::event::Event;

#[tokio::test(start_paused = true)]
async fn a_recorder_says_that_it_is_behind_since_when_and_why_until_it_is_not() {
    let (store, spool) = (FaultyStore::default(), FaultySpool::default());
    let recorder = builder(&store).spool(spool.clone()).start().await.unwrap();
    assert!(recorder.health().is_good());
    recorder.record_durable(Event::builder("a.b")).await.unwrap();
    let good = recorder.health();
    assert!(good.is_good() && good.last_append.is_some() && good.last_error.is_none());
    // The first is its own word that it begins.
    assert_eq!((good.appended, good.spooled, good.lost), (2, 0, 0));

    store.be_unavailable(usize::MAX);
    for _ in 0..3 {
        recorder.record_durable(Event::builder("a.b")).await.unwrap();
    }
    let behind = recorder.health();
    assert!(!behind.is_good());
    assert_eq!((behind.appended, behind.spooled), (2, 3));
    assert!(behind.last_error.unwrap().contains("reach the database"));
    assert!(behind.behind_since.is_some());

    store.be_unavailable(0);
    sleep(Duration::from_secs(5)).await;
    let good = recorder.health();
    assert!(good.is_good(), "{good:?}");
    assert_eq!((good.appended, good.spooled, good.lost), (5, 0, 0));
    stop(&recorder).await;
}

#[tokio::test(start_paused = true)]
async fn places_of_the_queue_and_losses_are_counted() {
    let store = FaultyStore::default();
    let recorder = builder(&store).queue_capacity(4).start().await.unwrap();
    store.hang(true);
    for _ in 0..20 {
        recorder.record(Event::builder("a.b")).await;
    }
    let full = recorder.health();
    assert_eq!((full.queue_used, full.queue_capacity), (4, 4));
    assert!(!full.is_good());
    assert!(full.lost >= 10, "{full:?}");
    store.hang(false);
    stop(&recorder).await;
    let after = recorder.health();
    assert_eq!(after.appended + after.lost, 23, "twenty, the gap event, first and last word");
}
