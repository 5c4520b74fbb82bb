//! What is recorded arrives: once, in order, under its number, also where the database stumbles.

use std::time::Duration;

use tokio::time::Instant;

use super::faulty::FaultyStore;
use super::faulty_spool::FaultySpool;
use super::{ORIGIN, builder, clock, events, members, rows, start, stop};
use crate::event::{Event, Outcome, Producer, Term};
use crate::merkle::leaf_hash;
use crate::recorder::{NotRecorded, Refusal};
use crate::store::{LogId, OutboxRow};

fn numbered(number: usize) -> crate::EventBuilder {
    Event::builder("a.b").operation_id(number.to_string()).outcome(Outcome::Success)
}

#[tokio::test(start_paused = true)]
async fn buffered_events_arrive_in_the_order_in_which_they_were_recorded() {
    let store = FaultyStore::default();
    let recorder = start(&store).await;
    for number in 0..2_500 {
        recorder.record(numbered(number)).await;
    }
    stop(&recorder).await;
    let events = events(&store, "standard").await;
    let expected: Vec<String> = (0..2_500).map(|number| number.to_string()).collect();
    assert_eq!(members(&events, "/operation_id"), expected);
    assert!(super::events(&store, "audit").await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_is_in_the_outbox_keeps_its_order_where_the_store_stumbles() {
    let store = FaultyStore::default();
    // More than one look takes.
    for key in 0..1_200 {
        post(&store, key, numbered(key), "standard");
    }
    store.be_unavailable(1);
    let recorder = start(&store).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    stop(&recorder).await;
    let expected: Vec<String> = (0..1_200).map(|number| number.to_string()).collect();
    assert_eq!(members(&events(&store, "standard").await, "/operation_id"), expected);
}

/// Puts an event into the outbox, as the application's transaction does.
fn post(store: &FaultyStore, key: usize, event: crate::EventBuilder, class: &str) {
    let event = event.close(&clock()).encode(&Producer::new("app"), None);
    let origin = format!("{ORIGIN}/{class}");
    store.post(OutboxRow { key: key.try_into().unwrap(), log: LogId::of(&origin), origin, event });
}

#[tokio::test(start_paused = true)]
async fn a_log_that_somebody_has_in_hand_holds_up_no_other_in_the_outbox_and_keeps_its_order() {
    for is_with_a_spool in [false, true] {
        one_log_in_hand(is_with_a_spool).await;
    }
}

async fn one_log_in_hand(is_with_a_spool: bool) {
    let store = FaultyStore::default();
    for key in 0..1_200 {
        // Those of the other log stand behind more than one look takes.
        let (event, class) = match key {
            1 | 1_100.. => (numbered(key), "standard"),
            _ => (numbered(key).retention("held"), "held"),
        };
        post(&store, key, event, class);
    }
    let held = LogId::of(&format!("{ORIGIN}/held"));
    store.lock(Some(held));
    let recorder = builder(&store);
    let recorder = match is_with_a_spool {
        true => recorder.spool(FaultySpool::default()).start().await.unwrap(),
        false => recorder.start().await.unwrap(),
    };
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(events(&store, "standard").await.len(), 101);
    store.lock(None);
    tokio::time::sleep(Duration::from_secs(20)).await;
    stop(&recorder).await;
    let expected: Vec<String> =
        (0..1_100).filter(|key| *key != 1).map(|number| number.to_string()).collect();
    assert_eq!(members(&events(&store, "held").await, "/operation_id"), expected);
}

#[tokio::test(start_paused = true)]
async fn numbers_count_without_holes_in_each_class_and_every_boot_has_its_own() {
    let store = FaultyStore::default();
    let first = start(&store).await;
    let second = start(&store).await;
    for (number, class) in
        (0..60).zip(["standard", "finance", "standard", "health"].into_iter().cycle())
    {
        let recorder = if number % 3 == 0 { &second } else { &first };
        if number % 2 == 0 {
            recorder.record(numbered(number).retention(class)).await;
        } else {
            recorder.record_durable(numbered(number).retention(class)).await.unwrap();
        }
    }
    stop(&first).await;
    stop(&second).await;
    for (class, count) in [("standard", 30), ("finance", 15), ("health", 15)] {
        let events = events(&store, class).await;
        assert_eq!(events.len(), count);
        let mut boots: Vec<_> = members(&events, "/producer/boot");
        boots.sort_unstable();
        boots.dedup();
        assert_eq!(boots.len(), 2);
        for boot in boots {
            let own = events.iter().filter(|event| event["producer"]["boot"] == boot);
            let numbers: Vec<u64> =
                own.map(|event| event["producer"]["seq"].as_u64().unwrap()).collect();
            let expected: Vec<u64> = (0..).take(numbers.len()).collect();
            assert_eq!(numbers, expected, "{class}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_receipt_names_the_entry_that_can_be_read_back() {
    let store = FaultyStore::default();
    let recorder = start(&store).await;
    recorder.record_durable(numbered(0)).await.unwrap();
    let id = uuid::Uuid::from_u128(17);
    let receipt = recorder.record_durable(numbered(1).id(id).retention("finance")).await.unwrap();
    assert_eq!(
        (receipt.event_id, &*receipt.log, receipt.index),
        (id, &*format!("{ORIGIN}/finance"), Some(0))
    );
    let receipt = recorder.record_durable(numbered(2)).await.unwrap();
    assert_eq!((&*receipt.log, receipt.index), (&*format!("{ORIGIN}/standard"), Some(1)));
    // Nobody has been told to stop: the entry is there when the receipt is.
    let row = rows(&store, "standard").await.remove(1);
    assert_eq!(row.leaf, Some(receipt.leaf_hash));
    assert_eq!(leaf_hash(&row.canon), receipt.leaf_hash);
    let columns = row.columns.unwrap();
    assert_eq!(columns.event_id, receipt.event_id);
    assert!(columns.terms.contains(&Term::new("outcome", "success")));
}

#[tokio::test(start_paused = true)]
async fn what_is_recorded_is_cut_to_the_microsecond_everywhere() {
    let store = FaultyStore::default();
    let recorder = start(&store).await;
    recorder.record_durable(numbered(0)).await.unwrap();
    let row = rows(&store, "standard").await.remove(0);
    let micros = "2026-01-02T03:04:05Z".parse().unwrap();
    assert_eq!((row.recorded_at, row.columns.unwrap().occurred_at), (Some(micros), micros));
    assert_eq!(
        members(&events(&store, "standard").await, "/occurred_at"),
        ["2026-01-02T03:04:05.000000Z"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_lost_answer_is_asked_for_again_and_doubles_nothing() {
    let store = FaultyStore::default();
    let recorder = start(&store).await;
    recorder.record(numbered(0)).await;
    store.lose_answers(2);
    let receipt = recorder.record_durable(numbered(1)).await.unwrap();
    assert_eq!(receipt.index, Some(1));
    stop(&recorder).await;
    assert_eq!(store.appends().len(), 3);
    assert_eq!(members(&events(&store, "standard").await, "/operation_id"), ["0", "1"]);
    assert!(events(&store, "audit").await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_database_out_of_reach_is_asked_again_with_pauses_that_grow_up_to_a_second() {
    let store = FaultyStore::default();
    let recorder = builder(&store).deadline(Duration::from_secs(60)).start().await.unwrap();
    for (failures, millis) in [(0, 0), (1, 10), (3, 70), (12, 1_270 + 5 * 1_000)] {
        store.be_unavailable(failures);
        let begun = Instant::now();
        recorder.record_durable(numbered(failures)).await.unwrap();
        let (took, expected) = (begun.elapsed(), Duration::from_millis(millis));
        // A timer of tokio's may be late by a millisecond.
        let late = Duration::from_millis(12);
        assert!((expected..expected + late).contains(&took), "{failures} failures took {took:?}");
    }
    stop(&recorder).await;
    assert_eq!(members(&events(&store, "standard").await, "/operation_id"), ["0", "1", "3", "12"]);
}

#[tokio::test(start_paused = true)]
async fn a_hanging_database_costs_durable_callers_their_deadline_and_the_appender_nothing() {
    let store = FaultyStore::default();
    let recorder = builder(&store).deadline(Duration::from_secs(3)).start().await.unwrap();
    store.ignore(2);
    let begun = Instant::now();
    let id = uuid::Uuid::from_u128(17);
    let refused = recorder.record_durable(numbered(0).id(id)).await.unwrap_err();
    let why = Refusal::Deadline(Duration::from_secs(3));
    assert_eq!(refused, NotRecorded::RanButUnrecorded { event_id: id, why });
    assert_eq!(begun.elapsed().as_millis(), 3_000);
    // It may be recorded yet, and is: a third call is answered.
    recorder.record(numbered(1)).await;
    stop(&recorder).await;
    assert_eq!(members(&events(&store, "standard").await, "/operation_id"), ["0", "1"]);
    assert_eq!(begun.elapsed().as_secs(), 6);
    assert_eq!(store.appends().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn an_event_that_is_no_event_is_recorded_as_such_and_never_as_one_of_the_logs_own() {
    let store = FaultyStore::default();
    let recorder = start(&store).await;
    for action in ["No Name", "audit.gap", "audit.pruned", "audit"] {
        recorder
            .record(Event::builder(action).metadata("count", 17).outcome(Outcome::Denied))
            .await;
        recorder.record_durable(Event::builder(action)).await.unwrap();
    }
    stop(&recorder).await;
    let events = events(&store, "audit").await;
    assert_eq!(members(&events, "/action"), ["audit.invalid_event"; 8]);
    assert_eq!(members(&events, "/error/code"), ["audit.invalid_event"; 8]);
    assert!(events.iter().all(|event| event.get("metadata").is_none()));
    assert!(events[0]["error"]["message"].as_str().unwrap().contains("`No Name`"));
    assert_eq!(events[0]["outcome"], "denied");
}
