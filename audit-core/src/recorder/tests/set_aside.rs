//! What the database refuses stands aside, and the log says so.

use serde_json::{Value, json};
use uuid::Uuid;

use super::faulty::FaultyStore;
use super::{ORIGIN, events, members, rows, settle, start, stop};
use crate::event::{EncodedEvent, Event, MAX_CANONICAL};
use crate::recorder::{NotRecorded, Refusal, spawn};

/// The boot that stands on an event.
fn boot(event: &EncodedEvent) -> Value {
    let event: Value = serde_json::from_str(&event.canon).unwrap();
    event["producer"]["boot"].clone()
}

#[tokio::test(start_paused = true)]
async fn one_poisoned_event_of_a_thousand_is_set_aside_and_the_rest_arrive_in_order() {
    let store = FaultyStore::default();
    store.refuse("poison.pill", "no such character");
    let recorder = start(&store).await;
    // While the first one is on its way, all others come together.
    store.hang(true);
    recorder.record(Event::builder("a.b").operation_id("0")).await;
    settle().await;
    let mut callers = Vec::new();
    for number in 1..1_000 {
        let action = if number == 617 { "poison.pill" } else { "a.b" };
        let event =
            Event::builder(action).id(Uuid::from_u128(number)).operation_id(number.to_string());
        if number % 100 == 17 {
            let recorder = recorder.clone();
            callers.push(spawn(async move { recorder.record_durable(event).await }));
            // So that it has its place before the next one.
            tokio::task::yield_now().await;
        } else {
            recorder.record(event).await;
        }
    }
    store.hang(false);
    let mut answers = Vec::new();
    for caller in callers {
        answers.push(caller.await.unwrap());
    }
    stop(&recorder).await;

    let poison = Uuid::from_u128(617);
    let refused = Err(NotRecorded::RanButUnrecorded { event_id: poison, why: Refusal::Rejected });
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 9);
    assert_eq!(answers[6], refused);
    let arrived = events(&store, "standard").await;
    let expected: Vec<String> =
        (0..1_000).filter(|number| *number != 617).map(|number| number.to_string()).collect();
    assert_eq!(members(&arrived, "/operation_id"), expected);

    let aside = store.all_set_aside();
    assert_eq!(aside.iter().map(|(event, _)| event.id).collect::<Vec<_>>(), [poison]);
    assert_eq!(aside[0].1, "insert a batch: no such character");
    let reports = events(&store, "audit").await;
    assert_eq!(members(&reports, "/action"), ["audit.rejected"]);
    assert_eq!(reports[0]["labels"], json!({"log": format!("{ORIGIN}/standard")}));
    let leaf = crate::merkle::leaf_hash(aside[0].0.canon.as_bytes()).to_string();
    assert_eq!(
        reports[0]["metadata"],
        json!({
            "event_id": poison.to_string(), "leaf_hash": leaf, "reason": "insert a batch: no such character",
            "seq": 617, "boot": boot(&aside[0].0), "origin": format!("{ORIGIN}/standard"),
        })
    );
}

#[tokio::test(start_paused = true)]
async fn events_that_are_all_poisoned_cost_their_own_entries_and_no_others() {
    let store = FaultyStore::default();
    store.refuse("poison.pill", "no");
    let recorder = start(&store).await;
    for number in 0..64 {
        let action = if number < 16 { "poison.pill" } else { "a.b" };
        recorder.record(Event::builder(action)).await;
    }
    stop(&recorder).await;
    assert_eq!(events(&store, "standard").await.len(), 48);
    assert_eq!(members(&events(&store, "audit").await, "/action"), ["audit.rejected"; 16]);
    assert_eq!(store.all_set_aside().len(), 16);
}

