//! What is kept of signatures beside a log.

use std::sync::Arc;

use chrono::TimeDelta;

use super::{at, leaves, log};
use crate::merkle::{Hash, leaf_hash};
use crate::store::{Lease, SignedCheckpoint, Store, StoreErrorKind};

fn checkpoint(size: u64, root: Hash, note: &str) -> SignedCheckpoint {
    SignedCheckpoint { size, root, note: note.to_owned(), signed_at: at(9) }
}

pub async fn checkpoints_are_kept_by_size(store: Arc<dyn Store>) {
    let log = log(&store).await;
    let other = store.open_log("test/audit/other", "other").await.unwrap();
    assert_eq!(store.latest_checkpoint(log).await.unwrap(), None);
    assert_eq!(store.checkpoints(log, 0, 10).await.unwrap(), []);
    let note = "test/audit/standard\n..\n\n\u{2014} a b\n";
    let all: Vec<_> = [3, 700, 5, 9].map(|size| checkpoint(size, leaf_hash(b""), note)).into();
    for one in &all {
        store.keep_checkpoint(log, one).await.unwrap();
    }
    let [three, most, five, nine] = &*all else { panic!() };
    let from = async |size, limit| store.checkpoints(log, size, limit).await.unwrap();
    assert_eq!(from(0, 10).await.iter().collect::<Vec<_>>(), [three, five, nine, most]);
    assert_eq!(from(4, 2).await.iter().collect::<Vec<_>>(), [five, nine]);
    assert_eq!(from(9, 1).await.iter().collect::<Vec<_>>(), [nine]);
    assert_eq!(from(701, 10).await, []);
    assert_eq!(from(u64::MAX, 10).await, []);
    assert_eq!(store.latest_checkpoint(log).await.unwrap().as_ref(), Some(most));
    assert_eq!(store.latest_checkpoint(other).await.unwrap(), None);
    // They are no part of the log.
    store.append(log, &leaves(1), at(0)).await.unwrap();
    assert_eq!(store.head(log).await.unwrap().frontier.size(), 1);
}

pub async fn of_one_size_the_last_note_is_kept_and_one_root(store: Arc<dyn Store>) {
    let log = log(&store).await;
    let (root, other) = (leaf_hash(b"a"), leaf_hash(b"b"));
    let finer = checkpoint(5, root, "one");
    let finer = SignedCheckpoint { signed_at: at(9) + TimeDelta::nanoseconds(1_999), ..finer };
    for _ in 0..2 {
        store.keep_checkpoint(log, &finer).await.unwrap();
    }
    let kept = store.checkpoints(log, 0, 10).await.unwrap();
    let cut = at(9) + TimeDelta::microseconds(1);
    assert_eq!(kept, [SignedCheckpoint { signed_at: cut, ..finer }]);

    let more = checkpoint(5, root, "one, and a witness");
    store.keep_checkpoint(log, &more).await.unwrap();
    let refused = store.keep_checkpoint(log, &checkpoint(5, other, "forked")).await.unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::Rejected);
    assert_eq!(store.checkpoints(log, 0, 10).await.unwrap(), std::slice::from_ref(&more));
    assert_eq!(store.latest_checkpoint(log).await.unwrap(), Some(more));
}

pub async fn one_signer_at_a_time_has_the_lease_of_a_log(store: Arc<dyn Store>) {
    let log = log(&store).await;
    let other = store.open_log("test/audit/other", "other").await.unwrap();
    let lease = |holder: &str, until| Lease { holder: holder.to_owned(), until: at(until) };
    let take = async |log, lease: &Lease, now| store.lease(log, lease, at(now)).await.unwrap();
    assert_eq!(take(log, &lease("one", 10), 0).await, None);
    // The same one prolongs it, and another has to wait until its time is up.
    assert_eq!(take(log, &lease("one", 20), 5).await, None);
    assert_eq!(take(log, &lease("two", 30), 20).await, Some(lease("one", 20)));
    assert_eq!(take(other, &lease("two", 30), 20).await, None);
    assert_eq!(take(log, &lease("two", 30), 21).await, None);
    assert_eq!(take(log, &lease("one", 40), 22).await, Some(lease("two", 30)));
}
