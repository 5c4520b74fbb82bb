//! What every store must do: one suite, run on each of them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use tokio::task::JoinSet;
use tokio::time::timeout;
use uuid::Uuid;

use super::{Leaf, LogId, Placement, Reader, Row, SEGMENT_SIZE, Store, StoreErrorKind};
use crate::event::{
    Actor, Columns, EncodedEvent, Event, EventBuilder, Outcome, Producer, RequestInfo,
};
use crate::merkle::{Frontier, Hash, Tile, TileId, completed, leaf_hash};
use crate::query::{Filter, Query};

/// Runs the suite on the stores that an expression makes; what comes with the store lives as long as the test.
macro_rules! conformance {
    ($name:ident, $store:expr) => {
        mod $name {
            conformance! { $store =>
                a_log_is_found_again_by_its_name_and_a_log_that_is_not_there_is_an_error
                an_append_gives_dense_indices_and_the_root_of_a_plain_frontier
                a_row_reads_back_as_it_was_appended
                a_repeated_leaf_answers_with_its_old_index
                other_content_under_a_used_id_is_a_conflict_and_changes_nothing
                a_leaf_that_is_twice_in_a_batch_is_appended_once
                recorded_at_never_goes_back
                a_tile_is_written_when_it_is_full
                past_65536_entries_a_tile_of_level_1_has_the_root_of_its_leaves
                a_search_finds_what_its_filter_matches_and_nothing_else
                pages_cover_everything_once_while_appends_go_on
                two_logs_stay_apart
                eight_appenders_make_one_dense_log
                an_append_that_is_dropped_and_tried_again_leaves_each_event_once
            }
        }
    };
    ($store:expr => $($test:ident)+) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $test() {
            let (store, _guard) = $store.await;
            super::$test(std::sync::Arc::new(store)).await;
        })+
    };
}

conformance!(memory, async { (crate::store::MemoryStore::new(), ()) });
#[cfg(feature = "sqlite")]
conformance!(sqlite, crate::store::sqlite::tests::new_store());

/// 2026-01-01, and so many seconds.
pub(super) fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_225_600 + seconds, 0).unwrap()
}

pub(super) fn encoded(event: EventBuilder, seq: u64) -> Leaf {
    Leaf::new(event.build().unwrap().encode(&Producer::new("test"), seq)).unwrap()
}

pub(super) fn leaves(count: u64) -> Vec<Leaf> {
    (0..count)
        .map(|seq| encoded(Event::builder("invoice.approve").occurred_at(at(0)), seq))
        .collect()
}

/// Leaves that no encoder made: enough for a tree, and made fast.
fn plain_leaves(count: u32) -> Vec<Leaf> {
    let plain = |number: u32| {
        let id = Uuid::from_u128(u128::from(number) + 1);
        let canon = format!("{{\"id\":\"{id}\"}}");
        let columns = Columns {
            event_id: id,
            occurred_at: at(number.into()),
            action: "a".to_owned(),
            actor: None,
            resource_type: None,
            resource_id: None,
            outcome: None,
        };
        let hash = leaf_hash(canon.as_bytes());
        Leaf {
            event: EncodedEvent {
                id,
                class: "standard".into(),
                canon,
                openings: None,
            },
            hash,
            columns,
            ip: None,
        }
    };
    (0..count).map(plain).collect()
}

pub(super) fn appended(placements: &[Placement]) -> Vec<u64> {
    let indices = placements.iter().map(|placement| match placement {
        Placement::Appended(index) => *index,
        other => panic!("{other:?}"),
    });
    indices.collect()
}

fn frontier_of(rows: &[Row]) -> Frontier {
    let mut frontier = Frontier::new();
    for row in rows {
        assert_eq!(row.leaf, Some(leaf_hash(&row.canon)));
        frontier.push(row.leaf.unwrap()).unwrap();
    }
    frontier
}

async fn log(store: &Arc<dyn Store>) -> LogId {
    store
        .open_log("test/audit/standard", "standard")
        .await
        .unwrap()
}

