//! What is kept of signatures beside a log.

use std::sync::Arc;

use chrono::TimeDelta;

use super::{at, leaves, log};
use crate::merkle::{Hash, leaf_hash};
use crate::note::SignedNote;
use crate::store::{Anchor, Lease, SignedCheckpoint, Store, StoreErrorKind};

fn checkpoint(size: u64, root: Hash, note: &str) -> SignedCheckpoint {
    SignedCheckpoint { size, root, note: note.to_owned(), signed_at: at(9) }
}

pub async fn checkpoints_are_kept_by_size(store: Arc<dyn Store>) {
    let log = log(&store).await;
    let other = store.open_log("test/audit/other", "other").await.unwrap();
    assert_eq!(store.latest_checkpoint(log).await.unwrap(), None);
    assert_eq!(store.checkpoints(log, 0, 10).await.unwrap(), []);
    let note = "test/audit/standard\n..\n\n\u{2014} a b\n";
    let largest = u64::MAX >> 1;
    let all: Vec<_> =
        [3, 700, 5, 9, largest].map(|size| checkpoint(size, leaf_hash(b""), note)).into();
    for one in &all {
        store.keep_checkpoint(log, one).await.unwrap();
    }
    let [three, many, five, nine, most] = &*all else { panic!() };
    let from = async |size, limit| store.checkpoints(log, size, limit).await.unwrap();
    assert_eq!(from(0, 10).await.iter().collect::<Vec<_>>(), [three, five, nine, many, most]);
    assert_eq!(from(4, 2).await.iter().collect::<Vec<_>>(), [five, nine]);
    assert_eq!(from(9, 1).await.iter().collect::<Vec<_>>(), [nine]);
    assert_eq!(from(701, 10).await.iter().collect::<Vec<_>>(), [most]);
    for beyond in [largest + 1, u64::MAX] {
        assert_eq!(from(beyond, 10).await, [], "{beyond}");
    }
    assert_eq!(store.latest_checkpoint(log).await.unwrap().as_ref(), Some(most));
    assert_eq!(store.latest_checkpoint(other).await.unwrap(), None);
    // They are no part of the log.
    store.append(log, &leaves(1), at(0)).await.unwrap();
    assert_eq!(store.head(log).await.unwrap().frontier.size(), 1);
}

/// A note of the log, with these lines of signatures.
fn note(signatures: &[&str]) -> String {
    let lines: String = signatures.iter().map(|line| format!("\u{2014} {line}\n")).collect();
    format!("test/audit/standard\n5\n..\n\n{lines}")
}

pub async fn of_one_size_all_signatures_are_kept_and_one_root(store: Arc<dyn Store>) {
    let log = log(&store).await;
    let (root, other) = (leaf_hash(b"a"), leaf_hash(b"b"));
    let (own, witness) = ("test/audit/standard AAAAAAEB", "witness.example AAAAAAIB");
    let finer = checkpoint(5, root, &note(&[own]));
    let finer = SignedCheckpoint { signed_at: at(9) + TimeDelta::nanoseconds(1_999), ..finer };
    for _ in 0..2 {
        store.keep_checkpoint(log, &finer).await.unwrap();
    }
    let kept = store.checkpoints(log, 0, 10).await.unwrap();
    let cut = at(9) + TimeDelta::microseconds(1);
    assert_eq!(kept, [SignedCheckpoint { signed_at: cut, ..finer }]);

    let kept = async || {
        let kept = store.checkpoints(log, 0, 10).await.unwrap();
        assert_eq!(store.latest_checkpoint(log).await.unwrap().as_ref(), kept.last());
        kept.into_iter().map(|kept| kept.note).collect::<Vec<_>>()
    };
    let keep = async |signatures: &[&str]| {
        store.keep_checkpoint(log, &checkpoint(5, root, &note(signatures))).await.unwrap();
    };
    keep(&[own, witness]).await;
    assert_eq!(kept().await, [note(&[own, witness])]);
    // With fewer, or with the same at another time, it says no more.
    keep(&[own]).await;
    keep(&[own, "witness.example AAAAAAIC"]).await;
    assert_eq!(kept().await, [note(&[own, witness])]);
    let second = "second.example AAAAAAMB";
    keep(&[own, second]).await;
    assert_eq!(kept().await, [note(&[own, second, witness])]);
    // A key that dates nothing has one signature of a text; another one in its place is none of its own.
    let other_own = "test/audit/standard AAAAAAEC";
    keep(&[other_own]).await;
    assert_eq!(kept().await, [note(&[other_own, second, witness])]);
    let forked = checkpoint(5, other, &note(&[own]));
    let refused = store.keep_checkpoint(log, &forked).await.unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::Rejected);
    assert_eq!(kept().await, [note(&[other_own, second, witness])]);
}

pub async fn what_stands_in_the_way_of_a_note_does_not_spoil_it(store: Arc<dyn Store>) {
    let (log, root) = (log(&store).await, leaf_hash(b"a"));
    let good = note(&["test/audit/standard AAAAAAEB"]);
    let many: Vec<_> = (0..100).map(|number| format!("n{number} AAAAAAEB")).collect();
    let many = note(&many.iter().map(String::as_str).collect::<Vec<_>>());
    let large = format!("test/audit/standard\n5\n..\n\n\u{2014} a {}\n", "A".repeat(990_000));
    for (size, there) in [
        (1, "no note"),
        (2, many.as_str()),
        (3, large.as_str()),
        (4, "another\n\n\u{2014} a AAAAAAEB\n"),
    ] {
        store.keep_checkpoint(log, &checkpoint(size, root, there)).await.unwrap();
        store.keep_checkpoint(log, &checkpoint(size, root, &good)).await.unwrap();
        let kept = store.checkpoints(log, size, 1).await.unwrap().remove(0).note;
        let kept: SignedNote = kept.parse().unwrap();
        let good: SignedNote = good.parse().unwrap();
        assert_eq!((kept.text(), &kept.signatures()[0]), (good.text(), &good.signatures()[0]));
    }
}

pub async fn of_each_place_the_last_anchor_counts(store: Arc<dyn Store>) {
    let log = store.open_log("test/audit/standard", "standard").await.unwrap();
    let other = store.open_log("test/audit/other", "other").await.unwrap();
    let anchor = |place: &str, size, second| {
        let (place, root) = (place.to_owned(), leaf_hash(place.as_bytes()));
        Anchor { place, size, root, at: at(second) }
    };
    let (safe, site) =
        (anchor("the safe", 5, 3), anchor("https://a.example/log", u64::MAX >> 1, 2));
    for anchor in [anchor("the safe", 7, 1), site.clone(), safe.clone()] {
        store.keep_anchor(log, &anchor).await.unwrap();
    }
    assert_eq!(store.anchors(log).await.unwrap(), [site, safe]);
    assert_eq!(store.anchors(other).await.unwrap(), []);
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
