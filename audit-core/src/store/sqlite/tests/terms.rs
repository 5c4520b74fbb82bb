//! The table of terms: filled with every append, and believed in nothing.

use super::*;
use crate::event::{Event, Producer, Resource};
use crate::query::Query;
use crate::store::{Leaf, StoreErrorKind};

/// An entry of each tag, in order.
async fn tagged(tags: &[&str]) -> (SqliteStore, LogId, TempDir) {
    let (store, log, folder) = store_of(0).await;
    let leaves = tags.iter().zip(0..).map(|(tag, seq)| {
        let event = Event::builder("a.b").tag("all").tag(*tag).build().unwrap();
        Leaf::of(&event, &Producer::new("test"), seq)
    });
    store.append(log, &leaves.collect::<Vec<_>>(), at(0)).await.unwrap();
    (store, log, folder)
}

async fn found(store: &SqliteStore, log: LogId, query: Query) -> Vec<u64> {
    let rows = store.search(log, &query.filter(), None, 10).await.unwrap();
    rows.iter().map(|row| row.index).collect()
}

#[tokio::test]
async fn terms_cannot_be_changed_or_removed_and_replaced_only_by_the_same() {
    let (store, log, folder) = tagged(&["x", "y"]).await;
    let mut connection = stranger(&folder).await;
    for (sql, message) in [
        ("UPDATE audit_term SET idx = 7", "terms are not changed"),
        ("UPDATE OR REPLACE audit_term SET idx = 0", "terms are not changed"),
        ("DELETE FROM audit_term", "terms are not removed"),
    ] {
        let refused = execute(&mut connection, sql).await.expect_err(sql);
        assert!(refused.contains(message), "{sql}: {refused}");
    }
    let same = "INSERT OR REPLACE INTO audit_term SELECT * FROM audit_term";
    execute(&mut connection, same).await.unwrap();
    assert_eq!(found(&store, log, Query::new().tag("all")).await, [1, 0]);
}

#[tokio::test]
async fn a_term_that_somebody_took_away_leaves_a_row_whose_columns_verification_finds_unreadable() {
    let (store, log, folder) = tagged(&["x", "y", "z"]).await;
    let gone = "DROP TRIGGER audit_term_delete; DELETE FROM audit_term WHERE idx = 1 \
                AND term = (SELECT max(term) FROM audit_term WHERE idx = 1)";
    meddle(&folder, gone).await;
    let rows = store.read(log, 0, 10).await.unwrap();
    let whole: Vec<_> = rows.iter().map(|row| row.columns.is_some()).collect();
    assert_eq!(whole, [true, false, true]);
}

#[tokio::test]
async fn a_term_that_somebody_made_up_shows_no_entry_that_does_not_match() {
    let (store, log, folder) = tagged(&["x", "y", "x"]).await;
    let forged = "INSERT INTO audit_term SELECT t.log_id, t.seg, t.term, e.idx FROM audit_term t, audit_entry e \
                  WHERE true ON CONFLICT DO NOTHING";
    meddle(&folder, forged).await;
    assert_eq!(found(&store, log, Query::new().tag("x")).await, [2, 0]);
    assert_eq!(found(&store, log, Query::new().tag("y")).await, [1]);
    assert_eq!(found(&store, log, Query::new().tag("all")).await, [2, 1, 0]);
    assert_eq!(found(&store, log, Query::new().tag("x").tag("y")).await, [0; 0]);
}

#[tokio::test]
async fn a_term_that_falls_without_a_word_is_never_taken_for_written() {
    let (store, log, folder) = tagged(&["x"]).await;
    let hush = "CREATE TRIGGER hush BEFORE INSERT ON audit_term BEGIN SELECT RAISE(IGNORE); END";
    meddle(&folder, hush).await;
    let event = Event::builder("a.b").tag("x").build().unwrap();
    let leaf = Leaf::of(&event, &Producer::new("test"), 0);
    let refused = store.append(log, &[leaf], at(0)).await.unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::Damaged);
    assert_eq!(store.read(log, 0, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn as_many_terms_as_an_event_can_have_are_all_found() {
    let (store, log, _folder) = store_of(0).await;
    let bulk = (0..2_000).map(|number| Resource::new("r", number.to_string()));
    let event = Event::builder("a.b").resources(bulk).build().unwrap();
    let leaf = Leaf::of(&event, &Producer::new("test"), 0);
    assert_eq!(leaf.columns.terms.len(), 2_000);
    store.append(log, std::slice::from_ref(&leaf), at(0)).await.unwrap();
    assert_eq!(store.read(log, 0, 1).await.unwrap()[0].columns, Some(leaf.columns));
    for number in ["0", "999", "1999"] {
        assert_eq!(found(&store, log, Query::new().resources_with("r", number)).await, [0]);
    }
}