/// All rows, in pieces; checks that the head is that of a tree of them, without gaps.
pub(super) async fn whole(store: &dyn Store, log: LogId) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    loop {
        let piece = store.read(log, rows.len() as u64, 1_000).await.unwrap();
        if piece.is_empty() {
            break;
        }
        rows.extend(piece);
    }
    assert!(rows.iter().map(|row| row.index).eq(0..rows.len() as u64));
    let head = store.head(log).await.unwrap();
    assert_eq!(head.frontier, frontier_of(&rows));
    assert_eq!(head.root, head.frontier.root());
    assert_eq!(
        head.recorded_at,
        rows.last().and_then(|row| row.recorded_at)
    );
    rows
}

async fn a_log_is_found_again_by_its_name_and_a_log_that_is_not_there_is_an_error(
    store: Arc<dyn Store>,
) {
    assert_eq!(store.logs().await.unwrap(), []);
    let one = store.open_log("test/one", "standard").await.unwrap();
    let two = store.open_log("test/two", "audit").await.unwrap();
    assert_eq!(store.open_log("test/one", "standard").await.unwrap(), one);
    let logs: Vec<_> = store
        .logs()
        .await
        .unwrap()
        .into_iter()
        .map(|log| (log.id, log.origin))
        .collect();
    assert_eq!(
        logs,
        [(one, "test/one".to_owned()), (two, "test/two".to_owned())]
    );

    let none = LogId(99);
    assert_eq!(
        store.head(none).await.unwrap_err().kind(),
        StoreErrorKind::Damaged
    );
    assert_eq!(
        store
            .append(none, &leaves(1), at(0))
            .await
            .unwrap_err()
            .kind(),
        StoreErrorKind::Damaged
    );
    let search = store.search(none, &Filter::default(), None, 1).await;
    assert_eq!(search.unwrap_err().kind(), StoreErrorKind::Damaged);
}

async fn an_append_gives_dense_indices_and_the_root_of_a_plain_frontier(store: Arc<dyn Store>) {
    let log = log(&store).await;
    assert_eq!(store.head(log).await.unwrap(), super::Head::empty());
    let mut plain = Frontier::new();
    for size in [0_u64, 1, 2, 7, 256, 300, 3] {
        let batch = leaves(size);
        let done = store.append(log, &batch, at(0)).await.unwrap();
        assert!(
            appended(&done.placements)
                .into_iter()
                .eq(plain.size()..plain.size() + size)
        );
        for leaf in &batch {
            plain.push(leaf.hash).unwrap();
        }
        let head = store.head(log).await.unwrap();
        assert_eq!((head.root, head.frontier), (plain.root(), plain.clone()));
    }
    assert_eq!(whole(&*store, log).await.len(), 569);
}

async fn a_row_reads_back_as_it_was_appended(store: Arc<dyn Store>) {
    let log = log(&store).await;
    let request = RequestInfo::new().ip("192.0.2.7".parse().unwrap());
    let event = Event::builder("invoice.approve")
        .occurred_at(at(5) + TimeDelta::nanoseconds(1_234_567))
        .actor(Actor::user("u-\u{e4}\u{1f600}\"'").name("Alice"))
        .resource("invoice", "4711")
        .outcome(Outcome::Denied)
        .request(request);
    let batch = [encoded(event, 1), encoded(Event::builder("login"), 2)];
    store
        .append(log, &batch, at(9) + TimeDelta::nanoseconds(1_999))
        .await
        .unwrap();

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
}

async fn a_repeated_leaf_answers_with_its_old_index(store: Arc<dyn Store>) {
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
    assert_eq!(
        mixed.placements,
        [Placement::Appended(10), Placement::Repeated(9)]
    );
    assert_eq!(whole(&*store, log).await.len(), 11);
}

