//! The triggers, and what the store says of a file that was changed in spite of them.

use super::*;
use crate::event::Event;
use crate::event::error_text;
use crate::merkle::{Tile, TileId};
use crate::query::Filter;
use crate::store::{Placement, Reader, Start, StoreErrorKind};
use crate::testing::conformance::{encoded, whole};
use crate::verify::{FindingKind, Span, verify};

#[tokio::test]
async fn what_is_in_the_log_cannot_be_changed_removed_or_replaced() {
    let (store, log, folder) = store_of(300).await;
    let aside = &leaves(1)[0].event;
    store.set_aside(log, aside, "a trigger said no", at(0)).await.unwrap();
    let mut connection = stranger(&folder).await;
    execute(
        &mut connection,
        "INSERT INTO audit_outbox VALUES (1, 1, '', '', zeroblob(16), '', NULL)",
    )
    .await
    .unwrap();

    let note = "INSERT INTO audit_checkpoint VALUES (1, 1, 0, zeroblob(32), '', 0)";
    execute(&mut connection, note).await.unwrap();
    let anchor = "INSERT INTO audit_anchor VALUES (1, 1, 'the safe', 0, zeroblob(32), 0)";
    execute(&mut connection, anchor).await.unwrap();
    assert_eq!(store.anchors(LogId(1)).await.unwrap()[0].place, "the safe");

    let entry = "INTO audit_entry SELECT log_id, idx, seg, event_id, '{}', leaf, recorded_at, \
                 occurred_at, action, actor, resource_type, resource_id, terms, openings, ip \
                 FROM audit_entry WHERE idx = 7";
    let other_index = entry.replace("log_id, idx,", "log_id, 300,");
    let other_id = entry.replace("event_id,", "randomblob(16),");
    let insert = |how: &str, what: &str| format!("INSERT {how} {what}");
    let taken = "this index or event id is taken";
    for (sql, message) in [
        ("UPDATE audit_entry SET canon = '{}' WHERE idx = 7".into(), "entries are not changed"),
        ("UPDATE OR REPLACE audit_entry SET idx = 8 WHERE idx = 7".into(), "entries are not changed"),
        ("UPDATE audit_entry SET openings = NULL".into(), "entries are not changed"),
        ("DELETE FROM audit_entry WHERE idx = 7".into(), "entries are not removed"),
        ("DELETE FROM audit_entry".into(), "entries are not removed"),
        (insert("", entry), taken),
        (insert("OR REPLACE", entry), taken),
        (insert("OR IGNORE", entry), taken),
        (insert("OR REPLACE", &other_index), taken),
        (insert("OR ROLLBACK", &other_index), taken),
        (insert("OR REPLACE", &other_id), taken),
        ("UPDATE audit_tile SET data = zeroblob(8192)".into(), "tiles are not changed"),
        ("DELETE FROM audit_tile".into(), "tiles are not removed"),
        ("INSERT OR REPLACE INTO audit_tile SELECT log_id, 0, 0, root, zeroblob(8192) FROM audit_log".into(), "tile is there already"),
        ("UPDATE audit_rejected SET reason = ''".into(), "rows are not changed"),
        ("DELETE FROM audit_rejected".into(), "rows are not removed"),
        ("INSERT OR REPLACE INTO audit_rejected VALUES (1, 1, x'', '', NULL, '', 0)".into(), "this id is taken"),
        ("UPDATE audit_checkpoint SET note = ''".into(), "checkpoints are not changed"),
        ("DELETE FROM audit_checkpoint".into(), "checkpoints are not removed"),
        (
            "INSERT OR REPLACE INTO audit_checkpoint VALUES (1, 1, 0, zeroblob(32), 'other', 0)".into(),
            "this id is taken",
        ),
        ("UPDATE audit_anchor SET place = ''".into(), "anchors are not changed"),
        ("DELETE FROM audit_anchor".into(), "anchors are not removed"),
        (anchor.replace("INSERT", "INSERT OR REPLACE"), "this id is taken"),
        ("UPDATE audit_segment SET earliest = earliest + 1".into(), "bounds do not come closer"),
        ("UPDATE audit_segment SET latest = latest - 1".into(), "bounds do not come closer"),
        ("UPDATE audit_segment SET seg = 1".into(), "bounds do not come closer"),
        ("DELETE FROM audit_segment".into(), "segments are not removed"),
        ("INSERT OR REPLACE INTO audit_segment SELECT log_id, 0, 0, 0 FROM audit_log".into(), "segment is there already"),
        ("DELETE FROM audit_log".into(), "logs are not removed"),
        ("UPDATE audit_log SET origin = 'other'".into(), "id, origin and class"),
        ("UPDATE audit_log SET class = 'other'".into(), "id, origin and class"),
        ("UPDATE audit_log SET log_id = 2".into(), "id, origin and class"),
        ("UPDATE audit_log SET state = 'other'".into(), "CHECK constraint failed"),
        (
            "INSERT OR REPLACE INTO audit_entry(rowid, log_id, idx, seg, event_id, canon, leaf, recorded_at, occurred_at, action, terms)
                 SELECT rowid, 99, 400, 0, randomblob(16), '{}', leaf, 0, 0, 'x', x'' FROM audit_entry WHERE idx = 7"
                .into(),
            taken,
        ),
        (
            "INSERT OR REPLACE INTO audit_tile(rowid, log_id, level, n, root, data)
                 SELECT rowid, 99, 0, 0, root, data FROM audit_tile"
                .into(),
            "tile is there already",
        ),
        ("UPDATE audit_log SET size = 299".into(), "a head only advances"),
        ("UPDATE audit_log SET root = zeroblob(32)".into(), "a head only advances"),
        ("UPDATE audit_log SET frontier = zeroblob(128)".into(), "a head only advances"),
        ("UPDATE audit_log SET recorded_at = recorded_at - 1".into(), "a head only advances"),
        ("UPDATE audit_log SET min_index = 256".into(), "a head only advances"),
        (
            "INSERT OR REPLACE INTO audit_log SELECT log_id, 'o', 'c', 0, root, x'', 0, 'open', 0 FROM audit_log".into(),
            "this log is there already",
        ),
        ("UPDATE audit_outbox SET canon = ''".into(), "events are not changed"),
        (
            "INSERT OR REPLACE INTO audit_outbox SELECT 1, 1, '', '', zeroblob(16), '', NULL FROM audit_log".into(),
            "this id is taken",
        ),
    ] {
        let sql: String = sql;
        let refused = execute(&mut connection, &sql).await.expect_err(&sql);
        assert!(refused.contains(message), "{sql}: {refused}");
    }
    assert_eq!(whole(&store, log).await.len(), 300);
    store.append(log, &leaves(1), at(0)).await.unwrap();
    // It only closes.
    for (state, not) in [("quarantined", &["open"][..]), ("frozen", &["open", "quarantined"])] {
        let set = |state: &str| format!("UPDATE audit_log SET state = '{state}'");
        execute(&mut connection, &set(state)).await.unwrap();
        for before in not {
            let refused = execute(&mut connection, &set(before)).await.unwrap_err();
            assert!(refused.contains("is not opened again"), "{refused}");
        }
        let grown = "UPDATE audit_log SET size = 400";
        let refused = execute(&mut connection, grown).await.unwrap_err();
        assert!(refused.contains("takes no entries"), "{refused}");
    }
}

