//! A log that takes nothing any more is in no other's way, and its events follow into the log that goes on for it.

use std::time::Duration;

use serde_json::Value;
use tokio::time::sleep;

use super::faulty::FaultyStore;
use super::faulty_spool::FaultySpool;
use super::{ORIGIN, builder, events, members, settle, start, stop};
use crate::ShutdownError;
use crate::clock::SystemClock;
use crate::event::{Event, EventBuilder, Outcome};
use crate::recorder::{NotRecorded, Pending, Recorder, Refusal};
use crate::store::{LogId, LogState, Reader, Store as _, continue_log};
use crate::verify::verify;

fn numbered(number: usize) -> EventBuilder {
    Event::builder("a.b").operation_id(number.to_string()).outcome(Outcome::Success)
}

/// One of another log.
fn other(number: usize) -> EventBuilder {
    numbered(number).retention("other")
}

fn name(class: &str) -> String {
    format!("{ORIGIN}/{class}")
}

async fn close(store: &FaultyStore, class: &str, state: LogState) {
    store.close_log(LogId::of(&name(class)), state).await.unwrap();
}

async fn go_on(store: &FaultyStore, class: &str) {
    continue_log(store, &name(class), &SystemClock::new()).await.unwrap();
    // Longer than between two looks.
    sleep(Duration::from_secs(10)).await;
}

async fn assert_clean(store: &FaultyStore) {
    let report = verify(&Reader::new(store.clone())).await.unwrap();
    assert!(report.is_clean(), "{report}");
}

fn ids(found: &[Value]) -> Vec<usize> {
    members(found, "/operation_id").iter().filter_map(|id| id.parse().ok()).collect()
}

#[tokio::test(start_paused = true)]
async fn without_a_spool_events_of_a_quarantined_log_wait_in_memory_and_other_logs_go_on() {
    let store = FaultyStore::default();
    let recorder = start(&store).await;
    recorder.record_durable(numbered(0)).await.unwrap();
    close(&store, "standard", LogState::Quarantined).await;

    recorder.record(numbered(1)).await;
    let refused = recorder.record_durable(numbered(2)).await.unwrap_err();
    let closed = |why: &Refusal| matches!(why, Refusal::Closed(why) if why.contains("Quarantined"));
    assert!(
        matches!(&refused, NotRecorded::RanButUnrecorded { why, .. } if closed(why)),
        "{refused:?}"
    );
    let refused = Pending::begin_strict(&recorder, numbered(3)).await.unwrap_err();
    assert!(matches!(&refused, NotRecorded::NotRun(why) if closed(why)), "{refused:?}");

    assert_eq!(recorder.record_durable(other(4)).await.unwrap().index, Some(0));
    let strict = Pending::begin_strict(&recorder, other(5)).await.unwrap();
    assert_eq!(strict.finish_durable().await.unwrap().index, Some(2));
    let health = recorder.health();
    assert!(!health.is_good() && health.closed.keys().eq([&name("standard")]), "{health:?}");

    go_on(&store, "standard").await;
    assert!(recorder.health().is_good(), "{:?}", recorder.health());
    let receipt = recorder.record_durable(numbered(6)).await.unwrap();
    assert_eq!((&*receipt.log, receipt.index), (&*name("standard@2"), Some(5)));
    stop(&recorder).await;
    let followed = events(&store, "standard@2").await;
    assert_eq!(followed[0]["action"], "audit.log.continued");
    // What began and was not run, and that it was not.
    assert_eq!(ids(&followed), [1, 2, 3, 3, 6]);
    assert_eq!(ids(&events(&store, "standard").await), [0]);
    assert_clean(&store).await;
}

#[tokio::test(start_paused = true)]
async fn what_waits_in_memory_at_the_end_is_counted_and_told_of() {
    let store = FaultyStore::default();
    let recorder = start(&store).await;
    close(&store, "standard", LogState::Quarantined).await;
    for number in 0..8_200 {
        recorder.record(numbered(number)).await;
    }
    recorder.record_durable(other(0)).await.unwrap();
    let ended = recorder.shutdown(Duration::from_secs(60)).await;
    assert_eq!(ended, Err(ShutdownError { left: 8_192 }));
    let gaps = events(&store, "audit").await;
    assert_eq!(members(&gaps, "/action"), ["audit.gap", "audit.gap"]);
    let counts = [&gaps[0]["metadata"]["count"], &gaps[1]["metadata"]["count"]];
    assert_eq!(counts, [&Value::from(8), &Value::from(8_192)]);
    assert!(gaps[1]["metadata"]["reason"].as_str().unwrap().contains("takes no entries"));
}

