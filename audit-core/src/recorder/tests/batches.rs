//! Group commit: a batch is what came while the last one was on its way, and who was answered by it.

use std::time::Duration;

use tokio::task::yield_now;
use tokio::time::{Instant, sleep};

use super::faulty::FaultyStore;
use super::{events, members, start, stop};
use crate::event::Event;
use crate::recorder::spawn;

#[tokio::test(start_paused = true)]
async fn many_durable_callers_share_few_appends() {
    let store = FaultyStore::default();
    store.take(Duration::from_millis(5));
    let recorder = start(&store).await;
    let callers = (0..500).map(|number| {
        let recorder = recorder.clone();
        spawn(async move {
            sleep(Duration::from_micros(100 * number)).await;
            recorder.record_durable(Event::builder("a.b")).await.unwrap().index
        })
    });
    let mut indices = Vec::new();
    for caller in callers.collect::<Vec<_>>() {
        indices.push(caller.await.unwrap());
    }
    indices.sort_unstable();
    assert_eq!(indices, (0..500).map(Some).collect::<Vec<_>>());
    let appends = store.appends().len();
    // They came within 50 ms, and an append takes 5.
    assert!(appends <= 30, "{appends} appends for 500 events");
    stop(&recorder).await;
}

#[tokio::test(start_paused = true)]
async fn a_lone_event_does_not_wait_for_company() {
    let store = FaultyStore::default();
    let recorder = start(&store).await;
    let begun = Instant::now();
    recorder.record_durable(Event::builder("a.b")).await.unwrap();
    assert_eq!(begun.elapsed(), Duration::ZERO);
    stop(&recorder).await;
}

#[tokio::test(start_paused = true)]
async fn who_was_answered_together_shares_the_next_append_as_well() {
    let store = FaultyStore::default();
    store.take(Duration::from_millis(8));
    let recorder = start(&store).await;
    let call = async |callers: usize, times: usize| {
        let calls = (0..callers).map(|caller| {
            let recorder = recorder.clone();
            spawn(async move {
                for _ in 0..times {
                    recorder.record_durable(Event::builder("a.b")).await.unwrap();
                    // They come back one after the other.
                    for _ in 0..caller {
                        yield_now().await;
                    }
                }
            })
        });
        for call in calls.collect::<Vec<_>>() {
            call.await.unwrap();
        }
    };
    call(16, 10).await;
    let appends = store.appends();
    let sizes: Vec<_> = appends.iter().map(Vec::len).collect();
    // It would be 19 if the first to come back had one for itself.
    assert!(appends.len() <= 14, "{sizes:?}");
    // Who comes alone after them waits for them, half of what they waited; the next one for nobody, and who comes too late or after
    // few for nobody either.
    for (before, pause, waited) in [(16, 0, 12), (0, 0, 8), (16, 5, 8), (4, 0, 8)] {
        call(before, 1).await;
        sleep(Duration::from_millis(pause)).await;
        let begun = Instant::now();
        recorder.record_durable(Event::builder("a.b")).await.unwrap();
        let ended = begun.elapsed().as_millis();
        assert!((waited..=waited + 1).contains(&ended), "{ended} ms after {before} and {pause} ms");
    }
    stop(&recorder).await;
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_bounded_in_events_and_bytes() {
    let store = FaultyStore::default();
    let recorder = start(&store).await;
    for number in 0..10_000 {
        let event = Event::builder("a.b").operation_id(number.to_string());
        // A hundred of them are large, one behind the other.
        let large = (5_000..5_100).contains(&number);
        recorder
            .record(if large { event.metadata("text", "x".repeat(60_000)) } else { event })
            .await;
    }
    stop(&recorder).await;
    let appends = store.appends();
    assert!(
        appends.iter().all(|batch| batch.len() <= 4_096),
        "{:?}",
        appends.iter().map(Vec::len).collect::<Vec<_>>()
    );
    let bytes: Vec<usize> = appends.iter().map(|batch| batch.iter().sum()).collect();
    assert!(bytes.iter().all(|bytes| *bytes <= 4 << 20), "{bytes:?}");
    assert!(appends.len() <= 8, "{bytes:?}");
    let expected: Vec<String> = (0..10_000).map(|number| number.to_string()).collect();
    assert_eq!(members(&events(&store, "standard").await, "/operation_id"), expected);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_takes_too_long_for_all_at_once_is_given_fewer() {
    let store = FaultyStore::default();
    let recorder = start(&store).await;
    store.hang(true);
    for _ in 0..3_000 {
        recorder.record(Event::builder("a.b")).await;
    }
    // Within the deadline of 5 seconds it takes 500.
    store.take_for_each(Duration::from_millis(10));
    store.hang(false);
    recorder.shutdown(Duration::from_secs(90)).await.unwrap();
    assert_eq!(events(&store, "standard").await.len(), 3_000);
}