#[tokio::test]
async fn tiles_are_protected_as_before_when_some_were_replaced() {
    let (store, log, folder) = store_of(300).await;
    let mut connection = stranger(&folder).await;
    let schema = "SELECT sql FROM sqlite_schema ORDER BY name";
    let before: Vec<Option<String>> =
        sqlx::query_scalar(schema).fetch_all(&mut connection).await.unwrap();
    let id = TileId { level: 0, index: 0 };
    let tile = store.tile(log, id).await.unwrap().unwrap();
    store.replace_tiles(log, &[(id, tile)]).await.unwrap();
    let after: Vec<Option<String>> =
        sqlx::query_scalar(schema).fetch_all(&mut connection).await.unwrap();
    assert_eq!(after, before);
}

#[tokio::test]
async fn a_row_that_a_rule_of_the_database_refuses_is_rejected_and_can_be_set_aside() {
    let (store, log, folder) = store_of(3).await;
    meddle(
        &folder,
        "CREATE TRIGGER no_refunds BEFORE INSERT ON audit_entry WHEN NEW.action = 'invoice.refund' \
         BEGIN SELECT RAISE(ABORT, 'refunds are not for this log'); END",
    )
    .await;
    let mut batch = leaves(2);
    batch.insert(1, encoded(Event::builder("invoice.refund"), 0));
    let before = store.head(log).await.unwrap();
    let refused = store.append(log, &batch, at(0)).await.unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::Rejected);
    assert!(told(&refused, &file_in(&folder)).contains("refunds are not for this log"));
    assert_eq!(store.head(log).await.unwrap(), before);

    let poison = batch.remove(1);
    store.append(log, &batch, at(0)).await.unwrap();
    store.set_aside(log, &poison.event, "no refunds", at(1)).await.unwrap();
    let mut connection = stranger(&folder).await;
    let kept: (String, String) = sqlx::query_as("SELECT canon, reason FROM audit_rejected")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(kept, (poison.event.canon, "no refunds".to_owned()));
}

