//! What goes in, and how it stands there.

use std::sync::Arc;

use chrono::TimeDelta;

use super::{appended, at, count, encoded, leaves, log, whole};
use crate::event::{Actor, Event, Outcome, RequestInfo};
use crate::merkle::{Frontier, TileId};
use crate::query::Filter;
use crate::store::{Head, LogId, LogState, Row, Start, Store, StoreErrorKind};

pub async fn a_log_is_found_again_by_its_name_and_a_log_that_is_not_there_is_an_error(
    store: Arc<dyn Store>,
) {
    assert_eq!(store.logs().await.unwrap(), []);
    let one = store.open_log("test/one", "standard").await.unwrap();
    let two = store.open_log("test/two", "audit").await.unwrap();
    assert_eq!(store.open_log("test/one", "standard").await.unwrap(), one);
    let logs: Vec<_> =
        store.logs().await.unwrap().into_iter().map(|log| (log.id, log.origin)).collect();
    assert_eq!(logs, [(one, "test/one".to_owned()), (two, "test/two".to_owned())]);

    let none = LogId(99);
    assert_eq!(store.head(none).await.unwrap_err().kind(), StoreErrorKind::Damaged);
    assert_eq!(
        store.append(none, &leaves(1), at(0)).await.unwrap_err().kind(),
        StoreErrorKind::Damaged
    );
    let search = store.search(none, &Filter::default(), Start::END, 1).await;
    assert_eq!(search.unwrap_err().kind(), StoreErrorKind::Damaged);
}

pub async fn an_append_gives_dense_indices_and_the_root_of_a_plain_frontier(store: Arc<dyn Store>) {
    let log = log(&store).await;
    assert_eq!(store.head(log).await.unwrap(), Head::empty());
    let mut plain = Frontier::new();
    for size in [0, 1, 2, 7, 256, 300, 3] {
        let batch = leaves(size);
        let done = store.append(log, &batch, at(0)).await.unwrap();
        assert!(
            appended(&done.placements).into_iter().eq(plain.size()..plain.size() + count(&batch))
        );
        for leaf in &batch {
            plain.push(leaf.hash).unwrap();
        }
        let head = store.head(log).await.unwrap();
        assert_eq!((head.root, head.frontier), (plain.root(), plain.clone()));
    }
    assert_eq!(whole(&*store, log).await.len(), 569);
}

pub async fn a_row_reads_back_as_it_was_appended(store: Arc<dyn Store>) {
    let log = log(&store).await;
    let request = RequestInfo::new().ip("192.0.2.7".parse().unwrap());
    let event = Event::builder("invoice.approve")
        .occurred_at(at(5) + TimeDelta::nanoseconds(1_234_567))
        .actor(Actor::user("u-\u{e4}\u{1f600}\"'").name("Alice"))
        .resource("invoice", "4711")
        .outcome(Outcome::Denied)
        .request(request);
    let batch = [encoded(event, 1), encoded(Event::builder("login"), 2)];
    store.append(log, &batch, at(9) + TimeDelta::nanoseconds(1_999)).await.unwrap();

    let rows = store.read(log, 0, 10).await.unwrap();
    for (row, (index, leaf)) in rows.iter().zip((0..).zip(&batch)) {
        let expected = Row {
            index,
            segment: Some(0),
            recorded_at: Some(at(9) + TimeDelta::microseconds(1)),
            leaf: Some(leaf.hash),
            canon: leaf.event.canon.clone().into_bytes(),
            columns: Some(leaf.columns.clone()),
            openings: leaf.event.openings.clone(),
            ip: leaf.ip.map(Vec::from),
        };
        assert_eq!(*row, expected);
    }
    assert!(rows[0].openings.is_some() && rows[0].ip.is_some() && rows[1].ip.is_none());
    assert_eq!(store.read(log, 1, 10).await.unwrap(), rows[1..]);
    assert_eq!(store.read(log, 0, 1).await.unwrap(), rows[..1]);
    assert_eq!(store.read(log, 2, 10).await.unwrap(), []);
    assert_eq!(store.read(log, u64::MAX, 10).await.unwrap(), []);

    let leaf = |row: &Row| (row.index, row.canon.clone(), row.leaf);
    let entry = |row: &Row| (leaf(row), row.recorded_at, row.openings.clone());
    for (from, limit) in [(0, 10), (1, 10), (0, 1), (2, 10), (u64::MAX, 10)] {
        let rows = store.read(log, from, limit).await.unwrap();
        let [leaves, fetched] =
            [true, false].map(|leaves_only| store.fetch(log, from, limit, leaves_only));
        let (leaves, fetched) = (leaves.await.unwrap(), fetched.await.unwrap());
        assert!(leaves.indices().iter().copied().eq(rows.iter().map(|row| row.index)));
        assert_eq!(fetched.collect::<Vec<_>>(), rows, "{from} {limit}");
        let leaves: Vec<_> = leaves.collect();
        let entries = store.entries(log, from, limit).await.unwrap();
        assert!(leaves.iter().map(leaf).eq(rows.iter().map(leaf)), "{from} {limit}");
        assert!(entries.iter().map(entry).eq(rows.iter().map(entry)), "{from} {limit}");
    }
}