async fn other_content_under_a_used_id_is_a_conflict_and_changes_nothing(store: Arc<dyn Store>) {
    let log = log(&store).await;
    let first = leaves(3);
    store.append(log, &first, at(0)).await.unwrap();
    let before = (store.head(log).await.unwrap(), whole(&*store, log).await);

    let id = first[1].columns.event_id;
    let forged = encoded(Event::builder("invoice.refund").id(id), 9);
    let answer = store.append(log, &[forged], at(1)).await.unwrap();
    assert_eq!(answer.placements, [Placement::Conflict(1, first[1].hash)]);
    assert_eq!(
        (store.head(log).await.unwrap(), whole(&*store, log).await),
        before
    );
}

async fn a_leaf_that_is_twice_in_a_batch_is_appended_once(store: Arc<dyn Store>) {
    let log = log(&store).await;
    let [one, two]: [Leaf; 2] = leaves(2).try_into().unwrap();
    let forged = encoded(Event::builder("invoice.refund").id(one.columns.event_id), 9);
    let hash = one.hash;
    let answer = store
        .append(log, &[one.clone(), one, forged, two], at(0))
        .await
        .unwrap();
    let expected = [
        Placement::Appended(0),
        Placement::Repeated(0),
        Placement::Conflict(0, hash),
        Placement::Appended(1),
    ];
    assert_eq!(answer.placements, expected);
    assert_eq!(whole(&*store, log).await.len(), 2);
}

async fn recorded_at_never_goes_back(store: Arc<dyn Store>) {
    let log = log(&store).await;
    for (now, recorded) in [(10, 10), (5, 10), (11, 11), (0, 11)] {
        let done = store.append(log, &leaves(1), at(now)).await.unwrap();
        assert_eq!(done.recorded_at, at(recorded));
    }
    let recorded = whole(&*store, log)
        .await
        .into_iter()
        .map(|row| row.recorded_at.unwrap());
    assert!(recorded.eq([10, 10, 11, 11].map(at)));
}

async fn a_tile_is_written_when_it_is_full(store: Arc<dyn Store>) {
    let log = log(&store).await;
    let first = TileId { level: 0, index: 0 };
    let mut hashes: Vec<Hash> = Vec::new();
    // The last batch ends two tiles of which none is wholly its own, and one that is.
    for (size, tiles) in [(255, 0), (1, 1), (1, 1), (800, 4)] {
        let batch = leaves(size);
        hashes.extend(batch.iter().map(|leaf| leaf.hash));
        store.append(log, &batch, at(0)).await.unwrap();
        for index in 0..5 {
            let tile = store.tile(log, TileId { level: 0, index }).await.unwrap();
            let expected = hashes.as_chunks::<256>().0.get(index as usize);
            assert_eq!(
                tile,
                expected.map(|hashes| Tile::new(hashes.to_vec()).unwrap())
            );
            assert_eq!(tile.is_some(), index < tiles);
        }
    }
    assert!(store.tile(log, first).await.unwrap().is_some());
    assert_eq!(
        store
            .tile(log, TileId { level: 1, index: 0 })
            .await
            .unwrap(),
        None
    );
}

async fn past_65536_entries_a_tile_of_level_1_has_the_root_of_its_leaves(store: Arc<dyn Store>) {
    let log = log(&store).await;
    let all = plain_leaves(65_537 + 1_000);
    let mut plain = Frontier::new();
    for batch in all.chunks(7_777) {
        store.append(log, batch, at(0)).await.unwrap();
    }
    for leaf in &all[..65_536] {
        plain.push(leaf.hash).unwrap();
    }
    let top = store
        .tile(log, TileId { level: 1, index: 0 })
        .await
        .unwrap()
        .unwrap();
    assert_eq!(top.root(), plain.root());
    for id in completed(0, all.len() as u64) {
        let tile = store.tile(log, id).await.unwrap().unwrap();
        assert_eq!(tile.hashes().len(), 256);
        if id.level == 0 {
            assert_eq!(
                top.hashes()
                    .get(id.index as usize)
                    .copied()
                    .unwrap_or(tile.root()),
                tile.root()
            );
        }
    }
}