#[tokio::test(start_paused = true)]
async fn with_a_spool_they_wait_there_also_for_the_next_process_and_follow_in_order() {
    let (store, spool) = (FaultyStore::default(), FaultySpool::default());
    let recorder = builder(&store).spool(spool.clone()).start().await.unwrap();
    recorder.record_durable(numbered(0)).await.unwrap();
    close(&store, "standard", LogState::Quarantined).await;
    for number in 1..3_000 {
        recorder.record(numbered(number)).await;
    }
    assert_eq!(recorder.record_durable(numbered(3_000)).await.unwrap().index, None);
    let refused = Pending::begin_strict(&recorder, numbered(3_001)).await.unwrap_err();
    let is_told = |why: &str| why.contains("Quarantined");
    assert!(
        matches!(&refused, NotRecorded::NotRun(Refusal::Spooled(why)) if is_told(why)),
        "{refused:?}"
    );
    let strict = Pending::begin_strict(&recorder, other(5)).await.unwrap();
    assert_eq!(strict.finish_durable().await.unwrap().index, Some(1));
    assert_eq!(recorder.health().spooled, 0);
    stop(&recorder).await;
    assert_eq!(spool.len(), 3_002);

    let recorder = builder(&store).spool(spool.clone()).start().await.unwrap();
    assert_eq!(recorder.record_durable(other(6)).await.unwrap().index, Some(2));
    assert_eq!(recorder.record_durable(numbered(3_002)).await.unwrap().index, None);
    go_on(&store, "standard").await;
    assert_eq!(spool.len(), 0);
    let receipt = recorder.record_durable(numbered(3_003)).await.unwrap();
    assert_eq!(receipt.index, Some(1 + 3_003));
    // The next one finds it at once.
    stop(&recorder).await;
    let recorder = start(&store).await;
    let receipt = recorder.record_durable(numbered(3_004)).await.unwrap();
    assert_eq!(&*receipt.log, name("standard@2"));
    stop(&recorder).await;
    let mut found = ids(&events(&store, "standard@2").await);
    let both = [found.remove(3_001), found[3_000]];
    assert_eq!(both, [3_001; 2]);
    assert!(found.iter().copied().eq(1..3_005), "{found:?}");
    assert_clean(&store).await;
}

#[tokio::test(start_paused = true)]
async fn what_finds_no_room_in_memory_leaves_nothing_there() {
    let store = FaultyStore::default();
    let recorder = builder(&store).queue_capacity(1).start().await.unwrap();
    close(&store, "standard", LogState::Quarantined).await;
    for number in 0..100 {
        recorder.record(numbered(number)).await;
        settle().await;
    }
    // Of nothing as well.
    store.strike_all();
    let before = store.appends().len();
    go_on(&store, "standard").await;
    let appends = store.appends().split_off(before);
    let of_nothing = appends.iter().filter(|append| append.is_empty()).count();
    assert!(of_nothing <= 4, "more than looks whether the log takes something: {appends:?}");
    stop(&recorder).await;
    assert_eq!(ids(&events(&store, "standard@2").await), [0]);
}

#[tokio::test(start_paused = true)]
async fn several_closed_logs_of_a_store_that_hangs_keep_nobody_waiting_beyond_the_deadline() {
    // What is done about them comes in an order that is drawn.
    for _ in 0..50 {
        closed_logs_of_a_store_that_hangs().await;
    }
}

async fn closed_logs_of_a_store_that_hangs() {
    let (store, spool) = (FaultyStore::default(), FaultySpool::default());
    let recorder = builder(&store).spool(spool.clone()).start().await.unwrap();
    let of = |class: &'static str| numbered(0).retention(class);
    for class in ["one", "two", "three"] {
        recorder.record_durable(of(class)).await.unwrap();
        close(&store, class, LogState::Quarantined).await;
        recorder.record_durable(of(class)).await.unwrap();
    }
    store.strike_all();
    store.hang(true);
    // As many as meet each part of what is done about them.
    for number in 0..40 {
        recorder.record(of(["one", "two", "three"][number % 3])).await;
        assert_eq!(recorder.record_durable(other(number)).await.unwrap().index, None);
        sleep(Duration::from_millis(300)).await;
    }
    store.hang(false);
    stop(&recorder).await;
}

/// A recorder with a spool, whose log `standard` is quarantined.
async fn quarantined() -> (FaultyStore, FaultySpool, Recorder) {
    let (store, spool) = (FaultyStore::default(), FaultySpool::default());
    let recorder = builder(&store).spool(spool.clone()).start().await.unwrap();
    close(&store, "standard", LogState::Quarantined).await;
    (store, spool, recorder)
}

#[tokio::test(start_paused = true)]
async fn what_the_spool_had_no_room_for_is_not_overtaken_by_what_it_takes() {
    let (store, spool, recorder) = quarantined().await;
    // For a try of all, and of each.
    spool.be_full(2);
    for number in 1..3 {
        recorder.record(numbered(number)).await;
        settle().await;
    }
    assert_eq!(spool.len(), 2);
    go_on(&store, "standard").await;
    stop(&recorder).await;
    assert_eq!(ids(&events(&store, "standard@2").await), [1, 2]);
}

