//! What waits in the outbox: left by a process that is gone, looked for by two, or put there by somebody who
//! should not have.

use std::collections::BTreeSet;
use std::time::Duration;

use audit_core::store::{Entry, LogId, MemoryStore};
use serde_json::{Value, json};
use sqlx::Connection as _;

use super::database::{Database, OUTBOX, REJECTED, execute, numbers, texts};
use super::orders::{placed, told};
use crate::log::{entries, events, found, start, text};

/// Commits events as a process does that is killed before it moves them.
pub(super) async fn leave(database: &Database, ids: std::ops::Range<i64>) {
    // It looks for them elsewhere.
    let recorder = start(MemoryStore::new()).await;
    let mut connection = database.connect().await;
    let mut transaction = connection.begin().await.unwrap();
    for id in ids {
        recorder.record_in(&mut transaction, placed(id)).await.unwrap();
    }
    transaction.commit().await.unwrap();
}

async fn waiting(database: &Database) -> i64 {
    let count = format!("SELECT count(*) FROM {OUTBOX}");
    numbers(&mut database.connect().await, &count).await[0]
}

#[tokio::test]
async fn what_a_process_left_is_moved_by_the_next_one_without_being_told() {
    let Some(database) = Database::new().await else { return };
    leave(&database, 0..3).await;
    assert_eq!(waiting(&database).await, 3);
    let recorder = start(database.store().await).await;
    found(&recorder, "order.place").await;
    assert_eq!(told(&events(&recorder).await), [(0, ""), (1, ""), (2, "")]);
    assert_eq!(waiting(&database).await, 0);
}

#[tokio::test]
async fn two_recorders_at_one_outbox_deal_with_each_event_once() {
    let Some(database) = Database::new().await else { return };
    let rows = foreign();
    smuggle(&database, &rows).await;
    // More than one look takes.
    leave(&database, 0..1_500).await;
    let left = start(database.store().await).await;
    let right = start(database.store().await).await;
    let within = Duration::from_secs(30);
    let (left_ended, right_ended) = tokio::join!(left.shutdown(within), right.shutdown(within));
    assert_eq!((left_ended, right_ended), (Ok(()), Ok(())));
    let entries = entries(&left.reader()).await;
    let (reports, others): (Vec<_>, Vec<_>) =
        entries.iter().map(Entry::event).partition(|event| event["action"] == "audit.rejected");
    let ids: BTreeSet<_> = told(&others).into_iter().collect();
    assert_eq!((ids.len(), others.len()), (1_500, 1_500));
    assert_eq!(reports.len(), rows.len(), "{reports:#?}");
    let kept = format!("SELECT canon FROM {REJECTED}");
    assert_eq!(texts(&mut database.connect().await, &kept).await.len(), rows.len());
    assert_eq!(waiting(&database).await, 0);
}

/// A row of the outbox, as somebody writes it who may write there whatever he likes.
struct Foreign {
    origin: &'static str,
    class: &'static str,
    /// The name of the log under whose id it stands.
    under: &'static str,
    canon: String,
    openings: &'static str,
}

const LOG: &str = "test.example/audit/standard";
const ID: &str = "0192f0c1-2d3e-7f40-8a51-6b7c8d9e0f10";

/// The canonical bytes of an event, with some members of another value.
fn canon(other: &Value) -> String {
    let mut event = json!({
        "action": "order.forge", "id": ID, "nonce": "AAAAAAAAAAAAAAAAAAAAAA",
        "occurred_at": "2026-01-02T03:04:05.000000Z", "producer": {"boot": ID, "id": "test"},
        "stage": "complete", "v": 1,
    });
    for (name, value) in other.as_object().unwrap() {
        event[name] = value.clone();
    }
    let sorted: std::collections::BTreeMap<String, Value> = serde_json::from_value(event).unwrap();
    serde_json::to_string(&sorted).unwrap()
}