pub(super) fn random_leaf(random: &mut StdRng, seq: u64) -> Leaf {
    let outcomes = [Outcome::Success, Outcome::Failure, Outcome::Denied];
    let mut event =
        Event::builder(["login", "invoice.approve", "invoice.refund"][random.random_range(0..3)])
            .occurred_at(
                at(random.random_range(0..100))
                    + TimeDelta::microseconds(random.random_range(0..3)),
            );
    if random.random_bool(0.8) {
        event = event.actor(Actor::user(
            ["u-1", "u-2", "u-3"][random.random_range(0..3)],
        ));
    }
    if random.random_bool(0.8) {
        event = event.resource(
            ["invoice", "user"][random.random_range(0..2)],
            ["1", "2"][random.random_range(0..2)],
        );
    }
    if random.random_bool(0.8) {
        event = event.outcome(outcomes[random.random_range(0..3)]);
    }
    encoded(event, seq)
}

fn random_filter(random: &mut StdRng) -> Filter {
    let mut wanted = |words: &[&str]| {
        let word = words[random.random_range(0..words.len())];
        random.random_bool(0.4).then(|| word.to_owned())
    };
    let mut filter = Filter {
        actor: wanted(&["u-1", "u-2", "nobody"]),
        action: wanted(&["login", "invoice.approve", "none"]),
        resource_type: wanted(&["invoice", "user"]),
        resource_id: wanted(&["1", "2"]),
        ..Filter::default()
    };
    filter.outcome = random.random_bool(0.3).then_some(Outcome::Denied);
    let mut moment =
        || at(random.random_range(0..100)) + TimeDelta::nanoseconds(random.random_range(0..3_000));
    let moments = (moment(), moment());
    filter.since = random.random_bool(0.4).then_some(moments.0);
    filter.until = random.random_bool(0.4).then_some(moments.1);
    filter
}

async fn a_search_finds_what_its_filter_matches_and_nothing_else(store: Arc<dyn Store>) {
    let log = log(&store).await;
    let mut random = StdRng::seed_from_u64(1);
    let all: Vec<_> = (0..600).map(|seq| random_leaf(&mut random, seq)).collect();
    for batch in all.chunks(100) {
        store.append(log, batch, at(0)).await.unwrap();
    }
    let rows = whole(&*store, log).await;
    let mut found_something = 0;
    for _ in 0..300 {
        let filter = random_filter(&mut random);
        let before = random.random_bool(0.5).then(|| random.random_range(0..700));
        let limit = random.random_range(1..300);
        let newest_first = rows
            .iter()
            .rev()
            .filter(|row| before.is_none_or(|before| row.index < before));
        let matching = newest_first.filter(|row| filter.matches(row.columns.as_ref().unwrap()));
        let expected: Vec<_> = matching.take(limit as usize).cloned().collect();
        let found = store.search(log, &filter, before, limit).await.unwrap();
        assert_eq!(found, expected, "{filter:?} before {before:?}");
        found_something += usize::from(!found.is_empty());
    }
    assert!(found_something > 100);
    let bounds = |time: fn(&Row) -> DateTime<Utc>| {
        (rows.iter().map(time).min(), rows.iter().map(time).max())
    };
    let (earliest, latest) = bounds(|row| row.columns.as_ref().unwrap().occurred_at);
    let [segment] = store.segments(log).await.unwrap().try_into().unwrap();
    assert_eq!(
        (segment.number, Some(segment.earliest), Some(segment.latest)),
        (0, earliest, latest)
    );
    assert!((rows.len() as u64) < SEGMENT_SIZE);
}

