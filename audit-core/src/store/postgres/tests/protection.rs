//! The triggers, and what the store says of a database that was changed in spite of them.

use chrono::{DateTime, Utc};

use super::*;
use crate::event::Event;
use crate::merkle::TileId;
use crate::query::Filter;
use crate::store::{Outbox as _, Placement, Start, StoreErrorKind};
use crate::testing::conformance::{encoded, whole};

#[tokio::test]
async fn what_is_in_the_log_cannot_be_changed_or_removed() {
    let Some((store, log, database)) = store_of(300).await else { return };
    let aside = &leaves(1)[0].event;
    store.set_aside(log, aside, "a trigger said no", at(0)).await.unwrap();
    let mut connection = database.stranger().await;
    connection.put("test/audit/standard", aside).await.unwrap();
    let note = "INSERT INTO audit.checkpoint (log_id, size, root, note, signed_at) \
                VALUES (1, 0, sha256(''), '', now())";
    execute(&mut connection, note).await.unwrap();
    let anchor = "INSERT INTO audit.anchor (log_id, place, size, root, at) \
                  VALUES (1, 'the safe', 0, sha256(''), now())";
    execute(&mut connection, anchor).await.unwrap();

    let statements = [
        ("UPDATE audit.entry SET canon = '{}' WHERE idx = 7", "audit.entry is append-only: UPDATE"),
        (
            "UPDATE audit.entry SET openings = NULL WHERE false",
            "audit.entry is append-only: UPDATE",
        ),
        ("DELETE FROM audit.entry WHERE idx = 7", "audit.entry is append-only: DELETE"),
        ("TRUNCATE audit.entry", "audit.entry is append-only: TRUNCATE"),
        (
            "INSERT INTO audit.entry SELECT * FROM audit.entry WHERE idx = 7 \
             ON CONFLICT (log_id, idx) DO UPDATE SET canon = '{}'",
            "audit.entry is append-only: UPDATE",
        ),
        ("UPDATE audit.tile SET data = data", "audit.tile is append-only: UPDATE"),
        ("DELETE FROM audit.tile", "audit.tile is append-only: DELETE"),
        ("TRUNCATE audit.tile", "audit.tile is append-only: TRUNCATE"),
        ("UPDATE audit.rejected SET reason = ''", "audit.rejected is append-only: UPDATE"),
        ("DELETE FROM audit.rejected", "audit.rejected is append-only: DELETE"),
        ("TRUNCATE audit.rejected", "audit.rejected is append-only: TRUNCATE"),
        ("UPDATE audit.checkpoint SET note = ''", "audit.checkpoint is append-only: UPDATE"),
        ("DELETE FROM audit.checkpoint", "audit.checkpoint is append-only: DELETE"),
        ("TRUNCATE audit.checkpoint", "audit.checkpoint is append-only: TRUNCATE"),
        ("UPDATE audit.anchor SET place = ''", "audit.anchor is append-only: UPDATE"),
        ("DELETE FROM audit.anchor", "audit.anchor is append-only: DELETE"),
        ("TRUNCATE audit.anchor", "audit.anchor is append-only: TRUNCATE"),
        ("UPDATE audit.outbox SET canon = ''", "audit.outbox is append-only: UPDATE"),
        ("TRUNCATE audit.outbox", "audit.outbox is append-only: TRUNCATE"),
        ("DELETE FROM audit.segment", "audit.segment is append-only: DELETE"),
        ("TRUNCATE audit.segment", "audit.segment is append-only: TRUNCATE"),
        ("UPDATE audit.segment SET earliest = earliest + interval '1 s'", "do not come closer"),
        ("UPDATE audit.segment SET latest = latest - interval '1 s'", "do not come closer"),
        ("UPDATE audit.segment SET seg = 1", "do not come closer"),
        ("UPDATE audit.segment SET log_id = 1", "do not come closer"),
        ("DELETE FROM audit.log", "audit.log is append-only: DELETE"),
        ("TRUNCATE audit.log", "audit.log is append-only: TRUNCATE"),
        ("UPDATE audit.log SET log_id = 2", "id, origin and class"),
        ("UPDATE audit.log SET origin = 'other'", "id, origin and class"),
        ("UPDATE audit.log SET class = 'other'", "id, origin and class"),
        ("UPDATE audit.log SET state = 'other'", "log_state_check"),
        ("UPDATE audit.log SET size = 299", "a head only advances"),
        ("UPDATE audit.log SET root = sha256('')", "a head only advances"),
        ("UPDATE audit.log SET frontier = ''", "a head only advances"),
        ("UPDATE audit.log SET min_index = 256", "a head only advances"),
        ("UPDATE audit.log SET recorded_at = NULL", "a head only advances"),
        ("UPDATE audit.log SET recorded_at = recorded_at - interval '1 s'", "a head only advances"),
        (
            "TRUNCATE audit.log, audit.entry, audit.tile, audit.segment, audit.outbox",
            "is append-only: TRUNCATE",
        ),
    ];
    for role in ["origin", "replica", "local"] {
        let role = format!("SET session_replication_role = {role}");
        execute(&mut connection, &role).await.unwrap();
        for (sql, message) in statements {
            let refused = execute(&mut connection, sql).await.expect_err(sql);
            assert!(refused.contains(message), "{role}; {sql}: {refused}");
        }
    }
    // Wider is what a segment may become.
    let wider = "UPDATE audit.segment SET earliest = earliest - interval '1 s', latest = latest + interval '1 s'";
    execute(&mut connection, wider).await.unwrap();
    assert_eq!(whole(&store, log).await.len(), 300);
    store.append(log, &leaves(1), at(0)).await.unwrap();
    // It only closes.
    for (state, not) in [("quarantined", &["open"][..]), ("frozen", &["open", "quarantined"])] {
        let set = |state: &str| format!("UPDATE audit.log SET state = '{state}'");
        execute(&mut connection, &set(state)).await.unwrap();
        for before in not {
            let refused = execute(&mut connection, &set(before)).await.unwrap_err();
            assert!(refused.contains("is not opened again"), "{refused}");
        }
        let grown = "UPDATE audit.log SET size = 400";
        let refused = execute(&mut connection, grown).await.unwrap_err();
        assert!(refused.contains("takes no entries"), "{refused}");
    }
}