#[tokio::test]
async fn bytes_beyond_the_limit_are_rejected() {
    let (store, log, folder) = store_of(0).await;
    let mut leaf = leaves(1).remove(0);
    leaf.event.canon = "\u{e4}".repeat(32_768);
    let refused = store.append(log, &[leaf.clone()], at(0)).await.unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::Rejected);
    assert!(told(&refused, &file_in(&folder)).contains("CHECK constraint failed"));
    leaf.event.canon.truncate(65_534);
    store.append(log, &[leaf], at(0)).await.unwrap();
}

#[tokio::test]
async fn a_row_that_falls_without_a_word_is_never_taken_for_recorded() {
    for trigger in [
        "CREATE TRIGGER hush BEFORE INSERT ON audit_entry WHEN NEW.idx = 3 BEGIN SELECT RAISE(IGNORE); END",
        "CREATE TRIGGER hush BEFORE UPDATE ON audit_log BEGIN SELECT RAISE(IGNORE); END",
    ] {
        let (store, log, folder) = store_of(3).await;
        meddle(&folder, trigger).await;
        let refused = store.append(log, &leaves(2), at(0)).await.unwrap_err();
        assert_eq!(refused.kind(), StoreErrorKind::Damaged, "{trigger}");
        assert_eq!(whole(&store, log).await.len(), 3);
    }
    let (store, log, folder) = store_of(3).await;
    let hush =
        "CREATE TRIGGER hush BEFORE INSERT ON audit_rejected BEGIN SELECT RAISE(IGNORE); END";
    meddle(&folder, hush).await;
    let event = leaves(1).remove(0).event;
    assert!(store.set_aside(log, &event, "no refunds", at(0)).await.is_err());
    let mut connection = stranger(&folder).await;
    let post = format!(
        "INSERT INTO audit_outbox SELECT 7, {}, 'o', 'c', zeroblob(16), '{{}}', NULL",
        log.0
    );
    execute(&mut connection, &post).await.unwrap();
    assert!(store.reject(log, 7, "no refunds", at(0)).await.is_err());
    assert_eq!(store.outbox(0, 10).await.unwrap().len(), 1, "it stays");
    execute(&mut connection, "DROP TRIGGER hush").await.unwrap();
    assert!(store.reject(log, 7, "no refunds", at(0)).await.unwrap());
    assert!(!store.reject(log, 7, "no refunds", at(0)).await.unwrap());
}

#[tokio::test]
async fn a_closed_log_takes_nothing() {
    for state in ["frozen", "quarantined"] {
        let (store, log, folder) = store_of(3).await;
        let close = format!("UPDATE audit_log SET state = '{state}'");
        meddle(&folder, &close).await;
        let refused = store.append(log, &leaves(1), at(0)).await.unwrap_err();
        assert_eq!(refused.kind(), StoreErrorKind::Closed);
        assert!(told(&refused, &file_in(&folder)).contains("takes no entries"));
        assert_eq!(whole(&store, log).await.len(), 3);
    }
}

/// What must be dropped before rows can be changed.
const WITHOUT_TRIGGERS: &str = "DROP TRIGGER audit_entry_update; DROP TRIGGER audit_entry_delete; \
     DROP TRIGGER audit_tile_update; DROP TRIGGER audit_tile_delete; DROP TRIGGER audit_log_advance; ";

