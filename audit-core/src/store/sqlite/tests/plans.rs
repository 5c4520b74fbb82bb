//! How SQLite goes about a search: along an index from its end, and without sorting.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sqlx::Row as _;
use tokio::time::timeout;

use super::super::{append, search};
use super::*;
use crate::query::{Filter, Query};
use crate::store::search_path::SearchPath;
use crate::store::search_path::lookups::{fill, lookups};
use crate::store::{Start, StoreErrorKind};

async fn plan_of(connection: &mut SqliteConnection, sql: &str) -> String {
    #[expect(clippy::disallowed_methods, reason = "the store's own text after a word of SQLite's")]
    let explain = sqlx::query(AssertSqlSafe(format!("EXPLAIN QUERY PLAN {sql}")));
    let rows = explain.fetch_all(connection).await.unwrap();
    let steps: Vec<String> = rows.iter().map(|row| row.get("detail")).collect();
    steps.join("\n")
}

#[tokio::test]
async fn each_search_goes_along_its_index_and_sorts_nothing() {
    let (_store, folder) = new_store().await;
    let mut connection = stranger(&folder).await;
    for (sql, along) in [
        (search::BY_EVENT, "INDEX sqlite_autoindex_audit_entry_2 (log_id=? AND event_id=?)"),
        (
            search::BY_ADDRESS,
            "INDEX audit_entry_ip (log_id=? AND seg=? AND ip=? AND idx>? AND idx<?)",
        ),
        (
            search::BY_TERMS,
            "SEARCH t USING PRIMARY KEY (log_id=? AND seg=? AND term=? AND idx>? AND idx<?)",
        ),
        (search::BY_INDEX, "INDEX sqlite_autoindex_audit_entry_1 (log_id=? AND idx>? AND idx<?)"),
    ] {
        for sql in sql {
            let plan = plan_of(&mut connection, sql).await;
            println!("{plan}\n");
            assert!(plan.contains(along), "{plan}");
            assert!(
                plan.contains("SEARCH s USING PRIMARY KEY (log_id=? AND seg>? AND seg<?)"),
                "{plan}"
            );
            // What comes with the query may be read as a whole: the terms, which are sorted by how rare they are, of the first hundred from either end.
            let whole = [
                "SCAN json_each VIRTUAL",
                "SCAN j VIRTUAL",
                "SCAN (subquery-1)",
                "SCAN (subquery-3)",
            ];
            let ours = whole.iter().fold(plan.clone(), |plan, whole| plan.replace(whole, ""));
            assert!(!ours.contains("SCAN"), "{plan}");
            let sorts = plan.matches("TEMP B-TREE").count();
            assert_eq!(sorts, usize::from(search::BY_TERMS.contains(&sql)), "{plan}");
            let key = "INDEX sqlite_autoindex_audit_entry_1 (log_id=? AND idx>? AND idx<?)";
            assert!(!search::BY_TERMS.contains(&sql) || plan.contains(key), "{plan}");
        }
    }
}

#[tokio::test]
async fn a_search_in_a_network_sorts_no_more_than_a_segment_at_a_time() {
    let (_store, folder) = new_store().await;
    for sql in search::BY_NETWORK {
        let plan = plan_of(&mut stranger(&folder).await, sql).await;
        let along = "INDEX audit_entry_ip (log_id=? AND seg=? AND ip>? AND ip<?)";
        assert!(plan.contains(along), "{plan}");
        assert!(plan.contains("TEMP B-TREE FOR LAST TERM OF ORDER BY"), "{plan}");
    }
}

#[tokio::test]
async fn known_ids_are_looked_up_one_by_one_in_their_index() {
    let (_store, folder) = new_store().await;
    let plan = plan_of(&mut stranger(&folder).await, append::KNOWN).await;
    assert!(plan.contains("SEARCH audit_entry USING INDEX sqlite_autoindex_audit_entry_2 (log_id=? AND event_id=?)"), "{plan}");
}