#[tokio::test]
async fn tiles_are_protected_as_before_when_some_were_replaced() {
    let Some((store, log, database)) = store_of(300).await else { return };
    let id = TileId { level: 0, index: 0 };
    let tile = store.tile(log, id).await.unwrap().unwrap();
    store.replace_tiles(log, &[(id, tile)]).await.unwrap();
    let mut connection = database.stranger().await;
    for role in ["origin", "replica", "local"] {
        let role = format!("SET session_replication_role = {role}");
        execute(&mut connection, &role).await.unwrap();
        for sql in ["UPDATE audit.tile SET data = data", "DELETE FROM audit.tile"] {
            let refused = execute(&mut connection, sql).await.expect_err(sql);
            assert!(refused.contains("audit.tile is append-only"), "{role}; {sql}: {refused}");
        }
    }
}

#[tokio::test]
async fn a_row_that_a_rule_of_the_database_refuses_is_rejected_and_can_be_set_aside() {
    let Some((store, log, database)) = store_of(3).await else { return };
    let trigger = "CREATE FUNCTION no_refunds() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            RAISE EXCEPTION 'refunds are not for this log'; END $$;
        CREATE TRIGGER no_refunds BEFORE INSERT ON audit.entry FOR EACH ROW
            WHEN (NEW.action = 'invoice.refund') EXECUTE FUNCTION no_refunds()";
    database.meddle(trigger).await;
    let mut batch = leaves(2);
    batch.insert(1, encoded(Event::builder("invoice.refund"), 0));
    let before = store.head(log).await.unwrap();
    let refused = store.append(log, &batch, at(0)).await.unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::Rejected);
    assert!(database.told(&refused).contains("refunds are not for this log"));
    assert_eq!(store.head(log).await.unwrap(), before);

    let poison = batch.remove(1);
    store.append(log, &batch, at(0)).await.unwrap();
    // It came through the outbox, and leaves that with being set aside.
    let mut connection = database.stranger().await;
    connection.put("test/audit/standard", &poison.event).await.unwrap();
    let [row] = store.outbox(0, 10).await.unwrap().try_into().unwrap();
    assert!(store.reject(log, row.key, "no refunds", at(1)).await.unwrap());
    assert!(store.outbox(0, 10).await.unwrap().is_empty());
    let kept = "SELECT canon, reason, event_id, at FROM audit.rejected";
    let kept: (String, String, Uuid, DateTime<Utc>) =
        sqlx::query_as(kept).fetch_one(&mut connection).await.unwrap();
    let event = poison.event;
    assert_eq!(kept, (event.canon, "no refunds".to_owned(), event.id, at(1)));
}

