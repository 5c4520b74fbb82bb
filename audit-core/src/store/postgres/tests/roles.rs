//! The roles: what each may do, and what it may not.

use std::time::Duration;

use super::*;
use crate::event::{Event, Producer};
use crate::merkle::TileId;
use crate::query::{Filter, Query};
use crate::recorder::{NotRecorded, Recorder};
use crate::signer::Signer;
use crate::store::{
    Anchor, LogState, Outbox as _, POSTGRES_ROLES, Reader, SignedCheckpoint, Start, StoreErrorKind,
};
use crate::testing::conformance::{encoded, whole};
use crate::verify::verify;

/// A database with a log of 300 entries, the roles, and a login for each of these groups.
async fn with_roles() -> Option<(PostgresStore, LogId, Database)> {
    let (store, log, database) = store_of(300).await?;
    let aside = &leaves(1)[0].event;
    store.set_aside(log, aside, "a trigger said no", at(0)).await.unwrap();
    // As often as one likes.
    for _ in 0..2 {
        database.meddle(POSTGRES_ROLES).await;
    }
    for group in ["application", "appender", "reader", "signer", "retention"] {
        let role = format!("{}_{group}", database.name);
        database.meddle(&format!("CREATE ROLE {role} LOGIN; GRANT audit_{group} TO {role}")).await;
    }
    Some((store, log, database))
}

impl Database {
    fn options_of_member(&self, group: &str) -> PgConnectOptions {
        self.options_of(&format!("{}_{group}", self.name))
    }
}

/// What nobody but the owner may do: each is refused for want of a right, and not by a trigger.
const NOBODYS: [&str; 25] = [
    "UPDATE audit.entry SET canon = '{}' WHERE idx = 7",
    "UPDATE audit.entry SET openings = NULL WHERE idx = 7",
    "DELETE FROM audit.entry WHERE idx = 7",
    "TRUNCATE audit.entry",
    "UPDATE audit.tile SET data = data",
    "DELETE FROM audit.tile",
    "DELETE FROM audit.segment",
    "UPDATE audit.segment SET seg = 9",
    "DELETE FROM audit.log",
    "UPDATE audit.log SET min_index = 256",
    "UPDATE audit.log SET origin = 'other'",
    "DELETE FROM audit.rejected",
    "UPDATE audit.checkpoint SET note = ''",
    "DELETE FROM audit.checkpoint",
    "UPDATE audit.anchor SET place = ''",
    "DELETE FROM audit.anchor",
    "UPDATE audit.outbox SET canon = ''",
    "TRUNCATE audit.outbox",
    "INSERT INTO audit.migrations SELECT * FROM audit.migrations",
    "ALTER TABLE audit.entry DISABLE TRIGGER entry_append_only",
    "ALTER TABLE audit.entry DISABLE TRIGGER ALL",
    "ALTER TABLE audit.log ADD COLUMN x int",
    "DROP TABLE audit.entry",
    "CREATE TABLE audit.entry_2 (x int)",
    "CREATE TRIGGER hush BEFORE INSERT ON audit.entry EXECUTE FUNCTION audit.refuse()",
];

/// Tries what a role must not do, and what only the owner may.
async fn cannot(database: &Database, group: &str, statements: &[&str]) {
    let mut connection = database.options_of_member(group).connect().await.unwrap();
    let further = ["SET session_replication_role = replica", "SET ROLE audit_retention"];
    let other_group = if group == "retention" { &further[..1] } else { &further[..] };
    for sql in NOBODYS.iter().chain(statements).chain(other_group) {
        let refused = execute(&mut connection, sql).await.expect_err(&format!("{group}: {sql}"));
        let wanting = ["permission denied", "must be owner of"];
        assert!(wanting.iter().any(|text| refused.contains(text)), "{group}: {sql}: {refused}");
    }
}

