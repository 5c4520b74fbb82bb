//! What recorders say of themselves: first word, signs of life, last word.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::sleep;

use super::faulty::FaultyStore;
use super::faulty_spool::FaultySpool;
use super::{ORIGIN, all_events, builder, events, members, settle, start, stop};
use crate::event::Event;

/// Longer than anything is waited for.
const LONG: Duration = Duration::from_secs(60);

#[tokio::test(start_paused = true)]
async fn first_and_last_word_stand_around_all_that_is_recorded() {
    let store = FaultyStore::default();
    let recorder = builder(&store).queue_capacity(100).start().await.unwrap();
    for _ in 0..7 {
        recorder.record(Event::builder("a.b")).await;
    }
    recorder.record(Event::builder("a.b").retention("long")).await;
    stop(&recorder).await;

    let words = all_events(&store, "audit").await;
    assert_eq!(members(&words, "/action"), ["audit.started", "audit.stopped"]);
    let boot = &words[0]["producer"]["boot"];
    assert!(words.iter().all(|word| &word["labels"]["boot"] == boot));
    // What is in the queue and in the denials' reserve, what was taken from each at once, and what waits for closed logs.
    let version = env!("CARGO_PKG_VERSION");
    let began = json!({"places": 3 * 100 + 2 * 256, "heartbeat_ms": 300_000, "version": version});
    assert_eq!(words[0]["metadata"], began);
    let logs = json!({format!("{ORIGIN}/standard"): 6, format!("{ORIGIN}/long"): 0});
    assert_eq!(words[1]["metadata"], json!({ "last_seq": logs }));
    assert_eq!(words[1]["producer"]["seq"], 1);
}

#[tokio::test(start_paused = true)]
async fn silence_is_broken_by_a_sign_of_life_busy_or_not() {
    let store = FaultyStore::default();
    let recorder = builder(&store).heartbeat(Duration::from_secs(10)).start().await.unwrap();
    sleep(Duration::from_secs(35)).await;
    for _ in 0..40 {
        recorder.record(Event::builder("a.b")).await;
        sleep(Duration::from_secs(1)).await;
    }
    let words = all_events(&store, "audit").await;
    assert_eq!(members(&words, "/action")[1..], ["audit.heartbeat"; 7]);
    stop(&recorder).await;
}

#[tokio::test(start_paused = true)]
async fn the_last_word_names_every_log_however_many_there_are() {
    let store = FaultyStore::default();
    let shard = |event: &Event| event.tenant().map(str::to_owned);
    let recorder = builder(&store).shard_by(shard).start().await.unwrap();
    for number in 0..250 {
        recorder.record(Event::builder("a.b").tenant(format!("tenant-{number}"))).await;
    }
    stop(&recorder).await;
    let words = all_events(&store, "audit").await;
    let named: BTreeMap<_, _> = words
        .iter()
        .filter_map(|word| word["metadata"]["last_seq"].as_object())
        .flatten()
        .collect();
    assert_eq!(named.len(), 250);
    assert_eq!(members(&words, "/action")[1..], ["audit.stopped"; 3]);
}

#[tokio::test(start_paused = true)]
async fn no_shard_has_a_log_that_is_taken_for_the_one_about_the_others() {
    let store = FaultyStore::default();
    let shard = |event: &Event| event.tenant().map(str::to_owned);
    let recorder = builder(&store).shard_by(shard).start().await.unwrap();
    let receipt = recorder.record_durable(Event::builder("a.b").tenant("audit")).await.unwrap();
    assert_eq!(&*receipt.log, format!("{ORIGIN}/standard/%61udit"));
    stop(&recorder).await;
}

#[tokio::test(start_paused = true)]
async fn a_recorder_that_recorded_nothing_says_that_it_stops() {
    let store = FaultyStore::default();
    stop(&start(&store).await).await;
    let words = all_events(&store, "audit").await;
    assert_eq!(members(&words, "/action"), ["audit.started", "audit.stopped"]);
    assert_eq!(words[1]["metadata"], json!({"last_seq": {}}));
}

#[tokio::test(start_paused = true)]
async fn a_log_that_does_not_take_the_last_word_holds_up_no_end() {
    let store = FaultyStore::default();
    store.strike_all();
    let recorder = start(&store).await;
    recorder.record_durable(Event::builder("a.b")).await.unwrap();
    store.be_unavailable(usize::MAX);
    assert_eq!(recorder.shutdown(LONG).await, Ok(()));
    store.be_unavailable(0);
    let words = all_events(&store, "audit").await;
    assert_eq!(members(&words, "/action"), ["audit.started"]);
}

#[tokio::test(start_paused = true)]
async fn with_a_spool_the_last_word_comes_in_behind_all_others() {
    let (store, spool) = (FaultyStore::default(), FaultySpool::default());
    store.strike_all();
    let recorder = builder(&store).spool(spool.clone()).start().await.unwrap();
    settle().await;
    store.be_unavailable(usize::MAX);
    recorder.record(Event::builder("a.b")).await;
    stop(&recorder).await;
    store.be_unavailable(0);
    assert_eq!(spool.len(), 2);

    let next = builder(&store).spool(spool.clone()).start().await.unwrap();
    sleep(Duration::from_secs(5)).await;
    stop(&next).await;
    assert_eq!(events(&store, "standard").await.len(), 1);
    let words = all_events(&store, "audit").await;
    let of_first: Vec<&Value> = words
        .iter()
        .filter(|word| word["producer"]["boot"] == words[0]["producer"]["boot"])
        .collect();
    assert_eq!(of_first.len(), 2);
    assert_eq!(of_first[1]["metadata"]["last_seq"], json!({format!("{ORIGIN}/standard"): 0}));
}

#[tokio::test(start_paused = true)]
async fn a_start_waits_for_no_log_and_no_spool_that_takes_nothing() {
    let (store, spool) = (FaultyStore::default(), FaultySpool::default());
    store.strike_all();
    store.be_unavailable(usize::MAX);
    spool.be_full(usize::MAX);
    let recorder = builder(&store).spool(spool.clone()).start().await.unwrap();
    sleep(LONG).await;
    // It is said as soon as somebody takes it.
    store.be_unavailable(0);
    sleep(LONG).await;
    assert_eq!(members(&all_events(&store, "audit").await, "/action")[0], "audit.started");
    store.be_unavailable(usize::MAX);
    assert_eq!(recorder.shutdown(LONG).await, Ok(()));
}

#[tokio::test(start_paused = true)]
async fn the_last_word_never_stands_before_what_it_counts() {
    let (store, spool) = (FaultyStore::default(), FaultySpool::default());
    store.strike_all();
    let recorder = builder(&store).spool(spool.clone()).start().await.unwrap();
    store.be_unavailable(usize::MAX);
    for _ in 0..10 {
        recorder.record(Event::builder("a.b")).await;
    }
    stop(&recorder).await;
    assert_eq!(spool.len(), 11);
    // The next process comes as far as one append.
    let next = builder(&store).spool(spool.clone()).start().await.unwrap();
    for answers in 1..4 {
        store.be_unavailable(0);
        store.lose_answers(answers);
        sleep(Duration::from_millis(200)).await;
        let report =
            crate::verify::verify(&crate::store::Reader::new(store.clone())).await.unwrap();
        assert!(report.is_clean(), "{report}");
        store.be_unavailable(usize::MAX);
        sleep(LONG).await;
    }
    store.be_unavailable(0);
    stop(&next).await;
}