#[tokio::test(start_paused = true)]
async fn what_the_spool_had_no_room_for_is_tried_again_at_the_end() {
    let (_store, spool, recorder) = quarantined().await;
    // For a try of all, and of each.
    spool.be_full(2);
    recorder.record(numbered(1)).await;
    settle().await;
    assert_eq!(spool.len(), 0);
    stop(&recorder).await;
    assert_eq!((spool.len(), recorder.health().lost), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn what_finds_no_room_in_the_spool_at_once_goes_there_in_pieces() {
    let (store, spool, recorder) = quarantined().await;
    spool.be_full(3);
    for number in 0..4 {
        recorder.record(numbered(number)).await;
    }
    settle().await;
    assert_eq!(spool.len(), 4);
    go_on(&store, "standard").await;
    stop(&recorder).await;
    assert_eq!(ids(&events(&store, "standard@2").await), [0, 1, 2, 3]);
}

#[tokio::test(start_paused = true)]
async fn what_a_process_has_released_before_its_end_is_found_by_another_that_is_beyond_it() {
    let (store, spool) = (FaultyStore::default(), FaultySpool::default());
    let early = builder(&store).spool(spool.clone()).start().await.unwrap();
    let late = builder(&store).spool(spool.clone()).start().await.unwrap();
    close(&store, "standard", LogState::Quarantined).await;
    early.record(numbered(1)).await;
    stop(&early).await;
    spool.be_released_once_read();
    store.be_unavailable(1);
    late.record_durable(other(2)).await.unwrap();
    sleep(Duration::from_millis(100)).await;
    assert_eq!(spool.len(), 1);
    go_on(&store, "standard").await;
    assert_eq!(spool.len(), 0);
    stop(&late).await;
    assert_eq!(ids(&events(&store, "standard@2").await), [1]);
}

#[tokio::test(start_paused = true)]
async fn what_a_process_has_left_held_is_found_by_one_that_never_saw_the_log_closed() {
    let (store, spool) = (FaultyStore::default(), FaultySpool::default());
    let early = builder(&store).spool(spool.clone()).start().await.unwrap();
    let late = builder(&store).spool(spool.clone()).start().await.unwrap();
    close(&store, "standard", LogState::Quarantined).await;
    early.record(numbered(1)).await;
    stop(&early).await;
    assert_eq!(spool.len(), 1);
    go_on(&store, "standard").await;
    assert_eq!(spool.len(), 0);
    stop(&late).await;
    assert_eq!(ids(&events(&store, "standard@2").await), [1]);
    assert_clean(&store).await;
}

#[tokio::test(start_paused = true)]
async fn the_log_audit_itself_can_be_quarantined_and_continued() {
    let (store, spool) = (FaultyStore::default(), FaultySpool::default());
    let recorder = builder(&store).spool(spool.clone()).start().await.unwrap();
    close(&store, "audit", LogState::Quarantined).await;
    assert_eq!(recorder.record_durable(numbered(0)).await.unwrap().index, Some(0));
    stop(&recorder).await;
    assert_eq!(spool.len(), 1, "audit.stopped waits");
    let recorder = builder(&store).spool(spool.clone()).start().await.unwrap();
    go_on(&store, "audit").await;
    stop(&recorder).await;
    assert_eq!(spool.len(), 0);
    let said = super::all_events(&store, "audit@2").await;
    let actions = ["audit.log.continued", "audit.stopped", "audit.started", "audit.stopped"];
    assert_eq!(members(&said, "/action"), actions);
    assert_clean(&store).await;
}

#[tokio::test]
async fn a_log_is_continued_once_and_only_by_what_names_it() {
    let store = FaultyStore::default();
    let recorder = start(&store).await;
    recorder.record_durable(numbered(0)).await.unwrap();
    stop(&recorder).await;
    let clock = SystemClock::new();
    for _ in 0..2 {
        let next = continue_log(&store, &name("standard"), &clock).await.unwrap();
        assert_eq!(next.origin, name("standard@2"));
        assert_eq!(store.head(next.id).await.unwrap().frontier.size(), 1);
    }
    let next = continue_log(&store, &name("standard@2"), &clock).await.unwrap();
    assert_eq!(next.origin, name("standard@3"));
    assert_clean(&store).await;
    // One that nobody continues, and one that says something else.
    close(&store, "audit", LogState::Frozen).await;
    let report = verify(&Reader::new(store.clone())).await.unwrap();
    assert!(report.to_string().contains("no other goes on for it"), "{report}");
    store.open_log(&name("audit@2"), "audit").await.unwrap();
    let stranger = crate::testing::conformance::leaves(1);
    store.append(LogId::of(&name("audit@2")), &stranger, event_time()).await.unwrap();
    let report = verify(&Reader::new(store.clone())).await.unwrap();
    assert!(report.to_string().contains("does not name the log"), "{report}");
    let refused = continue_log(&store, &name("audit"), &clock).await.unwrap_err();
    assert!(refused.to_string().contains("is no successor"), "{refused}");
    let nothing = continue_log(&store, "none.example/audit/standard", &clock).await;
    assert!(nothing.is_err());
}

fn event_time() -> chrono::DateTime<chrono::Utc> {
    crate::testing::conformance::at(0)
}