#[tokio::test]
async fn the_application_can_put_events_into_the_outbox_and_nothing_else() {
    let Some((store, _, database)) = with_roles().await else { return };
    let mut application = database.options_of_member("application").connect().await.unwrap();
    let event = encoded(Event::builder("invoice.pay"), 1).event;
    application.put("test/audit/standard", &event).await.unwrap();
    assert_eq!(store.outbox(0, 10).await.unwrap().len(), 1);
    cannot(
        &database,
        "application",
        &[
            "SELECT * FROM audit.outbox",
            "DELETE FROM audit.outbox",
            "INSERT INTO audit.outbox (log_id, origin, class, event_id, canon) \
             VALUES (1, '', '', gen_random_uuid(), '') RETURNING canon",
            "SELECT * FROM audit.entry",
            "SELECT * FROM audit.log",
            "SELECT * FROM audit.rejected",
            "SELECT * FROM audit.migrations",
            "INSERT INTO audit.log VALUES (1, '', '', 0, '', '', 0, 'open')",
            "INSERT INTO audit.tile VALUES (1, 0, 0, '')",
        ],
    )
    .await;
    let opened = PostgresStore::open_with(database.options_of_member("application")).await;
    assert_eq!(opened.unwrap_err().kind(), StoreErrorKind::Denied);
}

#[tokio::test]
async fn the_appender_can_do_all_that_a_recorder_does_and_change_nothing() {
    let Some((owner, _, database)) = with_roles().await else { return };
    let mut application = database.options_of_member("application").connect().await.unwrap();
    let refuse = "CREATE TRIGGER no_refunds BEFORE INSERT ON audit.entry FOR EACH ROW \
                  WHEN (NEW.action = 'invoice.refund') EXECUTE FUNCTION audit.refuse()";
    database.meddle(refuse).await;

    let store = PostgresStore::open_with(database.options_of_member("appender")).await.unwrap();
    let recorder = Recorder::builder(store.clone()).origin("roles.example/audit");
    let recorder = recorder.start().await.unwrap();
    for _ in 0..300 {
        recorder.record(Event::builder("user.login")).await;
    }
    let receipt = recorder.record_durable(Event::builder("invoice.pay")).await.unwrap();
    assert_eq!(receipt.index, Some(300));
    // One that is set aside, and one that comes through the outbox.
    let refused = recorder.record_durable(Event::builder("invoice.refund")).await.unwrap_err();
    assert!(matches!(refused, NotRecorded::RanButUnrecorded { .. }), "{refused}");
    let event =
        Event::builder("invoice.post").build().unwrap().encode(&Producer::new("test"), None);
    application.put("roles.example/audit/standard", &event).await.unwrap();
    recorder.shutdown(Duration::from_secs(30)).await.unwrap();

    assert!(owner.outbox(0, 10).await.unwrap().is_empty());
    let log = LogId::of("roles.example/audit/standard");
    assert_eq!(whole(&owner, log).await.len(), 302);
    let reports = whole(&owner, LogId::of("roles.example/audit/audit")).await;
    assert!(reports.iter().any(|row| row.columns.as_ref().unwrap().action == "audit.rejected"));
    let report = verify(&Reader::new(store.clone())).await.unwrap();
    assert!(report.is_clean(), "{report}");
    let id = TileId { level: 0, index: 0 };
    let tile = store.tile(log, id).await.unwrap().unwrap();
    let refused = store.replace_tiles(log, &[(id, tile)]).await.unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::Denied, "{refused}");
    cannot(
        &database,
        "appender",
        &[
            "INSERT INTO audit.outbox (log_id, origin, class, event_id, canon) \
             VALUES (1, '', '', gen_random_uuid(), '')",
            "SELECT * FROM audit.rejected",
            CLOSES,
        ],
    )
    .await;
}

/// What only a signer may.
const CLOSES: &str = "UPDATE audit.log SET state = 'frozen'";

/// What puts something in.
const WRITES: [&str; 4] = [
    "INSERT INTO audit.log VALUES (1, '', '', 0, '', '', 0, 'open')",
    "UPDATE audit.log SET size = size",
    "INSERT INTO audit.tile VALUES (1, 0, 0, '')",
    "SELECT * FROM audit.outbox",
];

