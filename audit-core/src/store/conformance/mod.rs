//! What every store must do: one suite, run on each of them.

mod appending;
mod growing;
mod retrying;
mod searching;

use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::{Leaf, LogId, Placement, Row, Store};
use crate::event::{Event, EventBuilder, Producer};
use crate::merkle::{Frontier, leaf_hash};

/// Runs the suite on the stores that an expression makes; what comes with the store lives as long as the test.
macro_rules! conformance {
    ($name:ident, $store:expr) => {
        mod $name {
            conformance! { $store =>
                appending::a_log_is_found_again_by_its_name_and_a_log_that_is_not_there_is_an_error
                appending::an_append_gives_dense_indices_and_the_root_of_a_plain_frontier
                appending::a_row_reads_back_as_it_was_appended
                appending::recorded_at_never_goes_back
                appending::two_logs_stay_apart
                appending::what_is_set_aside_is_not_in_the_log
                retrying::a_repeated_leaf_answers_with_its_old_index
                retrying::other_content_under_a_used_id_is_a_conflict_and_changes_nothing
                retrying::a_leaf_that_is_twice_in_a_batch_is_appended_once
                retrying::eight_appenders_make_one_dense_log
                retrying::an_append_that_is_dropped_anywhere_is_done_wholly_or_not_at_all
                growing::a_tile_is_written_when_it_is_full
                growing::a_long_log_has_tiles_of_level_1_and_is_searched_over_its_segments
                searching::a_search_finds_what_its_filter_matches_and_nothing_else
                searching::pages_cover_everything_once_while_appends_go_on
            }
        }
    };
    ($store:expr => $($group:ident :: $test:ident)+) => {
        $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $test() {
            let Some((store, _guard)) = $store.await else {
                return;
            };
            super::$group::$test(std::sync::Arc::new(store)).await;
        })+
    };
}

conformance!(memory, async { Some((crate::store::MemoryStore::new(), ())) });
#[cfg(feature = "sqlite")]
conformance!(sqlite, async { Some(crate::store::sqlite::tests::new_store().await) });
#[cfg(feature = "postgres")]
conformance!(postgres, crate::store::postgres::tests::new_store());

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
pub(super) fn appended(placements: &[Placement]) -> Vec<u64> {
    let indices = placements.iter().map(|placement| match placement {
        Placement::Appended(index) => *index,
        other => panic!("{other:?}"),
    });
    indices.collect()
}

fn count<T>(items: &[T]) -> u64 {
    items.len().try_into().unwrap()
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
    store.open_log("test/audit/standard", "standard").await.unwrap()
}

/// All rows, in pieces; checks that the head is that of a tree of them, without gaps.
pub(super) async fn whole(store: &dyn Store, log: LogId) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    loop {
        let piece = store.read(log, count(&rows), 1_000).await.unwrap();
        if piece.is_empty() {
            break;
        }
        rows.extend(piece);
    }
    assert!(rows.iter().map(|row| row.index).eq(0..count(&rows)));
    let head = store.head(log).await.unwrap();
    assert_eq!(head.frontier, frontier_of(&rows));
    assert_eq!(head.root, head.frontier.root());
    assert_eq!(head.recorded_at, rows.last().and_then(|row| row.recorded_at));
    rows
}
