//! What every store must do: one suite, run on each of them by [`store_conformance!`](crate::testing::store_conformance).
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "these are tests, which a feature brings into the library"
)]

pub mod appending;
pub mod growing;
pub mod retrying;
pub mod scoped;
pub mod searching;
pub mod signing;
pub mod summing;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use chrono::{DateTime, Utc};
use tokio::runtime::Builder;

use crate::event::{Event, EventBuilder, Producer};
use crate::merkle::{Frontier, leaf_hash};
use crate::store::{Leaf, LogId, Placement, Row, Store};

/// Tests a store: whatever a [`Store`](crate::store::Store) must do, as tests in a module of its own.
///
/// It takes a name for that module, and an expression that gives a future of a new, empty store for each test, with
/// whatever must live as long as the store: `Some((store, guard))`. `None` skips the test, where the database
/// is not there; the expression should say so. The names of the module around it can be used in it.
///
/// ```
/// use audit_core::store::MemoryStore;
///
/// audit_core::testing::store_conformance!(memory, async { Some((MemoryStore::new(), ())) });
/// # fn main() {}
/// ```
///
/// Each test runs on a tokio runtime of its own with two threads, timer and I/O, which this feature brings along.
/// Each fails with a panic. What is tested:
///
/// - dense indices, root, frontier, tiles and segments, also of a log with more entries than a segment;
/// - tiles that are replaced, and made again;
/// - rows that read back to the byte, and columns as they were;
/// - a time of recording that never goes back;
/// - repeated events, other content under a used id, and both within a batch;
/// - several logs, several appenders, and an append that is dropped after each of its steps;
/// - searches: each filter, both ways, page by page, while others append, and only of what a reader may see; counts, histograms and facets of them;
/// - checkpoints: one root of a size, and its last note; one signer at a time.
#[macro_export]
macro_rules! store_conformance {
    ($name:ident, $store:expr) => {
        mod $name {
            #[allow(unused_imports, reason = "the expression may name nothing of it")]
            use super::*;

            $crate::testing::store_conformance! { $store =>
                appending::a_log_is_found_again_by_its_name_and_a_log_that_is_not_there_is_an_error
                appending::an_append_gives_dense_indices_and_the_root_of_a_plain_frontier
                appending::a_row_reads_back_as_it_was_appended
                appending::recorded_at_never_goes_back
                appending::two_logs_stay_apart
                appending::what_is_set_aside_is_not_in_the_log
                appending::a_log_that_is_closed_takes_nothing_and_is_not_opened_again
                retrying::a_repeated_leaf_answers_with_its_old_index
                retrying::other_content_under_a_used_id_is_a_conflict_and_changes_nothing
                retrying::a_leaf_that_is_twice_in_a_batch_is_appended_once
                retrying::eight_appenders_make_one_dense_log
                retrying::an_append_that_is_dropped_anywhere_is_done_wholly_or_not_at_all
                growing::a_tile_is_written_when_it_is_full
                growing::tiles_are_replaced_whatever_protects_them
                growing::a_long_log_has_tiles_of_level_1_and_is_searched_over_its_segments
                searching::a_search_finds_what_its_filter_matches_and_nothing_else
                searching::a_query_finds_what_it_matches_and_nothing_else_however_little_is_read_for_a_page
                searching::what_no_event_can_say_is_found_nowhere
                searching::pages_cover_everything_once_while_appends_go_on
                searching::rows_that_are_looked_at_one_by_one_are_so_once
                scoped::no_query_finds_what_is_out_of_scope
                scoped::no_entry_out_of_scope_is_read_by_its_place_or_id
                scoped::no_cursor_leads_out_of_its_query_or_scope
                scoped::no_cursor_tells_where_there_is_something_out_of_scope
                scoped::columns_that_lie_bring_nothing_into_a_scope
                scoped::what_takes_all_entries_is_refused_within_a_scope
                summing::counts_histograms_and_facets_are_of_what_a_query_finds
                signing::checkpoints_are_kept_by_size
                signing::of_one_size_all_signatures_are_kept_and_one_root
                signing::what_stands_in_the_way_of_a_note_does_not_spoil_it
                signing::of_each_place_the_last_anchor_counts
                signing::one_signer_at_a_time_has_the_lease_of_a_log
            }
        }
    };
    ($store:expr => $($group:ident :: $test:ident)+) => {
        $(#[test]
        fn $test() {
            $crate::testing::conformance::run($store, $crate::testing::conformance::$group::$test);
        })+
    };
}

/// Runs one test on a new store, and keeps alive what came with the store.
pub fn run<S: Store, G>(
    store: impl Future<Output = Option<(S, G)>>,
    test: impl AsyncFnOnce(Arc<dyn Store>),
) {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        if let Some((store, _guard)) = store.await {
            test(Arc::new(store)).await;
        }
    });
}

/// 2026-01-01, and so many seconds.
pub(crate) fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_767_225_600 + seconds, 0).unwrap()
}

pub(crate) fn encoded(event: EventBuilder, seq: u64) -> Leaf {
    Leaf::new(event.build().unwrap().encode(&Producer::new("test"), seq)).unwrap()
}

pub(crate) fn leaves(count: u64) -> Vec<Leaf> {
    (0..count)
        .map(|seq| encoded(Event::builder("invoice.approve").occurred_at(at(0)), seq))
        .collect()
}

/// The indices of a batch that was new as a whole.
pub(crate) fn appended(placements: &[Placement]) -> Vec<u64> {
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
pub(crate) async fn whole(store: &dyn Store, log: LogId) -> Vec<Row> {
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