#[tokio::test]
async fn a_reader_can_search_and_verify_and_not_write() {
    let Some((_, log, database)) = with_roles().await else { return };
    let store = PostgresStore::open_with(database.options_of_member("reader")).await.unwrap();
    let reader = Reader::new(store.clone());
    let page = reader.search(&Query::new().action("invoice.approve").limit(7)).await.unwrap();
    assert_eq!(page.entries.len(), 7);
    let report = verify(&reader).await.unwrap();
    assert!(report.is_clean(), "{report}");
    let refused = store.append(log, &leaves(1), at(0)).await.unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::Denied);
    let mut connection = database.options_of_member("reader").connect().await.unwrap();
    execute(&mut connection, "SELECT * FROM audit.rejected").await.unwrap();
    cannot(&database, "reader", &WRITES).await;
    cannot(&database, "reader", &["DELETE FROM audit.outbox", CLOSES]).await;
}

#[tokio::test]
async fn a_signer_can_read_what_it_hashes_and_no_personal_value() {
    let Some((_, log, database)) = with_roles().await else { return };
    let store = PostgresStore::open_with(database.options_of_member("signer")).await.unwrap();
    let head = store.head(log).await.unwrap();
    assert_eq!(head.frontier.size(), 300);
    let (root, note) = (head.root, "a note".to_owned());
    let signed = SignedCheckpoint { size: 300, root, note, signed_at: at(0) };
    store.keep_checkpoint(log, &signed).await.unwrap();
    assert_eq!(store.latest_checkpoint(log).await.unwrap(), Some(signed));
    let anchor = Anchor { place: "the safe".to_owned(), size: 300, root, at: at(0) };
    store.keep_anchor(log, &anchor).await.unwrap();
    assert_eq!(store.anchors(log).await.unwrap(), [anchor]);
    let folder = tempfile::tempdir().unwrap();
    let mut signer = Signer::adopt(Reader::new(store.clone()), folder.path()).await.unwrap();
    let done = signer.sign().await.unwrap();
    assert!(done.refused.is_empty() && done.unkept.is_empty(), "{done:?}");
    assert_eq!(
        store.latest_checkpoint(log).await.unwrap().unwrap().note,
        done.notes[0].to_string()
    );
    let mut connection = database.options_of_member("signer").connect().await.unwrap();
    for sql in ["SELECT log_id, idx, canon, leaf FROM audit.entry", "SELECT * FROM audit.tile"] {
        execute(&mut connection, sql).await.unwrap();
    }
    cannot(&database, "signer", &WRITES).await;
    store.close_log(log, LogState::Quarantined).await.unwrap();
    let personal = ["SELECT openings FROM audit.entry", "SELECT ip FROM audit.entry"];
    cannot(&database, "signer", &personal).await;
    cannot(&database, "signer", &["SELECT * FROM audit.rejected"]).await;
}

#[tokio::test]
async fn retention_can_only_look() {
    let Some((_, log, database)) = with_roles().await else { return };
    let store = PostgresStore::open_with(database.options_of_member("retention")).await.unwrap();
    let found = store.search(log, &Filter::default(), Start::END, 1_000).await.unwrap();
    assert_eq!(found.len(), 300);
    cannot(&database, "retention", &WRITES).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_given_no_role_can_do_nothing_also_where_rights_were_given_before() {
    let Some((_, _, database)) = with_roles().await else { return };
    let role = format!("{}_nobody", database.name);
    database.meddle(&format!("CREATE ROLE {role} LOGIN")).await;
    let before = "GRANT ALL ON SCHEMA audit TO PUBLIC; GRANT ALL ON ALL TABLES IN SCHEMA audit TO PUBLIC; \
                  GRANT DELETE ON audit.entry TO audit_appender";
    database.meddle(before).await;
    database.meddle(POSTGRES_ROLES).await;
    cannot(&database, "nobody", &WRITES).await;
    cannot(&database, "nobody", &["SELECT * FROM audit.entry"]).await;
    cannot(&database, "appender", &[]).await;
}