#[tokio::test]
async fn bytes_beyond_the_limit_are_rejected() {
    let Some((store, log, database)) = store_of(0).await else { return };
    let mut leaf = leaves(1).remove(0);
    leaf.event.canon = "\u{e4}".repeat(32_768);
    let refused = store.append(log, &[leaf.clone()], at(0)).await.unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::Rejected);
    assert!(database.told(&refused).contains("entry_canon_check"), "{refused:?}");
    leaf.event.canon.truncate(65_534);
    store.append(log, &[leaf], at(0)).await.unwrap();
}

#[tokio::test]
async fn a_row_that_falls_without_a_word_is_never_taken_for_recorded() {
    let hush = "CREATE FUNCTION hush() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$; \
                CREATE TRIGGER hush BEFORE";
    for meddling in [
        format!(
            "{hush} INSERT ON audit.entry FOR EACH ROW WHEN (NEW.idx = 256) EXECUTE FUNCTION hush()"
        ),
        format!("{hush} INSERT ON audit.tile FOR EACH ROW EXECUTE FUNCTION hush()"),
        format!("{hush} UPDATE ON audit.segment FOR EACH ROW EXECUTE FUNCTION hush()"),
        format!("{hush} UPDATE ON audit.log FOR EACH ROW EXECUTE FUNCTION hush()"),
        "CREATE RULE hush AS ON INSERT TO audit.entry DO INSTEAD NOTHING".into(),
        "CREATE RULE hush AS ON INSERT TO audit.tile DO INSTEAD NOTHING".into(),
        "CREATE RULE hush AS ON INSERT TO audit.segment DO INSTEAD NOTHING".into(),
        "CREATE RULE hush AS ON UPDATE TO audit.log DO INSTEAD NOTHING".into(),
    ] {
        let Some((store, log, database)) = store_of(250).await else { return };
        database.meddle(&meddling).await;
        let refused = store.append(log, &leaves(10), at(0)).await.expect_err(&meddling);
        assert_eq!(refused.kind(), StoreErrorKind::Damaged, "{meddling}: {}", error_text(&refused));
        assert_eq!(whole(&store, log).await.len(), 250);
    }
    for table in ["outbox", "rejected", "log"] {
        for meddling in [
            format!("{hush} INSERT ON audit.{table} FOR EACH ROW EXECUTE FUNCTION hush()"),
            format!("CREATE RULE hush AS ON INSERT TO audit.{table} DO INSTEAD NOTHING"),
        ] {
            let Some((store, log, database)) = store_of(1).await else { return };
            database.meddle(&meddling).await;
            let event = &leaves(1)[0].event;
            let mut connection = database.stranger().await;
            let refused = match table {
                "outbox" => connection.put("test/audit/standard", event).await.is_err(),
                "rejected" => {
                    connection.put("test/audit/standard", event).await.unwrap();
                    let row = store.outbox(0, 1).await.unwrap().remove(0);
                    let is_refused = store.reject(row.log, row.key, "no", at(0)).await.is_err();
                    let stays = store.outbox(0, 1).await.unwrap().len() == 1;
                    store.set_aside(log, event, "no", at(0)).await.is_err() && is_refused && stays
                }
                _ => store.open_log("test/other", "standard").await.is_err(),
            };
            assert!(refused, "{meddling}");
        }
    }
}