#[tokio::test]
async fn what_auditors_look_for_is_found_along_an_index_in_a_large_log() {
    let (store, folder) = new_store().await;
    let log = store.open_log("test/audit/standard", "standard").await.unwrap();
    fill(&store, log).await;
    let mut connection = stranger(&folder).await;
    for is_analyzed in [false, true] {
        if is_analyzed {
            sqlx::query("ANALYZE").execute(&mut connection).await.unwrap();
        }
        for ((text, along, filter), start) in
            lookups().flat_map(|it| [Start::END, Start::At(0)].map(|start| (it.clone(), start)))
        {
            let index = match along {
                SearchPath::Event => "USING INDEX sqlite_autoindex_audit_entry_2",
                SearchPath::Address | SearchPath::Network => "USING INDEX audit_entry_ip",
                SearchPath::Resource
                | SearchPath::Actor
                | SearchPath::Action
                | SearchPath::Terms => "SEARCH t USING PRIMARY KEY (log_id=? AND seg=? AND term=?",
                SearchPath::Index => {
                    "USING INDEX sqlite_autoindex_audit_entry_1 (log_id=? AND idx>?"
                }
            };
            let mut plan = String::new();
            for (statement, _) in search::steps(&filter, start, start.range(100_000)) {
                plan.push_str(&plan_of(&mut connection, statement).await);
            }
            assert!(plan.contains(index), "{text}: {plan}");
            for table in ["SCAN e", "SCAN t", "SCAN s", "SCAN audit"] {
                assert!(!plan.contains(table), "{text}: {plan}");
            }
            let found = store.search(log, &filter, start, 100).await.unwrap();
            assert!(!found.is_empty(), "{text}");
        }
    }
}

#[tokio::test]
async fn of_two_terms_a_search_goes_along_the_one_that_fewer_entries_have() {
    let (store, folder) = new_store().await;
    let log = store.open_log("test/audit/standard", "standard").await.unwrap();
    // One entry, and two thousand at the end, beside the ten thousand that have the same action.
    let leaves = leaves_of(10_000, |n| match n {
        7 => "rare",
        8_000.. => "late",
        _ => "common",
    });
    store.append(log, &leaves, at(0)).await.unwrap();
    for (tag, size, most) in [("rare", 1, 10_000), ("late", 2_000, 150_000)] {
        let filter = Query::new().action("a.b").tag(tag).filter();
        for start in [Start::END, Start::At(0)] {
            let (found, steps) = counted(&store, &folder, log, &filter, start).await;
            assert_eq!(found, size);
            assert!((1..most).contains(&steps), "{steps}");
        }
    }
}

/// How many entries a search finds, and in how many of SQLite's steps.
async fn counted(
    store: &SqliteStore,
    folder: &TempDir,
    log: LogId,
    filter: &Filter,
    start: Start,
) -> (usize, u64) {
    let mut connection = stranger(folder).await;
    let steps = Arc::new(AtomicU64::new(0));
    let counted = steps.clone();
    connection.lock_handle().await.unwrap().set_progress_handler(100, move || {
        counted.fetch_add(100, Ordering::Relaxed);
        true
    });
    let doing = store.doing("search");
    let found = search::find(&mut connection, log, filter, start, 5_000, &doing).await;
    (found.unwrap().len(), steps.load(Ordering::Relaxed))
}

#[tokio::test]
async fn a_page_in_the_midst_of_a_segment_looks_at_what_is_in_its_range_only() {
    let (store, folder) = new_store().await;
    let log = store.open_log("test/audit/standard", "standard").await.unwrap();
    store.append(log, &leaves_of(20_000, |_| "all"), at(0)).await.unwrap();
    // The nearest of a network are looked through one by one, the others found along its index.
    let network = Filter { ip: Some([1; 16]..=[2; 16]), ..Filter::default() };
    for start in [Start::Before(10_000), Start::At(10_000)] {
        let (found, steps) = counted(&store, &folder, log, &network, start).await;
        assert_eq!(found, 0);
        assert!((20_000..50_000).contains(&steps), "{steps}");
    }
}

#[tokio::test]
async fn a_search_that_finds_nothing_ends_when_nobody_waits_for_it_any_more() {
    let (store, log, folder) = store_of(1_000).await;
    let mut connection = stranger(&folder).await;
    // For this connection there are so many segments that it would go on for minutes.
    let many = "CREATE TEMP VIEW audit_segment AS \
                WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1000000) \
                SELECT s.* FROM main.audit_segment s, n";
    execute(&mut connection, many).await.unwrap();
    let filter = Filter { ip: Some([1; 16]..=[2; 16]), ..Filter::default() };
    let doing = store.doing("search");
    let [long, forever] = [20, 3_600].map(Duration::from_secs);
    for (patience, stays) in [(Duration::ZERO, long), (forever, Duration::from_millis(100))] {
        let search =
            search::search(&mut connection, log, &filter, Start::END, 10, patience, &doing);
        match timeout(stays, search).await {
            Ok(found) => {
                let late = found.unwrap_err();
                assert!(patience.is_zero() && late.kind() == StoreErrorKind::Unavailable);
                assert!(late.to_string().contains("longer than 30 seconds"), "{late}");
            }
            Err(_) => assert!(!patience.is_zero(), "its patience is at an end"),
        }
        // SQLite's thread does nothing else until it has ended.
        timeout(long, connection.lock_handle()).await.unwrap().unwrap();
    }
}