#[tokio::test]
async fn what_somebody_made_unreadable_is_missing_in_the_row_and_no_error() {
    let (store, log, folder) = store_of(8).await;
    let honest = store.read(log, 0, 10).await.unwrap();
    // The checks of a table do not bind whoever can write to its file.
    let changes = "PRAGMA ignore_check_constraints = ON; \
         UPDATE audit_entry SET canon = CAST(x'7bff7d' AS TEXT) WHERE idx = 0; \
         UPDATE audit_entry SET leaf = x'00' WHERE idx = 1; \
         UPDATE audit_entry SET event_id = x'' WHERE idx = 2; \
         UPDATE audit_entry SET actor = CAST(x'ff' AS TEXT) WHERE idx = 3; \
         UPDATE audit_entry SET terms = x'00' WHERE idx = 4; \
         UPDATE audit_entry SET recorded_at = 9223372036854775807, seg = -1 WHERE idx = 5; \
         UPDATE audit_entry SET occurred_at = -9223372036854775808 WHERE idx = 6; \
         UPDATE audit_entry SET openings = CAST(x'fe' AS TEXT), ip = x'01' WHERE idx = 7;";
    meddle(&folder, &format!("{WITHOUT_TRIGGERS}{changes}")).await;

    let mut expected = honest;
    expected[0].canon = b"{\xff}".to_vec();
    expected[1].leaf = None;
    for index in [2, 3, 4, 6] {
        expected[index].columns = None;
    }
    (expected[5].recorded_at, expected[5].segment) = (None, None);
    expected[7].ip = Some(vec![1]);
    assert_eq!(store.read(log, 0, 10).await.unwrap(), expected);
    expected.retain(|row| row.index != 5);
    let mut found = store.search(log, &Filter::default(), Start::END, 10).await.unwrap();
    found.retain(|row| row.index != 5);
    found.reverse();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn a_damaged_log_is_told_as_such_and_takes_nothing() {
    let changes = [
        ("UPDATE audit_log SET root = zeroblob(32)", "not the root of its frontier"),
        ("UPDATE audit_log SET frontier = x'', size = 5", "head of the log cannot be read"),
        (
            "UPDATE audit_log SET size = 100, frontier = zeroblob(96)",
            "a row lies beyond the end of the log",
        ),
        (
            "INSERT INTO audit_entry SELECT log_id, 300, 0, zeroblob(16), '', leaf, 0, 0, '', '', '', '', x'', '', NULL \
          FROM audit_entry WHERE idx = 0",
            "a row lies beyond the end of the log",
        ),
        ("DELETE FROM audit_entry WHERE idx = 299", "hashes below a full tile are missing"),
        (
            "UPDATE audit_entry SET leaf = x'' WHERE idx = 299",
            "hashes below a full tile are missing",
        ),
    ];
    for (change, message) in changes {
        let (store, log, folder) = store_of(300).await;
        let ignore = "PRAGMA ignore_check_constraints = ON; ";
        meddle(&folder, &format!("{WITHOUT_TRIGGERS}{ignore}{change}")).await;
        let refused = store.append(log, &leaves(300), at(0)).await.unwrap_err();
        assert_eq!(refused.kind(), StoreErrorKind::Damaged, "{change}: {}", error_text(&refused));
        let text = told(&refused, &file_in(&folder));
        assert!(text.contains(message), "{change}: {text}");
    }
}

#[tokio::test]
async fn a_row_beyond_the_tree_is_neither_found_nor_taken_for_an_entry() {
    let (store, log, folder) = store_of(3).await;
    let event = encoded(Event::builder("login"), 1);
    let id = hex::encode(event.columns.event_id.as_bytes());
    let forged = format!(
        "INSERT INTO audit_entry SELECT log_id, 1000, seg, x'{id}', canon, x'{}', recorded_at, occurred_at, \
         action, actor, resource_type, resource_id, terms, openings, ip FROM audit_entry WHERE idx = 0",
        event.hash
    );
    meddle(&folder, &forged).await;
    assert_eq!(store.search(log, &Filter::default(), Start::END, 10).await.unwrap().len(), 3);
    assert_eq!(store.read(log, 0, 10).await.unwrap().len(), 4, "verification must see it");
    // To answer `Repeated` would lose the event.
    let refused = store.append(log, &[event], at(0)).await.unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::Damaged);
}