/// What must be taken away before rows can be changed to anything.
const UNPROTECTED: &str = "ALTER TABLE audit.log DISABLE TRIGGER ALL; \
    ALTER TABLE audit.entry DISABLE TRIGGER ALL; ALTER TABLE audit.tile DISABLE TRIGGER ALL; \
    ALTER TABLE audit.segment DISABLE TRIGGER ALL; \
    ALTER TABLE audit.log DROP CONSTRAINT log_size_check, DROP CONSTRAINT log_frontier_check, \
        DROP CONSTRAINT log_root_check, DROP CONSTRAINT log_state_check; \
    ALTER TABLE audit.entry DROP CONSTRAINT entry_leaf_check, DROP CONSTRAINT entry_ip_check; \
    ALTER TABLE audit.tile DROP CONSTRAINT tile_data_check, \
        DROP CONSTRAINT tile_root_check; ";

#[tokio::test]
async fn a_closed_log_takes_nothing() {
    for state in ["frozen", "quarantined"] {
        let Some((store, log, database)) = store_of(3).await else { return };
        database.meddle(&format!("UPDATE audit.log SET state = '{state}'")).await;
        let refused = store.append(log, &leaves(1), at(0)).await.unwrap_err();
        assert_eq!(refused.kind(), StoreErrorKind::Closed);
        assert!(database.told(&refused).contains("takes no entries"));
        assert_eq!(whole(&store, log).await.len(), 3);
    }
}

#[tokio::test]
async fn what_somebody_made_unreadable_is_missing_in_the_row_and_no_error() {
    let Some((store, log, database)) = store_of(8).await else { return };
    let honest = store.read(log, 0, 10).await.unwrap();
    // `infinity` and the year 290000 are times to the server.
    let changes = "UPDATE audit.entry SET leaf = '' WHERE idx = 1; \
         UPDATE audit.entry SET terms = '{00000001-0000-0000-0000-000000000000}' WHERE idx = 2; \
         UPDATE audit.entry SET occurred_at = 'infinity' WHERE idx = 3; \
         UPDATE audit.entry SET occurred_at = '290000-01-01' WHERE idx = 4; \
         UPDATE audit.entry SET recorded_at = '-infinity', seg = -1 WHERE idx = 5; \
         ALTER TABLE audit.entry ALTER event_id DROP NOT NULL, DROP CONSTRAINT entry_log_id_event_id_key; \
         UPDATE audit.entry SET event_id = NULL WHERE idx = 6; \
         UPDATE audit.entry SET ip = '\\x01', openings = '{' WHERE idx = 7";
    database.meddle(&format!("{UNPROTECTED}{changes}")).await;

    let mut expected = honest;
    expected[1].leaf = None;
    for index in [2, 3, 4, 6] {
        expected[index].columns = None;
    }
    (expected[5].recorded_at, expected[5].segment) = (None, None);
    expected[7].ip = Some(vec![1]);
    expected[7].openings = Some("{".to_owned());
    assert_eq!(store.read(log, 0, 10).await.unwrap(), expected);
    let mut found = store.search(log, &Filter::default(), Start::END, 10).await.unwrap();
    found.reverse();
    assert_eq!(found, expected);
}