pub async fn recorded_at_never_goes_back(store: Arc<dyn Store>) {
    let log = log(&store).await;
    for (now, recorded) in [(10, 10), (5, 10), (11, 11), (0, 11)] {
        let done = store.append(log, &leaves(1), at(now)).await.unwrap();
        assert_eq!(done.recorded_at, at(recorded));
    }
    let recorded = whole(&*store, log).await.into_iter().map(|row| row.recorded_at.unwrap());
    assert!(recorded.eq([10, 10, 11, 11].map(at)));
}

pub async fn two_logs_stay_apart(store: Arc<dyn Store>) {
    let one = store.open_log("test/one", "standard").await.unwrap();
    let two = store.open_log("test/two", "standard").await.unwrap();
    let batch = leaves(300);
    for piece in batch.chunks(100) {
        store.append(one, piece, at(0)).await.unwrap();
        // The same events: an id is used in one log, not in all.
        let placed = store.append(two, &piece[..10], at(0)).await.unwrap().placements;
        assert_eq!(appended(&placed).len(), 10);
    }
    assert_eq!((whole(&*store, one).await.len(), whole(&*store, two).await.len()), (300, 30));
    assert_eq!(store.search(two, &Filter::default(), Start::END, 1_000).await.unwrap().len(), 30);
    let first = TileId { level: 0, index: 0 };
    assert!(store.tile(one, first).await.unwrap().is_some());
    assert_eq!(store.tile(two, first).await.unwrap(), None);
}

pub async fn what_is_set_aside_is_not_in_the_log(store: Arc<dyn Store>) {
    let log = log(&store).await;
    store.append(log, &leaves(2), at(0)).await.unwrap();
    let head = store.head(log).await.unwrap();
    let poison = &leaves(1)[0];
    // Also twice: whoever does not know whether it was done does it again.
    for _ in 0..2 {
        store.set_aside(log, &poison.event, "refused", at(1)).await.unwrap();
    }
    assert_eq!(store.head(log).await.unwrap(), head);
    assert_eq!(whole(&*store, log).await.len(), 2);
}

pub async fn a_log_that_is_closed_takes_nothing_and_is_not_opened_again(store: Arc<dyn Store>) {
    let log = log(&store).await;
    store.append(log, &leaves(3), at(0)).await.unwrap();
    let head = store.head(log).await.unwrap();
    // Whether it takes entries can be asked without any.
    assert_eq!(store.append(log, &[], at(1)).await.unwrap().placements, []);
    for state in [LogState::Quarantined, LogState::Quarantined, LogState::Frozen] {
        store.close_log(log, state).await.unwrap();
        let opened = store.close_log(log, LogState::Open).await.unwrap_err();
        assert_eq!(opened.kind(), StoreErrorKind::Rejected);
        for batch in [leaves(2), Vec::new()] {
            let refused = store.append(log, &batch, at(1)).await.unwrap_err();
            assert_eq!(refused.kind(), StoreErrorKind::Closed);
        }
        assert_eq!(store.open_log("test/audit/standard", "standard").await.unwrap(), log);
        assert_eq!(store.head(log).await.unwrap(), Head { state, ..head.clone() });
    }
    let back = store.close_log(log, LogState::Quarantined).await.unwrap_err();
    assert_eq!(back.kind(), StoreErrorKind::Rejected);
    let none = store.close_log(LogId(99), LogState::Frozen).await.unwrap_err();
    assert_eq!(none.kind(), StoreErrorKind::Damaged);
    assert_eq!(whole(&*store, log).await.len(), 3);
}