#[tokio::test(start_paused = true)]
async fn an_event_can_be_set_aside_although_the_database_stumbles_meanwhile() {
    let store = FaultyStore::default();
    store.refuse("poison.pill", "no");
    let recorder = start(&store).await;
    store.be_unavailable(1);
    recorder.record(Event::builder("poison.pill")).await;
    settle().await;
    stop(&recorder).await;
    assert_eq!(store.all_set_aside().len(), 1);
    assert_eq!(members(&events(&store, "audit").await, "/action"), ["audit.rejected"]);
}

#[tokio::test(start_paused = true)]
async fn a_reason_of_any_length_fits_into_the_report() {
    let store = FaultyStore::default();
    store.refuse("poison.pill", &"\0why ".repeat(30_000));
    let recorder = start(&store).await;
    recorder.record(Event::builder("poison.pill")).await;
    stop(&recorder).await;
    let rows = rows(&store, "audit").await;
    // Between the first and the last word of the recorder.
    assert_eq!(rows.len(), 3);
    assert!(rows[1].canon.len() <= MAX_CANONICAL, "{} bytes", rows[1].canon.len());
    let report = &events(&store, "audit").await[0];
    assert_eq!(report["truncated"], json!(["/metadata"]));
    assert!(
        report["metadata"]["reason"].as_str().unwrap().starts_with("insert a batch: \u{fffd}why ")
    );
}

#[tokio::test(start_paused = true)]
async fn the_report_about_an_event_of_the_logs_own_would_never_end_and_is_not_written() {
    let store = FaultyStore::default();
    store.refuse("audit.invalid_event", "no");
    let recorder = start(&store).await;
    let refused = recorder.record_durable(Event::builder("No Name")).await.unwrap_err();
    assert!(matches!(refused, NotRecorded::RanButUnrecorded { why: Refusal::Rejected, .. }));
    recorder.record(Event::builder("a.b")).await;
    stop(&recorder).await;
    assert_eq!(store.all_set_aside().len(), 1);
    assert!(events(&store, "audit").await.is_empty());
    assert_eq!(events(&store, "standard").await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_second_event_with_an_id_is_set_aside_and_reported_with_both_hashes() {
    let store = FaultyStore::default();
    let recorder = start(&store).await;
    let id = Uuid::from_u128(17);
    let event = || Event::builder("a.b").id(id);
    let first = recorder.record_durable(event()).await.unwrap();
    let refused = recorder.record_durable(event()).await.unwrap_err();
    assert_eq!(refused, NotRecorded::RanButUnrecorded { event_id: id, why: Refusal::IdConflict });
    // Both in one batch.
    let twin = Uuid::from_u128(18);
    recorder.record(Event::builder("a.c").id(twin)).await;
    recorder.record(Event::builder("a.d").id(twin)).await;
    stop(&recorder).await;

    assert_eq!(members(&events(&store, "standard").await, "/action"), ["a.b", "a.c"]);
    let reports = events(&store, "audit").await;
    assert_eq!(members(&reports, "/action"), ["audit.id_conflict"; 2]);
    let aside = store.all_set_aside();
    let hash = |i: usize| crate::merkle::leaf_hash(aside[i].0.canon.as_bytes()).to_string();
    let expected = |id: Uuid, i: usize, index: u64, existing: Value| {
        json!({
            "boot": boot(&aside[i].0), "seq": 2 * i + 1, "origin": format!("{ORIGIN}/standard"),
            "event_id": id.to_string(), "leaf_hash": hash(i), "existing_leaf_hash": existing,
            "reason": format!("the entry at index {index} has this event id and other content"),
        })
    };
    assert_eq!(reports[0]["metadata"], expected(id, 0, 0, json!(first.leaf_hash.to_string())));
    let second = rows(&store, "standard").await.remove(1).leaf.unwrap().to_string();
    assert_eq!(reports[1]["metadata"], expected(twin, 1, 1, json!(second)));
    // The numbers of the log's own events count, too.
    assert_eq!(
        (&reports[0]["producer"]["seq"], &reports[1]["producer"]["seq"]),
        (&json!(1), &json!(2))
    );
}
