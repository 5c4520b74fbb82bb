//! What is found, and in what order.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

use super::{at, count, encoded, log, whole};
use crate::event::{Actor, Event, RequestInfo, Resource};
use crate::query::{Filter, Query, Scope};
use crate::store::{Entry, Leaf, LogId, Reader, Row, Start, Store};

fn random_leaf(random: &mut StdRng, seq: u64) -> Leaf {
    let mut one_of = |words: &[&'static str]| words[random.random_range(0..words.len())];
    let mut event = Event::builder(one_of(&["login", "invoice.approve", "invoice.refund"]));
    let resource = Resource::new(one_of(&["invoice", "user"]), one_of(&["1", "2"]));
    let resource = match one_of(&["", "a", "b"]) {
        "" => resource,
        account => resource.parent("account", account),
    };
    let request = RequestInfo::new()
        .id(one_of(&["r-1", "r-2", "r-3"]))
        .session(one_of(&["s-1", "s-2"]))
        .correlation_id(one_of(&["c-1", "c-2"]))
        .trace_id(one_of(&["t-1", "t-2"]))
        .ip(one_of(&ADDRESSES).parse().unwrap());
    let outcome = one_of(&["success", "failure", "denied"]).parse().unwrap();
    let severity = one_of(&["info", "error"]).parse().unwrap();
    let texts = [
        one_of(&["a", "b"]),
        one_of(&["a", "b"]),
        one_of(&["a", "b"]),
        one_of(&["eu", "us"]),
        one_of(&["x", "y"]),
    ];
    let actor = one_of(&["u-1", "u-2", "u-3"]);
    let bulk = Resource::new("line", one_of(&["1", "2"]));
    let [category, tenant, operation, region, tag] = texts;
    let mut often = || random.random_bool(0.8);
    event = if often() { event.actor(Actor::user(actor)) } else { event };
    event = if often() { event.on(resource) } else { event };
    event = if often() { event.resources([bulk, Resource::of_type("line")]) } else { event };
    event = if often() { event.request(request) } else { event };
    event = if often() { event.outcome(outcome).severity(severity) } else { event };
    event = if often() { event.category(category).tenant(tenant) } else { event };
    event = if often() { event.operation_id(operation).label("region", region) } else { event };
    event = if often() { event.tag("t").tag(tag).is_compliance_relevant(true) } else { event };
    let micros = TimeDelta::microseconds(random.random_range(0..3));
    encoded(event.occurred_at(at(random.random_range(0..100)) + micros), seq)
}

const ADDRESSES: [&str; 6] =
    ["10.0.0.1", "10.0.0.2", "10.0.1.1", "11.0.0.1", "2001:db8::1", "2001:db9::1"];

type Narrow = fn(Query, &'static str) -> Query;

/// What a query can ask for, with values that some entries have and values that none has.
const NARROWED: [(Narrow, &[&str]); 19] = [
    (|query, value| query.actor(value), &["u-1", "u-2", "nobody"]),
    (|query, value| query.action(value), &["login", "invoice.approve", "none"]),
    (|query, value| query.resource_type(value), &["invoice", "user", "none"]),
    (|query, value| query.resource_id(value), &["1", "2"]),
    (|query, value| query.resource_parent("account", value), &["a", "b", "c"]),
    (|query, value| query.resources_with("line", value), &["1", "2", "3"]),
    (|query, value| query.outcome(value.parse().unwrap()), &["success", "denied", "unknown"]),
    (|query, value| query.severity(value.parse().unwrap()), &["info", "debug"]),
    (Query::category, &["a", "b", "c"]),
    (Query::tenant, &["a", "b", "c"]),
    (Query::request_id, &["r-1", "s-1"]),
    (Query::session, &["s-1", "r-1"]),
    (Query::correlation_id, &["c-1", "c-2"]),
    (Query::trace_id, &["t-1", "t-2"]),
    (Query::operation_id, &["a", "b"]),
    (|query, value| query.label("region", value), &["eu", "us", "x"]),
    (|query, value| query.tag("t").tag(value), &["x", "y", "z"]),
    (|query, _| query.compliance_relevant(), &[""]),
    (
        |query, network| match network.split_once('/') {
            Some((ip, bits)) => query.network(ip.parse().unwrap(), bits.parse().unwrap()),
            None => query.ip(network.parse().unwrap()),
        },
        &[
            "10.0.0.1",
            "10.0.0.7/24",
            "10.0.0.0/8",
            "10.0.0.0/7",
            "0.0.0.0/0",
            "2001:db8::1",
            "2001:db8::/32",
            "2001:db8::/31",
            "::/0",
            "12.0.0.0/8",
        ],
    ),
];

/// One to three of these, seldom more.
fn random_filter(random: &mut StdRng) -> Filter {
    let mut query = Query::new();
    for _ in 0..random.random_range(0..4) {
        let (narrow, values) = NARROWED[random.random_range(0..NARROWED.len())];
        query = narrow(query, values[random.random_range(0..values.len())]);
    }
    let mut moment =
        || at(random.random_range(0..100)) + TimeDelta::nanoseconds(random.random_range(0..3_000));
    let moments = (moment(), moment());
    let mut filter = query.filter();
    filter.since = random.random_bool(0.3).then_some(moments.0);
    filter.until = random.random_bool(0.3).then_some(moments.1);
    filter
}

pub async fn a_search_finds_what_its_filter_matches_and_nothing_else(store: Arc<dyn Store>) {
    let log = log(&store).await;
    let mut random = StdRng::seed_from_u64(1);
    let all: Vec<_> = (0..4_000).map(|seq| random_leaf(&mut random, seq)).collect();
    for batch in all.chunks(500) {
        store.append(log, batch, at(0)).await.unwrap();
    }
    let rows = whole(&*store, log).await;
    for leaf in all.iter().step_by(999) {
        let filter = Query::new().event_id(leaf.columns.event_id).filter();
        let found = store.search(log, &filter, Start::END, 10).await.unwrap();
        assert!(found.iter().map(|row| row.leaf).eq([Some(leaf.hash)]));
        let of_others = Filter { action: Some("none".to_owned()), ..filter };
        assert!(store.search(log, &of_others, Start::END, 10).await.unwrap().is_empty());
    }
    let mut found_something = 0;
    for _ in 0..600 {
        let filter = random_filter(&mut random);
        let place = random.random_range(0..4_500);
        let starts = [Start::END, Start::Before(place), Start::At(0), Start::At(place)];
        let start = starts[random.random_range(0..4)];
        let limit: u16 = random.random_range(1..1_500);
        let range = start.range(count(&rows));
        let mut expected: Vec<_> = rows.iter().filter(|row| range.contains(&row.index)).collect();
        expected.retain(|row| filter.matches(row.columns.as_ref().unwrap(), row.ip.as_deref()));
        if let Start::Before(_) = start {
            expected.reverse();
        }
        expected.truncate(limit.into());
        let found = store.search(log, &filter, start, limit.into()).await.unwrap();
        assert!(found.iter().eq(expected), "{filter:?} {start:?}");
        found_something += usize::from(!found.is_empty());
    }
    assert!(found_something > 200, "{found_something}");
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

/// What the search language can ask for, with values that some entries have.
const WRITTEN: [&str; 24] = [
    "actor:u-1",
    "actor:u-1,u-2",
    "-actor:u-1",
    "actor:*",
    "action:invoice.*",
    "-action:login",
    "action:login,invoice.refund",
    "outcome:success",
    "-outcome:success,denied",
    "severity:>=error",
    "resource:user",
    "resource:invoice/1",
    "parent.account:a,b",
    "-tag:x",
    "tag:t tag:y",
    "label.region:eu",
    "-label.region:*",
    "ip:10.0.0.0/8",
    "ip:10.0.0.1,2001:db8::/32",
    "-ip:0.0.0.0/0",
    "refund",
    "-\"invoice.r\"",
    "log:test/audit/standard",
    "compliance:true",
];

/// Two logs with a thousand entries that were recorded in turns, and all of them, the newest first.
pub(super) async fn mixed(store: Arc<dyn Store>, random: &mut StdRng) -> (Reader, Vec<Entry>) {
    let other = store.open_log("test/audit/other", "other").await.unwrap();
    let logs = [log(&store).await, other];
    for seq in 0..10 {
        let batch: Vec<_> = (0..100).map(|n| random_leaf(random, seq * 100 + n)).collect();
        let log = logs[random.random_range(0..2)];
        store.append(log, &batch, at(i64::try_from(seq).unwrap())).await.unwrap();
    }
    let reader = Reader::shared(store);
    let mut all: Vec<Entry> = Vec::new();
    for log in reader.logs().await.unwrap() {
        all.extend(reader.read(&log, 0, 10_000).await.unwrap());
    }
    let id = |entry: &Entry| LogId::of(&entry.log);
    all.sort_by_key(|entry| Reverse((entry.recorded_at, id(entry), entry.index)));
    assert_eq!(all.len(), 1_000);
    (reader, all)
}

pub(super) fn random_query(random: &mut StdRng) -> Query {
    let count = random.random_range(1..4);
    let parts = (0..count).map(|_| WRITTEN[random.random_range(0..WRITTEN.len())]);
    parts.collect::<Vec<_>>().join(" ").parse().unwrap()
}

pub(super) fn random_scope(random: &mut StdRng) -> Scope {
    let everything = Scope::everything;
    let scopes = [
        everything(),
        everything().tenant("a"),
        everything().tenants(["a", "none"]),
        everything().resource_types(["invoice"]),
        everything().tenant("b").resource_types(["user", "invoice"]),
    ];
    scopes[random.random_range(0..scopes.len())].clone()
}

pub async fn a_query_finds_what_it_matches_and_nothing_else_however_little_is_read_for_a_page(
    store: Arc<dyn Store>,
) {
    let mut random = StdRng::seed_from_u64(2);
    let (reader, all) = mixed(store, &mut random).await;
    let known: Vec<_> = all.iter().map(Entry::known).collect();
    let mut found_something = 0;
    for _ in 0..60 {
        let mut query = random_query(&mut random);
        let text = query.to_string();
        let scope = random_scope(&mut random);
        let expected = all
            .iter()
            .zip(&known)
            .filter(|(entry, known)| query.matches(&entry.log, known) && scope.sees(known));
        let mut expected: Vec<_> = expected.map(|(entry, _)| (&entry.log, entry.index)).collect();
        if random.random_bool(0.5) {
            query = query.oldest_first();
            expected.reverse();
        }
        let reader = reader.within(scope);
        let (limit, most) = (random.random_range(20..400), random.random_range(1..1_000));
        query = query.limit(limit);
        let mut found = Vec::new();
        loop {
            let page = reader.search_reading(&query, most).await.unwrap();
            assert!(page.entries.len() <= usize::try_from(limit).unwrap());
            found.extend(page.entries);
            match page.next {
                Some(next) => query = query.cursor(next),
                None => break,
            }
        }
        let found: Vec<_> = found.iter().map(|entry| (&entry.log, entry.index)).collect();
        let scope = reader.scope();
        assert_eq!(found, expected, "{text} in {scope:?}, {limit} a page, {most} rows read");
        found_something += usize::from(!found.is_empty());
    }
    assert!(found_something > 20, "{found_something}");
}

/// A database may take such a value for an error.
pub async fn what_no_event_can_say_is_found_nowhere(store: Arc<dyn Store>) {
    let log = log(&store).await;
    let leaf = encoded(Event::builder("page.read").resource("page", "p"), 0);
    store.append(log, &[leaf], at(0)).await.unwrap();
    let reader = Reader::shared(store);
    let found = async |text: &str| {
        let page = reader.search(&text.parse().unwrap()).await;
        page.unwrap_or_else(|why| panic!("{text:?}: {why}")).entries.len()
    };
    for field in ["id", "actor", "action", "resource.type", "resource.id", "tenant", "message"] {
        let text = format!("{field}:\"p\0\"");
        assert_eq!((found(&text).await, found(&format!("-{text}")).await), (0, 1), "{text:?}");
    }
    for text in ["after:-200000-01-01", "before:+200000-01-01"] {
        assert_eq!((found(text).await, found(&format!("-{text}")).await), (1, 0), "{text}");
    }
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
    let pages = async |mut query: Query| {
        let (mut seen, mut times) = (Vec::new(), Vec::new());
        loop {
            let page = reader.search(&query).await.unwrap();
            times.extend(page.entries.iter().map(|entry| entry.recorded_at));
            seen.extend(page.entries.iter().map(|entry| entry.leaf_hash));
            // Also in a log that was empty until now.
            for &log in &logs {
                let leaf = encoded(Event::builder("login"), 0);
                store.append(log, &[leaf], at(1_000)).await.unwrap();
            }
            let Some(next) = page.next else { break };
            query = query.cursor(next);
        }
        assert_eq!(BTreeSet::from_iter(seen.iter()).len(), seen.len());
        (seen, times)
    };
    let query = Query::new().action("login").limit(7);
    // What comes meanwhile stands before the first page,
    let (seen, times) = pages(query.clone()).await;
    assert!(times.is_sorted_by(|newer, older| newer >= older));
    assert_eq!(BTreeSet::from_iter(seen), there);
    // or on the last ones.
    let (seen, times) = pages(query.oldest_first()).await;
    assert!(times.is_sorted());
    assert_eq!(BTreeSet::from_iter(seen[..there.len()].iter().copied()), there);
    assert!(seen.len() > there.len());
}

pub async fn rows_that_are_looked_at_one_by_one_are_so_once(store: Arc<dyn Store>) {
    for round in 0..60 {
        for (number, name) in ["test/one", "test/two"].into_iter().enumerate() {
            let log = store.open_log(name, "standard").await.unwrap();
            let event = |seq| Event::builder("login").message(format!("{number}-{seq}"));
            let batch = (round * 50..round * 50 + 50).map(|seq| encoded(event(seq), seq));
            let now = at(i64::try_from(round).unwrap());
            store.append(log, &batch.collect::<Vec<_>>(), now).await.unwrap();
        }
    }
    let reader = Reader::shared(store);
    for (text, expected) in [("nothing", 0), ("1-77", 11)] {
        let query: Query = text.parse().unwrap();
        for mut query in [query.clone(), query.oldest_first()].map(|query| query.limit(20)) {
            let (mut pages, mut found) = (1, 0);
            loop {
                let page = reader.search_reading(&query, 100).await.unwrap();
                found += page.entries.len();
                let Some(next) = page.next else { break };
                query = query.cursor(next);
                pages += 1;
            }
            // Of 6,000 entries, a thousand at once.
            assert!(found == expected && pages < 20, "{text}: {found} on {pages} pages");
        }
    }
}
