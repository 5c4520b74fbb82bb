//! The same again: repeated, contradicted, at the same time, and dropped half-way.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use tokio::task::JoinSet;

use super::{appended, at, encoded, leaves, log, whole};
use crate::event::Event;
use crate::store::{Leaf, Placement, Store};

pub async fn a_repeated_leaf_answers_with_its_old_index(store: Arc<dyn Store>) {
    let log = log(&store).await;
    let batch = leaves(10);
    store.append(log, &batch, at(0)).await.unwrap();
    let head = store.head(log).await.unwrap();

    let again = store.append(log, &batch[3..6], at(1)).await.unwrap();
    assert_eq!(again.placements, [3, 4, 5].map(Placement::Repeated));
    assert_eq!(store.head(log).await.unwrap(), head);

    let mut mixed = leaves(1);
    mixed.push(batch[9].clone());
    let mixed = store.append(log, &mixed, at(2)).await.unwrap();
    assert_eq!(mixed.placements, [Placement::Appended(10), Placement::Repeated(9)]);
    assert_eq!(whole(&*store, log).await.len(), 11);
}

pub async fn other_content_under_a_used_id_is_a_conflict_and_changes_nothing(
    store: Arc<dyn Store>,
) {
    let log = log(&store).await;
    let first = leaves(3);
    store.append(log, &first, at(0)).await.unwrap();
    let before = (store.head(log).await.unwrap(), whole(&*store, log).await);

    let id = first[1].columns.event_id;
    let forged = encoded(Event::builder("invoice.refund").id(id), 9);
    let answer = store.append(log, &[forged], at(1)).await.unwrap();
    assert_eq!(answer.placements, [Placement::Conflict(1, first[1].hash)]);
    assert_eq!((store.head(log).await.unwrap(), whole(&*store, log).await), before);
}

pub async fn a_leaf_that_is_twice_in_a_batch_is_appended_once(store: Arc<dyn Store>) {
    let log = log(&store).await;
    let [one, two]: [Leaf; 2] = leaves(2).try_into().unwrap();
    let forged = encoded(Event::builder("invoice.refund").id(one.columns.event_id), 9);
    let hash = one.hash;
    let answer = store.append(log, &[one.clone(), one, forged, two], at(0)).await.unwrap();
    let expected = [
        Placement::Appended(0),
        Placement::Repeated(0),
        Placement::Conflict(0, hash),
        Placement::Appended(1),
    ];
    assert_eq!(answer.placements, expected);
    assert_eq!(whole(&*store, log).await.len(), 2);
}

pub async fn eight_appenders_make_one_dense_log(store: Arc<dyn Store>) {
    let log = log(&store).await;
    let mut tasks = JoinSet::new();
    for _ in 0..8 {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            let mut indices = Vec::new();
            for batch in leaves(60).chunks(6) {
                indices
                    .extend(appended(&store.append(log, batch, at(0)).await.unwrap().placements));
            }
            indices
        });
    }
    let mut indices: Vec<u64> = tasks.join_all().await.into_iter().flatten().collect();
    indices.sort_unstable();
    assert!(indices.into_iter().eq(0..480));
    assert_eq!(whole(&*store, log).await.len(), 480);
}

pub async fn an_append_that_is_dropped_anywhere_is_done_wholly_or_not_at_all(
    store: Arc<dyn Store>,
) {
    let log = log(&store).await;
    let mut sent = Vec::new();
    // The future is dropped after its first step, its second, and so on, until it has none left: once
    // while the database is still at it, once when the database has done it and nobody has looked yet.
    for waits in [false, true] {
        for steps in 0.. {
            // 77 entries go in pieces of four sizes; now and then they end a tile.
            let batch = leaves(77);
            let append = store.append(log, &batch, at(0));
            let finished = dropped_after(steps, waits, append).await.is_some();
            // Somebody else may come before the second try.
            let other = leaves(steps % 2);
            store.append(log, &other, at(0)).await.unwrap();
            let again = store.append(log, &batch, at(0)).await.unwrap();
            let is_old = |placement: &&Placement| matches!(placement, Placement::Repeated(_));
            let old = again.placements.iter().filter(is_old).count();
            assert!(old == 0 && !finished || old == 77, "{old} after {steps} steps");
            sent.extend(batch.iter().chain(&other).map(|leaf| Some(leaf.hash)));
            if finished {
                break;
            }
        }
    }
    let mut there: Vec<_> = whole(&*store, log).await.iter().map(|row| row.leaf).collect();
    there.sort_unstable();
    sent.sort_unstable();
    assert_eq!(there, sent);
}

/// Takes so many steps of a future; nothing where that is not all of them.
async fn dropped_after<T>(steps: u64, waits: bool, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut left = steps;
    poll_fn(|context| {
        let Some(fewer) = left.checked_sub(1) else {
            return Poll::Ready(None);
        };
        left = fewer;
        match future.as_mut().poll(context) {
            Poll::Pending if left == 0 && !waits => Poll::Ready(None),
            polled => polled.map(Some),
        }
    })
    .await
}
