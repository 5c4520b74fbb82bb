//! What is said of all that a query finds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::searching::{mixed, random_query, random_scope};
use super::{at, count};
use crate::query::{Field, Query};
use crate::store::{Facet, Store};

const FACETED: [(&str, &str); 6] = [
    ("actor", "/actor/id"),
    ("tenant", "/tenant"),
    ("tag", "/tags/1"),
    ("label.region", "/labels/region"),
    ("resource.type", "/resource/type"),
    ("compliance", "/is_compliance_relevant"),
];

pub async fn counts_histograms_and_facets_are_of_what_a_query_finds(store: Arc<dyn Store>) {
    let mut random = StdRng::seed_from_u64(3);
    let (reader, all) = mixed(store, &mut random).await;
    let known: Vec<_> = all.iter().map(|entry| (&entry.log, entry.known())).collect();
    for _ in 0..40 {
        let (query, scope) = (random_query(&mut random), random_scope(&mut random));
        let found =
            known.iter().filter(|(log, event)| query.matches(log, event) && scope.sees(event));
        let found: Vec<_> = found.map(|(_, event)| event).collect();
        let reader = reader.within(scope);

        for at_most in [0, 1, count(&found), count(&found) + 1, random.random_range(0..1_000)] {
            let counted = reader.count(&query, at_most).await.unwrap();
            assert_eq!(counted.entries, count(&found).min(at_most), "{query}");
            assert_eq!(counted.is_complete, count(&found) <= at_most, "{query}");
        }

        let (name, place) = FACETED[random.random_range(0..FACETED.len())];
        let mut expected: BTreeMap<String, u64> = BTreeMap::new();
        for value in found.iter().filter_map(|event| event.pointer(place)) {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            *expected.entry(text).or_default() += 1;
        }
        if name == "tag" && !expected.is_empty() {
            expected.insert("t".to_owned(), expected.values().sum());
        }
        let mut expected: Vec<_> = expected.into_iter().collect();
        expected.sort_by_key(|(value, entries)| (u64::MAX - entries, value.clone()));
        let facets = reader.facets(&query, &name.parse::<Field>().unwrap(), 2).await.unwrap();
        let values = facets.values.into_iter().map(|Facet { value, entries }| (value, entries));
        assert!(facets.is_complete);
        assert!(values.eq(expected.into_iter().take(2)), "{name} of {query}");

        let (from, until, buckets) = (
            at(random.random_range(0..50)),
            at(random.random_range(50..110)),
            random.random_range(1..20),
        );
        let histogram = reader.histogram(&query, from, until, buckets).await.unwrap();
        let happened = |event: &&serde_json::Value| {
            event["occurred_at"].as_str().unwrap().parse::<DateTime<Utc>>().unwrap()
        };
        let within = |from, until| {
            let found = found.iter().map(happened).filter(|at| (from..until).contains(at));
            count(&found.collect::<Vec<_>>())
        };
        assert_eq!(histogram.buckets.len(), usize::try_from(buckets).unwrap());
        assert_eq!(histogram.buckets[0].from, from);
        let edges = histogram.buckets.iter().skip(1).map(|bucket| bucket.from).chain([until]);
        for (bucket, end) in histogram.buckets.iter().zip(edges) {
            assert_eq!(bucket.entries, within(bucket.from, end), "{query} {bucket:?}");
        }
        assert!(histogram.is_complete);
        let lengths: BTreeSet<_> =
            histogram.buckets.windows(2).map(|pair| pair[1].from - pair[0].from).collect();
        assert!(lengths.len() <= 2, "{lengths:?}");
    }
    // What is less than a microsecond cannot be divided, and at the end of all time nothing follows.
    let until = DateTime::<Utc>::MAX_UTC;
    let from = until - TimeDelta::nanoseconds(500);
    let histogram = reader.histogram(&Query::new(), from, until, 2).await.unwrap();
    assert_eq!(histogram.buckets.len(), 2);
}
