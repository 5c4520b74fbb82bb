//! Several logs that are read while others append to them.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, Utc};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use uuid::Uuid;

use super::*;
use crate::Event;
use crate::event::Producer;
use crate::store::{Leaf, MemoryStore, Store as _};

const LOGS: [&str; 4] = ["test/one", "test/two", "test/three", "test/four"];

fn at(second: u64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + Duration::from_secs(second)
}

fn leaf(number: u64, second: u64) -> Leaf {
    let action = ["login", "logout"][usize::from(number.is_multiple_of(3))];
    let event = Event::builder(action).occurred_at(at(second)).build().unwrap();
    Leaf::of(&event, &Producer::new("test"), number)
}

/// A few entries in one of the first `logs` logs, recorded at that second; its first number is given.
async fn append(
    store: &MemoryStore,
    random: &mut StdRng,
    logs: usize,
    number: u64,
    second: u64,
) -> u64 {
    let log = store.open_log(LOGS[random.random_range(0..logs)], "standard").await.unwrap();
    let count = random.random_range(1..20);
    let batch: Vec<_> = (number..number + count).map(|number| leaf(number, second)).collect();
    store.append(log, &batch, at(second)).await.unwrap();
    number + count
}

/// Each entry by its log and index; in the order over all logs within a round.
async fn round(follower: &mut Follower) -> Vec<(String, u64)> {
    let mut found: Vec<Entry> = Vec::new();
    while let Some(entries) = follower.read().await.unwrap() {
        let (read, all) = follower.progress();
        assert!(read <= all);
        found.extend(entries);
    }
    let order = |entry: &Entry| (entry.recorded_at, LogId::of(&entry.log), entry.index);
    assert!(found.is_sorted_by_key(order));
    found.into_iter().map(|entry| (entry.log, entry.index)).collect()
}

#[tokio::test]
async fn each_entry_comes_once_and_in_order_whoever_appends_meanwhile_and_wherever_it_went_on() {
    for seed in 0..5 {
        println!("seed {seed}");
        let mut random = StdRng::seed_from_u64(seed);
        let (store, mut number) = (MemoryStore::new(), 0);
        for second in 0..300 {
            number = append(&store, &mut random, 3, number, second).await;
        }
        let mut follower = Follower::new(Reader::new(store.clone()), Query::new());
        let mut found = round(&mut follower).await;
        assert_eq!(found.len(), usize::try_from(number).unwrap());
        for second in 300..400 {
            // Also into a log that was not there.
            number = append(&store, &mut random, 4, number, second / 7).await;
            if random.random_bool(0.3) {
                found.extend(round(&mut follower).await);
            }
            if random.random_bool(0.3) {
                // Half a round, and another one from there.
                found.extend(
                    follower.read().await.unwrap().into_iter().flatten().map(|e| (e.log, e.index)),
                );
                let cursor = follower.cursor().to_string().parse().unwrap();
                follower = Follower::new(Reader::new(store.clone()), Query::new().cursor(cursor));
            }
        }
        found.extend(round(&mut follower).await);
        assert_eq!(found.len(), usize::try_from(number).unwrap());
        assert_eq!(BTreeSet::from_iter(found).len(), usize::try_from(number).unwrap());
        assert!(follower.read().await.unwrap().is_none());
    }
}

#[tokio::test]
async fn a_round_ends_where_the_logs_ended_when_it_began() {
    let (store, mut random) = (MemoryStore::new(), StdRng::seed_from_u64(7));
    let mut number = 0;
    for second in 0..200 {
        number = append(&store, &mut random, 1, number, second).await;
    }
    let mut follower = Follower::new(Reader::new(store.clone()), Query::new());
    let mut found = follower.read().await.unwrap().unwrap().len();
    let all = number;
    for second in 200..400 {
        number = append(&store, &mut random, 2, number, second).await;
    }
    found += round(&mut follower).await.len();
    assert_eq!(found, usize::try_from(all).unwrap());
    assert_eq!(round(&mut follower).await.len(), usize::try_from(number - all).unwrap());
}

#[tokio::test]
async fn what_is_asked_for_is_what_a_search_finds_also_where_segments_are_passed_over() {
    let (store, producer) = (MemoryStore::new(), Producer::new("test"));
    let log = store.open_log("test/one", "standard").await.unwrap();
    // A segment of an early time, one of a late one, and the beginning of a third.
    for (segment, count) in [(0_u64, 32_768_u64), (1, 32_768), (2, 10)] {
        let event = Event::builder("login").occurred_at(at(segment * 100)).build().unwrap();
        let leaves = (0..count).map(|number| {
            let mut encoded = event.encode(&producer, number);
            encoded.id = Uuid::from_u128((segment << 32 | number).into());
            encoded.canon = encoded.canon.replace(&event.id().to_string(), &encoded.id.to_string());
            Leaf::new(encoded).unwrap()
        });
        store.append(log, &leaves.collect::<Vec<_>>(), at(0)).await.unwrap();
    }
    let of_one = Uuid::from_u128((1_u128 << 32) + 5);
    for (query, expected) in [
        (Query::new(), 65_546),
        (Query::new().since(at(100)), 32_778),
        (Query::new().until(at(200)).since(at(1)), 32_768),
        (Query::new().since(at(101)), 10),
        (Query::new().since(at(201)), 0),
        (Query::new().until(at(0)), 0),
        (Query::new().event_id(of_one), 1),
        (Query::new().event_id(of_one).action("logout"), 0),
        (Query::new().log("test/one").until(at(100)), 32_768),
        (Query::new().log("test/two"), 0),
    ] {
        let reader = Reader::new(store.clone());
        let mut page = query.clone().limit(1_000);
        let mut searched = 0;
        loop {
            let found = reader.search(&page).await.unwrap();
            searched += found.entries.len();
            let Some(next) = found.next else { break };
            page = page.cursor(next);
        }
        let followed = round(&mut Follower::new(reader, query.clone())).await;
        assert_eq!((followed.len(), searched), (expected, expected), "{query:?}");
    }
}