async fn pages_cover_everything_once_while_appends_go_on(store: Arc<dyn Store>) {
    let mut logs = Vec::new();
    for name in ["test/one", "test/two", "test/three"] {
        logs.push(store.open_log(name, "standard").await.unwrap());
    }
    let mut random = StdRng::seed_from_u64(2);
    let mut there = BTreeSet::new();
    for round in 0..200 {
        let log = random.random_range(0..logs.len() - 1);
        let batch: Vec<_> = (0..random.random_range(1..4))
            .map(|seq| random_leaf(&mut random, seq))
            .collect();
        let wanted = batch.iter().filter(|leaf| leaf.columns.action == "login");
        there.extend(wanted.map(|leaf| leaf.hash));
        store
            .append(logs[log], &batch, at(round / 3))
            .await
            .unwrap();
    }
    let reader = Reader::shared(Arc::clone(&store));
    let mut query = Query::new().action("login").limit(7);
    let mut seen = Vec::new();
    loop {
        let page = reader.search(&query).await.unwrap();
        let times: Vec<_> = page.entries.iter().map(|entry| entry.recorded_at).collect();
        assert!(times.is_sorted_by(|newer, older| newer >= older));
        seen.extend(page.entries.iter().map(|entry| entry.leaf_hash));
        // What comes meanwhile stands before the first page, also in a log that was empty until now.
        for &log in &logs {
            store
                .append(log, &[encoded(Event::builder("login"), 0)], at(1_000))
                .await
                .unwrap();
        }
        let Some(next) = page.next else { break };
        query = query.cursor(next);
    }
    assert_eq!(seen.len(), there.len());
    assert_eq!(BTreeSet::from_iter(seen), there);
}

async fn two_logs_stay_apart(store: Arc<dyn Store>) {
    let one = store.open_log("test/one", "standard").await.unwrap();
    let two = store.open_log("test/two", "standard").await.unwrap();
    let batch = leaves(300);
    for piece in batch.chunks(100) {
        store.append(one, piece, at(0)).await.unwrap();
        // The same events: an id is used in one log, not in all.
        let placed = store
            .append(two, &piece[..10], at(0))
            .await
            .unwrap()
            .placements;
        assert_eq!(appended(&placed).len(), 10);
    }
    assert_eq!(
        (
            whole(&*store, one).await.len(),
            whole(&*store, two).await.len()
        ),
        (300, 30)
    );
    assert_eq!(
        store
            .search(two, &Filter::default(), None, 1_000)
            .await
            .unwrap()
            .len(),
        30
    );
    let first = TileId { level: 0, index: 0 };
    assert!(store.tile(one, first).await.unwrap().is_some());
    assert_eq!(store.tile(two, first).await.unwrap(), None);
}

async fn eight_appenders_make_one_dense_log(store: Arc<dyn Store>) {
    let log = log(&store).await;
    let mut tasks = JoinSet::new();
    for _ in 0..8 {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            let mut indices = Vec::new();
            for batch in leaves(60).chunks(6) {
                indices.extend(appended(
                    &store.append(log, batch, at(0)).await.unwrap().placements,
                ));
            }
            indices
        });
    }
    let mut indices: Vec<u64> = tasks.join_all().await.into_iter().flatten().collect();
    indices.sort_unstable();
    assert!(indices.into_iter().eq(0..480));
    assert_eq!(whole(&*store, log).await.len(), 480);
}

async fn an_append_that_is_dropped_and_tried_again_leaves_each_event_once(store: Arc<dyn Store>) {
    let log = log(&store).await;
    let mut random = StdRng::seed_from_u64(3);
    let mut hashes = Vec::new();
    let mut dropped = 0;
    for _ in 0..60 {
        let batch = leaves(random.random_range(1..120));
        for _ in 0..4 {
            let moment = Duration::from_micros(random.random_range(0..6_000));
            match timeout(moment, store.append(log, &batch, at(0))).await {
                Ok(done) => assert_eq!(done.unwrap().placements.len(), batch.len()),
                Err(_) => dropped += 1,
            }
        }
        store.append(log, &batch, at(0)).await.unwrap();
        hashes.extend(batch.into_iter().map(|leaf| Some(leaf.hash)));
    }
    println!("dropped {dropped} of 240");
    let rows = whole(&*store, log).await;
    assert!(rows.into_iter().map(|row| row.leaf).eq(hashes));
}