fn foreign() -> Vec<Foreign> {
    let row = |canon: String| Foreign {
        origin: LOG,
        class: "standard",
        under: LOG,
        canon,
        openings: "NULL",
    };
    let wrong = |other: Value| row(canon(&other));
    vec![
        // No event.
        row("no event at all".to_owned()),
        row(r#"{"id":1}"#.to_owned()),
        row(String::new()),
        // Not canonical.
        row(canon(&json!({})).replace("\"v\":1", "\"v\": 1")),
        // Not in the format, though it can be read.
        wrong(json!({"action": "Order.Forge"})),
        wrong(json!({"retention": "standard/acme"})),
        wrong(json!({"occurred_at": "2026-01-02T04:04:05.000000+01:00"})),
        wrong(json!({"id": format!("urn:uuid:{ID}")})),
        wrong(json!({"metadata": {"deep": (0..40).fold(json!(1), |inner, _| json!([inner]))}})),
        // A number that a recorder would give.
        wrong(json!({"producer": {"boot": ID, "id": "test", "seq": 7}})),
        // Openings that open nothing; the reason why must not break off either.
        Foreign { openings: "'[]'", ..wrong(json!({})) },
        Foreign { openings: r#"'{"/a\u0000":["AAAAAAAAAAAAAAAAAAAAAA",1]}'"#, ..wrong(json!({})) },
        // One of the log's own.
        row(canon(&json!({"action": "audit.gap"}))),
        Foreign {
            origin: "test.example/audit/audit",
            class: "audit",
            under: "test.example/audit/audit",
            ..wrong(json!({"action": "audit.gap"}))
        },
        // The bytes say another class, another id.
        row(canon(&json!({"retention": "short"}))),
        row(canon(&json!({"id": "0192f0c1-2d3e-7f40-8a51-000000000000"}))),
        // The log has another name, or what stands beside the name does not belong to it.
        Foreign { origin: "other.example/audit/standard", ..row(canon(&json!({}))) },
        Foreign { class: "short", ..row(canon(&json!({}))) },
        Foreign { under: "test.example/audit/audit", ..row(canon(&json!({}))) },
    ]
}

/// A row for a recorder with another name, which nobody here moves.
fn other() -> Foreign {
    let origin = "other.example/audit/standard";
    Foreign { origin, under: origin, ..foreign().swap_remove(0) }
}

async fn smuggle(database: &Database, rows: &[Foreign]) {
    let mut connection = database.connect().await;
    let mut transaction = connection.begin().await.unwrap();
    let hex = ID.replace('-', "");
    for Foreign { origin, class, under, canon, openings } in rows {
        let id = if OUTBOX.contains('.') { format!("'{ID}'") } else { format!("x'{hex}'") };
        let log = LogId::of(under).0;
        let sql = format!(
            "INSERT INTO {OUTBOX} (log_id, origin, class, event_id, canon, openings) \
             VALUES ({log}, '{origin}', '{class}', {id}, '{canon}', {openings})"
        );
        execute(&mut transaction, &sql).await.unwrap();
    }
    transaction.commit().await.unwrap();
}

#[tokio::test]
async fn what_is_no_event_for_its_log_is_set_aside_and_reported_and_blocks_nothing() {
    let Some(database) = Database::new().await else { return };
    let rows = foreign();
    smuggle(&database, &rows).await;
    leave(&database, 0..3).await;
    let recorder = start(database.store().await).await;
    let events = events(&recorder).await;
    let (reports, others): (Vec<_>, Vec<_>) =
        events.into_iter().partition(|event| event["action"] == "audit.rejected");
    assert_eq!(told(&others), [(0, ""), (1, ""), (2, "")]);
    let reasons: Vec<_> = reports.iter().map(|event| text(event, "/metadata/reason")).collect();
    assert_eq!(reports.len(), rows.len(), "{reasons:#?}");
    let kept = format!("SELECT canon FROM {REJECTED}");
    let mut kept = texts(&mut database.connect().await, &kept).await;
    let mut smuggled: Vec<_> = rows.into_iter().map(|row| row.canon).collect();
    kept.sort();
    smuggled.sort();
    assert_eq!(kept, smuggled);
    assert_eq!(waiting(&database).await, 0);
}

/// More of what is no event than one look takes, and behind it some that are.
pub(super) async fn fill() {
    let Some(database) = Database::new().await else { return };
    let mut rows: Vec<_> = (0..1_050).map(|_| foreign().swap_remove(0)).collect();
    rows.extend((0..50).map(|_| other()));
    smuggle(&database, &rows).await;
    leave(&database, 0..3).await;
    let recorder = start(database.store().await).await;
    found(&recorder, "order.place").await;
    recorder.shutdown(Duration::from_secs(60)).await.unwrap();
    assert_eq!(waiting(&database).await, 50);
}

#[tokio::test]
async fn rows_that_nobody_here_moves_are_in_nobodys_way() {
    let Some(database) = Database::new().await else { return };
    let rows: Vec<_> = (0..1_200).map(|_| other()).collect();
    smuggle(&database, &rows).await;
    leave(&database, 0..3).await;
    let recorder = start(database.store().await).await;
    found(&recorder, "order.place").await;
    assert_eq!(told(&events(&recorder).await), [(0, ""), (1, ""), (2, "")]);
    assert_eq!(waiting(&database).await, 1_200);
}

#[tokio::test]
async fn what_no_event_of_ours_can_be_the_outbox_refuses_at_once() {
    let Some(database) = Database::new().await else { return };
    let mut connection = database.connect().await;
    let id = if OUTBOX.contains('.') { format!("'{ID}'") } else { "zeroblob(16)".to_owned() };
    let [text, origin, class] = [65_536, 601, 65].map(|length| "x".repeat(length));
    for (origin, class, canon, openings) in [
        (LOG, "standard", &*text, "{}"),
        (LOG, "standard", "{}", &*text),
        (&*origin, "standard", "{}", "{}"),
        (LOG, &*class, "{}", "{}"),
    ] {
        let sql = format!(
            "INSERT INTO {OUTBOX} (log_id, origin, class, event_id, canon, openings) \
             VALUES (1, '{origin}', '{class}', {id}, '{canon}', '{openings}')"
        );
        let refused = execute(&mut connection, &sql).await.unwrap_err();
        assert!(
            refused.to_string().contains("check constraint")
                || refused.to_string().contains("CHECK")
        );
    }
}