#[tokio::test]
async fn a_tile_that_cannot_be_read_is_an_error() {
    let (store, log, folder) = store_of(800).await;
    let damage =
        "PRAGMA ignore_check_constraints = ON; UPDATE audit_tile SET data = x'01' WHERE n = 1";
    meddle(&folder, &format!("{WITHOUT_TRIGGERS}{damage}")).await;
    let [first, second] = [0, 1].map(|index| TileId { level: 0, index });
    for refused in [store.tile(log, second).await.err(), store.tiles(log, first, 3).await.err()] {
        assert_eq!(refused.unwrap().kind(), StoreErrorKind::Damaged);
    }
    assert!(store.tile(log, first).await.unwrap().is_some());
    // It costs those beside it nothing, and the entries below it are still what they were.
    let report = verify(&Reader::new(store.clone())).await.unwrap();
    let found: Vec<_> = report.findings().map(|found| (found.kind, found.entries)).collect();
    let place = Span { first: 256, last: 511 };
    assert_eq!(found, [(FindingKind::TilesCorrupt, Some(place))], "{report}");
    let one = store.append(log, &leaves(1), at(0)).await.unwrap();
    assert_eq!(one.placements, [Placement::Appended(800)]);
}

#[tokio::test]
async fn what_somebody_wrote_beyond_the_end_of_a_log_stops_no_append() {
    let (store, log, folder) = store_of(300).await;
    let next = leaves(301).remove(300);
    let term = hex::encode(next.columns.keys().next().unwrap().as_bytes());
    let planted = format!(
        "INSERT INTO audit_tile VALUES ({0}, 0, 1, zeroblob(32), zeroblob(8192)); \
         INSERT INTO audit_term VALUES ({0}, 0, unhex('{term}'), 300, 0)",
        log.0
    );
    meddle(&folder, &planted).await;
    store.append(log, &[next], at(0)).await.unwrap();
    store.append(log, &leaves(512)[301..], at(0)).await.unwrap();
    let tile = TileId { level: 0, index: 1 };
    let hashes = store.read(log, 256, 256).await.unwrap().into_iter().map(|row| row.leaf.unwrap());
    let right = Tile::new(hashes.collect()).unwrap();
    assert_eq!(store.tile(log, tile).await.unwrap(), Some(right));
    // It is part of the log now.
    let mut stranger = stranger(&folder).await;
    let again = format!(
        "INSERT OR REPLACE INTO audit_tile VALUES ({}, 0, 1, zeroblob(32), zeroblob(8192))",
        log.0
    );
    let refused = execute(&mut stranger, &again).await.unwrap_err();
    assert!(refused.contains("this tile is there already"), "{refused}");
}

/// A row below 1 would be in the way of all rows for which no id has been found yet; and of those that come after it, which SQLite would give
/// the ids behind it. Where there are rows already, whoever switches the
/// checks off stops no append either.
#[tokio::test]
async fn no_row_has_a_hidden_id_below_1() {
    let (store, log, folder) = store_of(300).await;
    let mut stranger = stranger(&folder).await;
    let planted = [
        "INSERT INTO audit_entry (rowid, log_id, idx, seg, event_id, canon, leaf, recorded_at, occurred_at, action, terms) \
         VALUES (#, 7, 9 - #, 0, randomblob(16), '', zeroblob(32), 0, 0, '', x'')",
        "INSERT INTO audit_tile (rowid, log_id, level, n, root, data) VALUES (#, 7, 0, 0 - #, zeroblob(32), zeroblob(8192))",
        "INSERT INTO audit_outbox VALUES (#, 1, '', '', zeroblob(16), '', NULL)",
        "INSERT INTO audit_checkpoint VALUES (#, 1, 0, zeroblob(32), '', 0)",
        "INSERT INTO audit_anchor VALUES (#, 1, '', 0, zeroblob(32), 0)",
    ];
    let planted = |id: i64| planted.map(|planted| planted.replace('#', &id.to_string()));
    for planted in [-5, -1, 0].map(planted).concat() {
        let refused = execute(&mut stranger, &planted).await.expect_err(&planted);
        assert!(refused.contains("id > 0"), "{planted}: {refused}");
    }
    execute(&mut stranger, "PRAGMA ignore_check_constraints = ON").await.unwrap();
    for planted in planted(-1) {
        execute(&mut stranger, &planted).await.unwrap();
    }
    store.append(log, &leaves(600)[300..], at(0)).await.unwrap();
    assert!(store.tile(log, TileId { level: 0, index: 1 }).await.unwrap().is_some());
    execute(
        &mut stranger,
        "INSERT INTO audit_outbox VALUES (NULL, 1, '', '', zeroblob(16), '', NULL)",
    )
    .await
    .unwrap();
}
