//! What is found, and in what order.

use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::{at, encoded, log, whole};
use crate::event::{Actor, Event, Outcome};
use crate::query::{Filter, Query};
use crate::store::{Leaf, Reader, Row, Store};

fn random_leaf(random: &mut StdRng, seq: u64) -> Leaf {
    let outcomes = [Outcome::Success, Outcome::Failure, Outcome::Denied];
    let mut event =
        Event::builder(["login", "invoice.approve", "invoice.refund"][random.random_range(0..3)])
            .occurred_at(
                at(random.random_range(0..100))
                    + TimeDelta::microseconds(random.random_range(0..3)),
            );
    if random.random_bool(0.8) {
        event = event.actor(Actor::user(["u-1", "u-2", "u-3"][random.random_range(0..3)]));
    }
    if random.random_bool(0.8) {
        event = event.resource(
            ["invoice", "user"][random.random_range(0..2)],
            ["1", "2"][random.random_range(0..2)],
        );
    }
    if random.random_bool(0.8) {
        event = event.outcome(outcomes[random.random_range(0..3)]);
    }
    encoded(event, seq)
}

fn random_filter(random: &mut StdRng) -> Filter {
    let mut wanted = |words: &[&str]| {
        let word = words[random.random_range(0..words.len())];
        random.random_bool(0.4).then(|| word.to_owned())
    };
    let mut filter = Filter {
        actor: wanted(&["u-1", "u-2", "nobody"]),
        action: wanted(&["login", "invoice.approve", "none"]),
        resource_type: wanted(&["invoice", "user"]),
        resource_id: wanted(&["1", "2"]),
        ..Filter::default()
    };
    filter.outcome = random.random_bool(0.3).then_some(Outcome::Denied);
    let mut moment =
        || at(random.random_range(0..100)) + TimeDelta::nanoseconds(random.random_range(0..3_000));
    let moments = (moment(), moment());
    filter.since = random.random_bool(0.4).then_some(moments.0);
    filter.until = random.random_bool(0.4).then_some(moments.1);
    filter
}

pub async fn a_search_finds_what_its_filter_matches_and_nothing_else(store: Arc<dyn Store>) {
    let log = log(&store).await;
    let mut random = StdRng::seed_from_u64(1);
    let all: Vec<_> = (0..600).map(|seq| random_leaf(&mut random, seq)).collect();
    for batch in all.chunks(100) {
        store.append(log, batch, at(0)).await.unwrap();
    }
    let rows = whole(&*store, log).await;
    let mut found_something = 0;
    for _ in 0..300 {
        let filter = random_filter(&mut random);
        let before = random.random_bool(0.5).then(|| random.random_range(0..700));
        let limit: u16 = random.random_range(1..300);
        let newest_first =
            rows.iter().rev().filter(|row| before.is_none_or(|before| row.index < before));
        let matching = newest_first.filter(|row| filter.matches(row.columns.as_ref().unwrap()));
        let expected: Vec<_> = matching.take(limit.into()).cloned().collect();
        let found = store.search(log, &filter, before, limit.into()).await.unwrap();
        assert_eq!(found, expected, "{filter:?} before {before:?}");
        found_something += usize::from(!found.is_empty());
    }
    assert!(found_something > 100);
    let bounds = |time: fn(&Row) -> DateTime<Utc>| {
        (rows.iter().map(time).min(), rows.iter().map(time).max())
    };
    let (earliest, latest) = bounds(|row| row.columns.as_ref().unwrap().occurred_at);
    let [segment] = store.segments(log).await.unwrap().try_into().unwrap();
    assert_eq!(
        (segment.number, Some(segment.earliest), Some(segment.latest)),
        (0, earliest, latest)
    );
}

pub async fn pages_cover_everything_once_while_appends_go_on(store: Arc<dyn Store>) {
    let mut logs = Vec::new();
    for name in ["test/one", "test/two", "test/three"] {
        logs.push(store.open_log(name, "standard").await.unwrap());
    }
    let mut random = StdRng::seed_from_u64(2);
    let mut there = BTreeSet::new();
    for round in 0..200 {
        let log = random.random_range(0..logs.len() - 1);
        let batch: Vec<_> =
            (0..random.random_range(1..4)).map(|seq| random_leaf(&mut random, seq)).collect();
        let wanted = batch.iter().filter(|leaf| leaf.columns.action == "login");
        there.extend(wanted.map(|leaf| leaf.hash));
        store.append(logs[log], &batch, at(round / 3)).await.unwrap();
    }
    let reader = Reader::shared(Arc::clone(&store));
    let mut query = Query::new().action("login").limit(7);
    let mut seen = Vec::new();
    loop {
        let page = reader.search(&query).await.unwrap();
        let times: Vec<_> = page.entries.iter().map(|entry| entry.recorded_at).collect();
        assert!(times.is_sorted_by(|newer, older| newer >= older));
        seen.extend(page.entries.iter().map(|entry| entry.leaf_hash));
        // What comes meanwhile stands before the first page, also in a log that was empty until now.
        for &log in &logs {
            store.append(log, &[encoded(Event::builder("login"), 0)], at(1_000)).await.unwrap();
        }
        let Some(next) = page.next else { break };
        query = query.cursor(next);
    }
    assert_eq!(seen.len(), there.len());
    assert_eq!(BTreeSet::from_iter(seen), there);
}
