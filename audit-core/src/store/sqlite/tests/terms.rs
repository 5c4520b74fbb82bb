//! The table of terms: filled with every append, and believed in nothing.

use std::ops::Range;

use super::*;
use crate::event::{Resource, Term};
use crate::query::Query;
use crate::store::{SEGMENT_SIZE, Start, StoreErrorKind, TermSum};

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
    let rows = store.search(log, &query.filter(), Start::END, 10).await.unwrap();
    rows.iter().map(|row| row.index).collect()
}

#[tokio::test]
async fn terms_cannot_be_changed_or_removed_and_replaced_only_by_the_same() {
    let (store, log, folder) = tagged(&["x", "y"]).await;
    let mut connection = stranger(&folder).await;
    for (sql, message) in [
        ("UPDATE audit_term SET idx = 7", "terms are not changed"),
        ("UPDATE audit_term SET others = 7", "terms are not changed"),
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
async fn a_row_of_which_somebody_took_a_term_away_is_told_of() {
    let (store, log, folder) = tagged(&["x", "y", "z"]).await;
    assert_eq!(unindexed(&store, log).await, [0; 0]);
    meddle(&folder, WITHOUT_A_TERM).await;
    assert_eq!(unindexed(&store, log).await, [1]);
}

/// Takes the last term away that entry 1 is the first to have.
const WITHOUT_A_TERM: &str = "DROP TRIGGER audit_term_delete; DELETE FROM audit_term WHERE idx = 1 \
     AND term = (SELECT max(term) FROM audit_term WHERE idx = 1)";

/// The rows that a search by terms may miss, by what the rows have.
async fn unindexed(store: &SqliteStore, log: LogId) -> Vec<u64> {
    unindexed_in(store, log, 0..10).await
}

async fn unindexed_in(store: &SqliteStore, log: LogId, range: Range<u64>) -> Vec<u64> {
    let mut sum = TermSum::new();
    let rows = store.read(log, 0, 1_000).await.unwrap();
    for row in rows.into_iter().filter(|row| range.contains(&row.index)) {
        row.columns.unwrap().keys().for_each(|term| sum.add(row.index, term));
    }
    store.unindexed(log, range, &sum).await.unwrap()
}

#[tokio::test]
async fn what_somebody_wrote_into_the_table_of_terms_stands_for_none_that_is_gone() {
    // Read as one text, these are the rows that are gone: of a term with a comma and another one in it, of the right term as a text,
    // of two whose parts make one, and of a term that nobody has.
    for forged in [
        "INSERT INTO audit_term SELECT log_id, seg, CAST(term || '1+0,' || zeroblob(12) AS BLOB), 0, 0 FROM lost",
        "INSERT INTO audit_term SELECT log_id, seg, CAST(term AS TEXT), idx, 0 FROM lost",
        "INSERT INTO audit_term SELECT log_id, seg, substr(term, 1, 6), '', '' FROM lost; \
         INSERT INTO audit_term SELECT log_id, seg, substr(term, 7), idx, 0 FROM lost",
        "INSERT INTO audit_term SELECT log_id, seg, zeroblob(12), idx, 0 FROM lost",
        "INSERT INTO audit_term SELECT log_id, seg + 1, term, idx, 0 FROM lost",
    ] {
        let (store, log, folder) = tagged(&["x", "y", "z"]).await;
        // A table that takes what the honest one does not, under the name of that.
        let rebuilt = "CREATE TABLE loose (log_id, seg, term, idx, others, PRIMARY KEY (log_id, seg, term, idx, others)) WITHOUT ROWID; \
             INSERT INTO loose SELECT * FROM audit_term; DROP TABLE audit_term; \
             ALTER TABLE loose RENAME TO audit_term; \
             CREATE TABLE lost AS SELECT * FROM audit_term WHERE idx = 1 ORDER BY term DESC LIMIT 1; \
             DELETE FROM audit_term WHERE idx = 1 AND term = (SELECT term FROM lost)";
        meddle(&folder, &format!("{rebuilt}; {forged}")).await;
        assert_eq!(unindexed(&store, log).await, [1], "{forged}");
    }
}

#[tokio::test]
async fn as_many_terms_as_a_segment_has_are_compared_in_slices() {
    let (store, log, folder) = store_of(0).await;
    let entries = 24;
    let leaves = (0..entries).map(|number| {
        let bulk = (0..2_000).map(|other| Resource::new("r", format!("{number}-{other}")));
        // All in one slice.
        let id = uuid::Builder::from_unix_timestamp_millis(number, &[0; 10]).into_uuid();
        let event = Event::builder("a.b").resources(bulk).tag(id.to_string()).build().unwrap();
        Leaf::of(&event, &Producer::new("test"), number)
    });
    store.append(log, &leaves.collect::<Vec<_>>(), at(0)).await.unwrap();
    let mut sum = TermSum::new();
    for row in store.read(log, 0, 100).await.unwrap() {
        row.columns.unwrap().keys().for_each(|term| sum.add(row.index, term));
    }
    assert_eq!(sum.count(), entries * 2_002);
    assert_eq!(store.unindexed(log, 0..entries, &sum).await.unwrap(), [0; 0]);
    // The first of all slices and the last one.
    let mut expected = Vec::new();
    meddle(&folder, "DROP TRIGGER audit_term_delete").await;
    for gone in [
        "DELETE FROM audit_term WHERE term = (SELECT min(term) FROM audit_term) RETURNING idx",
        "DELETE FROM audit_term WHERE term = (SELECT max(term) FROM audit_term) RETURNING idx",
    ] {
        let mut stranger = stranger(&folder).await;
        let index: i64 = sqlx::query_scalar(gone).fetch_one(&mut stranger).await.unwrap();
        expected.push(index.unsigned_abs());
    }
    expected.sort_unstable();
    expected.dedup();
    let found = store.unindexed(log, 0..entries, &sum).await.unwrap();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn a_term_that_somebody_made_up_shows_no_entry_that_does_not_match() {
    let (store, log, folder) = tagged(&["x", "y", "x"]).await;
    let forged = "INSERT INTO audit_term SELECT t.log_id, t.seg, t.term, e.idx, 0 FROM audit_term t, audit_entry e \
                  WHERE NOT instr(e.terms, t.term)";
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
    assert_eq!(leaf.columns.terms.len(), 2_001);
    store.append(log, std::slice::from_ref(&leaf), at(0)).await.unwrap();
    assert_eq!(store.read(log, 0, 1).await.unwrap()[0].columns, Some(leaf.columns));
    for number in ["0", "999", "1999"] {
        assert_eq!(found(&store, log, Query::new().resources_with("r", number)).await, [0]);
    }
}

#[tokio::test]
async fn what_no_append_writes_into_the_table_of_terms_is_told_of() {
    // In the place of a row for the entries 0 to 9: that row, and one that is of no segment; the same twice, rows that interleave, a row that cannot be
    // one of its segment's, and, in a table that takes anything, rows that read as others, or not at all.
    let of_all = "(SELECT term FROM lost)";
    for (forged, wrong) in [
        (format!("(0, {of_all}, 0, 511)"), vec![]),
        (format!("(0, {of_all}, 0, 511), ('0', {of_all}, 4, 0)"), vec![]),
        (format!("(0, {of_all}, 0, 511), (0, {of_all}, 4, 0)"), vec![4]),
        (format!("(0, {of_all}, 0, 256), (0, {of_all}, 1, 127)"), vec![1]),
        (format!("(0, {of_all}, 0, 511), (0, {of_all}, -1, 0)"), vec![0]),
        (format!("(0, {of_all}, 0, 511), (0, {of_all}, 32768, 0)"), vec![0]),
        (format!("(0, {of_all}, 0, 511), (0, {of_all}, 1, -2)"), vec![0]),
        (format!("(0, {of_all}, 0, 511), (0, {of_all}, 1, NULL)"), vec![0]),
        (format!("(0, {of_all}, 0, '510,' || {of_all} || '1+0')"), (0..10).collect()),
        (format!("(0, {of_all}, '0', 511)"), (0..10).collect()),
    ] {
        let (store, log, folder) = tagged(&["x"; 10]).await;
        let columns = "log_id, seg, term, idx, others";
        let rebuilt = format!(
            "CREATE TABLE loose ({columns}); INSERT INTO loose SELECT * FROM audit_term; DROP TABLE audit_term; \
             CREATE TABLE audit_term ({columns}, PRIMARY KEY ({columns})); \
             CREATE TABLE lost AS SELECT * FROM loose WHERE term = unhex('{}'); \
             INSERT INTO audit_term SELECT * FROM loose WHERE term <> (SELECT term FROM lost)",
            hex::encode(Term::new("tag", "all").as_bytes())
        );
        let forged =
            format!("INSERT INTO audit_term SELECT log_id, f.* FROM lost, (VALUES {forged}) f");
        meddle(&folder, &format!("{rebuilt}; {forged}")).await;
        assert_eq!(unindexed(&store, log).await, wrong, "{forged}");
        if wrong.is_empty() {
            let filter = Query::new().tag("all").filter();
            let page = store.search(log, &filter, Start::END, 1).await.unwrap();
            assert_eq!(page.iter().map(|row| row.index).collect::<Vec<_>>(), [9], "{forged}");
        }
    }
}

#[tokio::test]
async fn a_range_within_a_segment_is_told_of_by_itself_and_so_is_a_row_beyond_its_tile() {
    let (store, log, folder) = tagged(&["x"; 300]).await;
    let in_range = async |range| unindexed_in(&store, log, range).await;
    for range in [0..300, 1..300, 70..71, 100..290, 299..300, 5..5] {
        assert_eq!(in_range(range.clone()).await, [0; 0], "{range:?}");
    }
    // The same entries, but that the rows in the middle are of 192 to 199, 200 to 263, and the rest.
    let of_all = format!("term = unhex('{}')", hex::encode(Term::new("tag", "all").as_bytes()));
    let (before, behind) = ((1 << 7) - 1, (1_u64 << 35) - 1);
    let moved = format!(
        "DROP TRIGGER audit_term_delete; CREATE TABLE rows AS SELECT * FROM audit_term WHERE {of_all}; \
         DELETE FROM audit_term WHERE {of_all} AND idx >= 192; \
         INSERT INTO audit_term SELECT log_id, seg, term, f.* FROM rows, \
         (VALUES (192, {before}), (200, {}), (264, {behind})) f WHERE idx = 0",
        i64::MAX
    );
    meddle(&folder, &moved).await;
    assert_eq!(in_range(0..300).await, (256..264).collect::<Vec<_>>());
    assert_eq!(in_range(290..300).await, [290]);
    meddle(&folder, &format!("DELETE FROM audit_term WHERE {of_all} AND idx >= 192")).await;
    assert_eq!(in_range(100..200).await, (192..200).collect::<Vec<_>>());
    assert_eq!(in_range(100..190).await, [0; 0]);
}

#[tokio::test]
async fn a_page_that_is_not_in_order_is_refused() {
    for start in [Start::END, Start::At(0)] {
        let (store, log, folder) = tagged(&["x", "y", "x"]).await;
        let again = "INSERT INTO audit_term SELECT log_id, seg, term, 1, 0 FROM audit_term WHERE others = 3";
        meddle(&folder, again).await;
        let refused = store.search(log, &Query::new().tag("all").filter(), start, 10).await;
        assert_eq!(refused.unwrap_err().kind(), StoreErrorKind::Damaged);
    }
}

#[tokio::test]
async fn a_row_is_for_64_entries_of_one_append_and_of_one_tile() {
    let (store, log, folder) = store_of(0).await;
    // Some as far from one another as one row reaches, some a little further, and, in the second append, all, across the ends of tiles and the segment.
    let size = SEGMENT_SIZE + 130;
    let has = |index: u64| {
        index.is_multiple_of(63) || index.is_multiple_of(64) || index > SEGMENT_SIZE - 700
    };
    let all = leaves_of(size, |index| if has(index) { "x" } else { "y" });
    let (one, other) = all.split_at(usize::try_from(SEGMENT_SIZE).unwrap() - 700);
    for batch in [one, other] {
        store.append(log, batch, at(0)).await.unwrap();
    }
    let expected: Vec<_> = (0..size).filter(|index| has(*index)).collect();
    let filter = Query::new().tag("x").filter();
    // However a page is cut, and from whichever end.
    for limit in [1, 2, 100, 2_000] {
        let mut found = Vec::new();
        let mut start = Start::At(0);
        loop {
            let rows = store.search(log, &filter, start, limit).await.unwrap();
            found.extend(rows.iter().map(|row| row.index));
            let Some(last) = rows.last() else { break };
            start = Start::At(last.index + 1);
        }
        assert_eq!(found, expected, "{limit}");
        found.clear();
        start = Start::END;
        while let rows @ [.., last] = &store.search(log, &filter, start, limit).await.unwrap()[..] {
            found.extend(rows.iter().map(|row| row.index));
            start = Start::Before(last.index);
        }
        found.reverse();
        assert_eq!(found, expected, "{limit}");
    }
    let mut stranger = stranger(&folder).await;
    let rows = "SELECT idx, others FROM audit_term WHERE term = ? ORDER BY idx";
    let term = Term::new("tag", "x").as_bytes().to_vec();
    let rows: Vec<(i64, i64)> =
        sqlx::query_as(rows).bind(term).fetch_all(&mut stranger).await.unwrap();
    assert!(rows.iter().any(|(_, others)| others.leading_zeros() == 1));
    for (first, others) in rows {
        assert_eq!(first / 256, (first + 64 - i64::from(others.leading_zeros())) / 256, "{first}");
    }
}