#[tokio::test]
async fn a_damaged_log_is_told_as_such_and_takes_nothing() {
    for (change, message) in [
        ("UPDATE audit.log SET root = sha256('')", "not the root of its frontier"),
        ("UPDATE audit.log SET root = ''", "head of the log cannot be read"),
        ("UPDATE audit.log SET state = 'splendid'", "head of the log cannot be read"),
        ("UPDATE audit.log SET frontier = '', size = 5", "head of the log cannot be read"),
        ("UPDATE audit.log SET size = -1", "head of the log cannot be read"),
        ("UPDATE audit.log SET recorded_at = 'infinity'", "head of the log cannot be read"),
        ("DELETE FROM audit.log", "there is no such log"),
        (
            "UPDATE audit.log SET size = 100, frontier = decode(repeat('00', 96), 'hex')",
            "a row lies beyond the end of the log",
        ),
        (
            "INSERT INTO audit.entry (log_id, idx, seg, event_id, canon, leaf, recorded_at, occurred_at, action, terms) \
             SELECT log_id, 300, 0, gen_random_uuid(), '', leaf, now(), now(), '', '{}' FROM audit.entry WHERE idx = 0",
            "a row lies beyond the end of the log",
        ),
        ("DELETE FROM audit.entry WHERE idx = 299", "hashes below a full tile are missing"),
        (
            "UPDATE audit.entry SET leaf = '' WHERE idx = 299",
            "hashes below a full tile are missing",
        ),
        (
            "INSERT INTO audit.tile SELECT log_id, 0, 1, root, decode(repeat('00', 8192), 'hex') FROM audit.log",
            "tile_pkey",
        ),
    ] {
        let Some((store, log, database)) = store_of(300).await else { return };
        database.meddle(&format!("{UNPROTECTED}{change}")).await;
        let refused = store.append(log, &leaves(300), at(0)).await.unwrap_err();
        assert_eq!(refused.kind(), StoreErrorKind::Damaged, "{change}: {}", error_text(&refused));
        let text = database.told(&refused);
        assert!(text.contains(message), "{change}: {text}");
    }
}

#[tokio::test]
async fn tables_that_are_not_ours_are_told_as_such() {
    for change in [
        "DROP TABLE audit.entry",
        "ALTER TABLE audit.entry RENAME canon TO bytes",
        "ALTER TABLE audit.entry RENAME leaf TO hash",
        "DROP SCHEMA audit CASCADE",
    ] {
        let Some((store, log, database)) = store_of(3).await else { return };
        database.meddle(change).await;
        let refused = store.append(log, &leaves(1), at(0)).await.unwrap_err();
        assert_eq!(
            refused.kind(),
            StoreErrorKind::Incompatible,
            "{change}: {}",
            error_text(&refused)
        );
        assert!(database.told(&refused).contains("not those of this version"), "{change}");
    }
}

#[tokio::test]
async fn a_row_beyond_the_tree_is_neither_found_nor_taken_for_an_entry() {
    let Some((store, log, database)) = store_of(3).await else { return };
    let event = encoded(Event::builder("login"), 1);
    let forged = format!(
        "INSERT INTO audit.entry (log_id, idx, seg, event_id, canon, leaf, recorded_at, occurred_at, action, terms) \
         SELECT log_id, 1000, seg, '{}', canon, '\\x{}', recorded_at, occurred_at, action, terms \
         FROM audit.entry WHERE idx = 0",
        event.columns.event_id, event.hash
    );
    database.meddle(&forged).await;
    assert_eq!(store.search(log, &Filter::default(), Start::END, 10).await.unwrap().len(), 3);
    assert_eq!(store.read(log, 0, 10).await.unwrap().len(), 4, "verification must see it");
    // To answer `Repeated` would lose the event.
    let refused = store.append(log, &[event], at(0)).await.unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::Damaged);
}

#[tokio::test]
async fn tiles_and_bounds_that_cannot_be_read_are_errors() {
    let Some((store, log, database)) = store_of(300).await else { return };
    let change =
        "UPDATE audit.tile SET data = '\\x01'; UPDATE audit.segment SET latest = 'infinity'";
    database.meddle(&format!("{UNPROTECTED}{change}")).await;
    let refused = store.tile(log, TileId { level: 0, index: 0 }).await.unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::Damaged);
    let refused = store.segments(log).await.unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::Damaged);
    // The entries below the tile are still what they were.
    let one = store.append(log, &leaves(1), at(0)).await.unwrap();
    assert_eq!(one.placements, [Placement::Appended(300)]);
}

#[tokio::test]
async fn a_search_within_times_that_no_event_can_have_finds_all_or_nothing() {
    let Some((store, log, _database)) = store_of(3).await else { return };
    let (first, last) = (DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC);
    for (since, until, count) in [(first, last, 3), (last, last, 0), (first, first, 0)] {
        let filter = Filter { since: Some(since), until: Some(until), ..Filter::default() };
        assert_eq!(store.search(log, &filter, Start::END, 10).await.unwrap().len(), count);
    }
}
