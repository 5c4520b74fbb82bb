//! What a log does not take waits in the spool, and ends in the log, once and in order.

use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::faulty::FaultyStore;
use super::faulty_spool::FaultySpool;
use super::{ORIGIN, builder, events, members, stop};
use crate::event::{EncodedEvent, Event, Outcome};
use crate::recorder::{NotRecorded, Pending, Recorder, Refusal};
use crate::store::Store as _;
use crate::{EventBuilder, ShutdownError};

const FOR_EVER: usize = usize::MAX;

fn numbered(number: usize) -> EventBuilder {
    Event::builder("a.b").operation_id(number.to_string()).outcome(Outcome::Success)
}

async fn start(store: &FaultyStore, spool: &FaultySpool) -> Recorder {
    builder(store).spool(spool.clone()).start().await.unwrap()
}

/// That all these events are in the log, in their order, and nothing else is anywhere.
async fn assert_all(store: &FaultyStore, spool: &FaultySpool, count: usize) {
    let expected: Vec<String> = (0..count).map(|number| number.to_string()).collect();
    assert_eq!(members(&events(store, "standard").await, "/operation_id"), expected);
    assert_eq!(events(store, "audit").await, Vec::<Value>::new());
    assert_eq!(spool.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn events_wait_in_the_spool_while_the_store_is_away_and_follow_in_order() {
    let (store, spool) = (FaultyStore::default(), FaultySpool::default());
    let recorder = start(&store, &spool).await;
    recorder.record(numbered(0)).await;
    sleep(Duration::from_secs(1)).await;
    store.be_unavailable(FOR_EVER);
    for number in 1..3_000 {
        recorder.record(numbered(number)).await;
    }
    let begun = Instant::now();
    let receipt = recorder.record_durable(numbered(3_000)).await.unwrap();
    assert_eq!((receipt.index, &*receipt.log), (None, &*format!("{ORIGIN}/standard")));
    assert!(begun.elapsed() < Duration::from_secs(1));
    assert_eq!(spool.len(), 3_000);
    // Ten seconds later the same store takes events again, and those that come now stay behind the others.
    sleep(Duration::from_secs(10)).await;
    store.be_unavailable(0);
    for number in 3_001..3_100 {
        recorder.record(numbered(number)).await;
    }
    sleep(Duration::from_secs(3)).await;
    let receipt = recorder.record_durable(numbered(3_100)).await.unwrap();
    assert_eq!(receipt.index, Some(3_100));
    stop(&recorder).await;
    assert_all(&store, &spool, 3_101).await;
}

#[tokio::test(start_paused = true)]
async fn more_than_an_append_may_have_keeps_its_order_where_the_store_comes_back_half_way() {
    let (store, spool) = (FaultyStore::default(), FaultySpool::default());
    let recorder = start(&store, &spool).await;
    store.be_unavailable(FOR_EVER);
    for number in 0..3_000 {
        recorder.record(numbered(number).metadata("note", "n".repeat(2_000))).await;
    }
    sleep(Duration::from_secs(1)).await;
    assert_eq!(spool.len(), 3_000);
    // Of what is 6 MB, appended at 4 MiB each.
    store.be_unavailable(1);
    sleep(Duration::from_secs(10)).await;
    stop(&recorder).await;
    assert_all(&store, &spool, 3_000).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_as_the_store_goes_away_waits_with_what_came_behind_it() {
    let (store, spool) = (FaultyStore::default(), FaultySpool::default());
    let recorder = start(&store, &spool).await;
    store.refuse("poison.pill", "a constraint");
    store.go_away_once_refused();
    recorder.record(Event::builder("poison.pill")).await;
    recorder.record(numbered(0)).await;
    sleep(Duration::from_secs(1)).await;
    assert_eq!(spool.len(), 2);
    store.be_unavailable(0);
    sleep(Duration::from_secs(5)).await;
    stop(&recorder).await;
    assert_eq!(store.all_set_aside().len(), 1);
    assert_eq!(members(&events(&store, "standard").await, "/operation_id"), ["0"]);
    assert_eq!(spool.len(), 0);
}

#[tokio::test(start_paused = true)]
async fn two_events_with_one_id_are_two_where_they_are_of_two_logs() {
    let (store, spool) = (FaultyStore::default(), FaultySpool::default());
    let recorder = start(&store, &spool).await;
    store.be_unavailable(FOR_EVER);
    let id = uuid::Uuid::from_u128(7);
    recorder.record(numbered(0).id(id).retention("other")).await;
    recorder.record(numbered(0).id(id)).await;
    sleep(Duration::from_secs(1)).await;
    // Within its time it takes the first, and not the second.
    store.take(Duration::from_secs(2));
    store.be_unavailable(0);
    sleep(Duration::from_secs(30)).await;
    stop(&recorder).await;
    assert_eq!(events(&store, "other").await.len(), 1);
    assert_all(&store, &spool, 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_slow_takes_what_waits_in_portions_that_it_can_take_in_its_time() {
    let (store, spool) = (FaultyStore::default(), FaultySpool::default());
    let recorder = start(&store, &spool).await;
    store.be_unavailable(FOR_EVER);
    for number in 0..3_000 {
        recorder.record(numbered(number)).await;
    }
    sleep(Duration::from_secs(1)).await;
    // In its 2.5 seconds it takes 250, at 100 in a second.
    store.take_for_each(Duration::from_millis(10));
    store.be_unavailable(0);
    sleep(Duration::from_secs(60)).await;
    assert_eq!(recorder.health().spooled, 0, "{:?}", recorder.health());
    stop(&recorder).await;
    assert_all(&store, &spool, 3_000).await;
}

#[tokio::test(start_paused = true)]
async fn a_store_that_hangs_keeps_nobody_waiting_for_longer_than_the_deadline() {
    let (store, spool) = (FaultyStore::default(), FaultySpool::default());
    let recorder = start(&store, &spool).await;
    store.hang(true);
    let begun = Instant::now();
    for number in 0..20 {
        assert_eq!(recorder.record_durable(numbered(number)).await.unwrap().index, None);
        assert!(begun.elapsed() < Duration::from_secs(5) * (u32::try_from(number).unwrap() + 1));
    }
    store.hang(false);
    stop(&recorder).await;
    assert_all(&store, &spool, 20).await;
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_overflows_into_the_spool_and_nothing_is_lost() {
    let (store, spool) = (FaultyStore::default(), FaultySpool::default());
    let recorder = builder(&store).spool(spool.clone()).queue_capacity(4);
    let recorder = recorder.deadline(Duration::from_secs(3_600)).start().await.unwrap();
    store.hang(true);
    for number in 0..500 {
        recorder.record(numbered(number)).await;
    }
    // Also where a function cannot wait, and durably.
    recorder.record_durable(numbered(500)).await.unwrap();
    assert!(spool.len() > 480, "{}", spool.len());
    store.hang(false);
    stop(&recorder).await;
    let mut found = events(&store, "standard").await;
    assert_eq!(found.len(), 501);
    found.sort_by_key(|event| event["producer"]["seq"].as_u64());
    let expected: Vec<String> = (0..501).map(|number| number.to_string()).collect();
    assert_eq!(members(&found, "/operation_id"), expected);
    assert_eq!(events(&store, "audit").await, Vec::<Value>::new());
}

#[tokio::test(start_paused = true)]
async fn what_a_process_has_left_is_found_by_the_next_one() {
    let (store, spool) = (FaultyStore::default(), FaultySpool::default());
    let recorder = start(&store, &spool).await;
    store.be_unavailable(FOR_EVER);
    for number in 0..10 {
        recorder.record(numbered(number)).await;
    }
    // Nothing is left behind that is not on the disk.
    assert_eq!(recorder.shutdown(Duration::from_secs(60)).await, Ok::<(), ShutdownError>(()));
    // And its last word.
    assert_eq!(spool.len(), 11);
    store.be_unavailable(0);
    let next = start(&store, &spool).await;
    next.record(numbered(10)).await;
    stop(&next).await;
    assert_all(&store, &spool, 11).await;
}

#[tokio::test(start_paused = true)]
async fn an_append_whose_answer_was_lost_doubles_nothing() {
    let (store, spool) = (FaultyStore::default(), FaultySpool::default());
    let recorder = start(&store, &spool).await;
    store.lose_answers(2);
    for number in 0..10 {
        recorder.record(numbered(number)).await;
    }
    stop(&recorder).await;
    // They are in the log, and the spool does not know it; and it has the last word.
    assert_eq!((events(&store, "standard").await.len(), spool.len()), (10, 11));
    stop(&start(&store, &spool).await).await;
    assert_all(&store, &spool, 10).await;
}

#[tokio::test(start_paused = true)]
async fn a_strict_operation_does_not_run_on_the_word_of_the_spool() {
    let (store, spool) = (FaultyStore::default(), FaultySpool::default());
    let recorder = start(&store, &spool).await;
    store.be_unavailable(FOR_EVER);
    let refused = Pending::begin_strict(&recorder, numbered(0)).await.unwrap_err();
    assert!(matches!(&refused, NotRecorded::NotRun(Refusal::Spooled(_))), "{refused}");
    assert!(refused.to_string().contains("reach the database"), "{refused}");
    store.be_unavailable(0);
    stop(&recorder).await;
    let events = events(&store, "standard").await;
    assert_eq!(members(&events, "/stage"), ["begun", "complete"]);
    assert_eq!(events[1]["error"]["code"], "audit.not_run");
}

#[tokio::test(start_paused = true)]
async fn where_the_spool_is_full_as_well_durable_fails_and_losses_are_told_afterwards() {
    let (store, spool) = (FaultyStore::default(), FaultySpool::default());
    let recorder = builder(&store).spool(spool.clone()).queue_capacity(4).start().await.unwrap();
    store.be_unavailable(FOR_EVER);
    spool.be_full(FOR_EVER);
    let refused = recorder.record_durable(numbered(0)).await.unwrap_err();
    assert!(matches!(refused, NotRecorded::RanButUnrecorded { .. }), "{refused}");
    for number in 1..2_000 {
        recorder.record(numbered(number)).await;
    }
    store.be_unavailable(0);
    spool.be_full(0);
    stop(&recorder).await;
    let kept = events(&store, "standard").await.len();
    let gaps = events(&store, "audit").await;
    assert_eq!(members(&gaps, "/action"), ["audit.gap"]);
    let lost = gaps[0]["metadata"]["count"].as_u64().unwrap();
    assert!(lost > 0);
    assert_eq!(u64::try_from(kept).unwrap() + lost, 2_000);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_event_in_the_spool_is_set_aside_and_holds_up_nothing() {
    let (store, spool) = (FaultyStore::default(), FaultySpool::default());
    let id = uuid::Uuid::from_u128(7);
    let forged = |class: &str, canon: &str| EncodedEvent {
        id,
        class: class.to_owned(),
        canon: canon.to_owned(),
        openings: None,
    };
    spool.forge(ORIGIN, &format!("{ORIGIN}/standard"), forged("standard", "{}"));
    spool.forge(ORIGIN, &format!("{ORIGIN}/elsewhere"), forged("standard", "{}"));
    let other = format!("{ORIGIN}/eu");
    spool.forge(&other, &format!("{other}/standard"), forged("standard", "{}"));
    let recorder = start(&store, &spool).await;
    recorder.record(numbered(0)).await;
    stop(&recorder).await;
    let events = events(&store, "audit").await;
    assert_eq!(members(&events, "/action"), ["audit.rejected", "audit.rejected"]);
    assert_eq!(super::events(&store, "standard").await.len(), 1);
    // Those of another recorder wait for that one.
    assert_eq!(spool.len(), 1);
    assert!(store.logs().await.unwrap().iter().all(|log| log.origin.starts_with(ORIGIN)));
}

#[tokio::test(start_paused = true)]
async fn a_full_disk_does_not_keep_events_from_a_log_that_takes_them() {
    let (store, spool) = (FaultyStore::default(), FaultySpool::default());
    let recorder = start(&store, &spool).await;
    store.be_unavailable(FOR_EVER);
    for number in 0..10 {
        recorder.record(numbered(number)).await;
    }
    sleep(Duration::from_secs(1)).await;
    // Now nothing can be written to the disk, and nothing removed from it.
    spool.be_full(FOR_EVER);
    spool.be_stuck(FOR_EVER);
    store.be_unavailable(0);
    sleep(Duration::from_secs(5)).await;
    assert_eq!(recorder.record_durable(numbered(10)).await.unwrap().index, Some(10));
    assert!(recorder.health().is_good());
    assert_eq!(spool.len(), 10);
    spool.be_stuck(0);
    stop(&recorder).await;
    stop(&start(&store, &spool).await).await;
    assert_all(&store, &spool, 11).await;
}

#[tokio::test(start_paused = true)]
async fn what_overflows_beside_a_spool_that_takes_nothing_ends_in_the_log() {
    let (store, spool) = (FaultyStore::default(), FaultySpool::default());
    let recorder = builder(&store).spool(spool.clone()).queue_capacity(4).start().await.unwrap();
    store.hang(true);
    spool.be_full(FOR_EVER);
    for number in 0..100 {
        recorder.record(numbered(number)).await;
    }
    store.hang(false);
    // The spool never comes back.
    stop(&recorder).await;
    assert_eq!(events(&store, "standard").await.len(), 100);
    assert_eq!((spool.len(), recorder.health().lost), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn what_another_process_leaves_is_found_without_a_restart() {
    let (store, spool) = (FaultyStore::default(), FaultySpool::default());
    let (early, late) = (start(&store, &spool).await, start(&store, &spool).await);
    store.be_unavailable(FOR_EVER);
    early.record(numbered(0)).await;
    stop(&early).await;
    assert_eq!(spool.len(), 2);
    store.be_unavailable(0);
    sleep(Duration::from_secs(5)).await;
    assert_all(&store, &spool, 1).await;
    stop(&late).await;
}

#[tokio::test(start_paused = true)]
async fn a_strict_operation_runs_as_soon_as_its_log_can_say_so() {
    let (store, spool) = (FaultyStore::default(), FaultySpool::default());
    let recorder = start(&store, &spool).await;
    store.be_unavailable(1);
    recorder.record(numbered(0)).await;
    sleep(Duration::from_millis(1)).await;
    // There is still something in the spool, and nothing in the way.
    let pending = Pending::begin_strict(&recorder, numbered(1)).await.unwrap();
    pending.finish_durable().await.unwrap();
    stop(&recorder).await;
    assert_eq!(events(&store, "standard").await.len(), 3);
}
