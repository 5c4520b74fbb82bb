//! What auditors look for, and along which index it is found: a log to try it on.

use chrono::TimeDelta;
use uuid::Uuid;

use super::SearchPath;
use crate::Query;
use crate::event::{Actor, Event, Outcome, Producer, RequestInfo, Resource, Severity};
use crate::query::{Filter, Scope};
use crate::store::{Leaf, LogId, Store};
use crate::testing::conformance::at;

/// Each must be found along an index alone, by what it is called in the reference systems: time, actor, action, severity, scope,
/// resource, address, session, request, correlation, operation, compliance, category, and some of them with a time.
const LOOKUPS: [(&str, SearchPath); 23] = [
    ("after:2026-01-03 before:2026-01-05", SearchPath::Index),
    ("actor:u-7", SearchPath::Actor),
    ("action:invoice.step_7", SearchPath::Action),
    ("severity:error", SearchPath::Terms),
    ("label.scope:s-7", SearchPath::Terms),
    ("tenant:t-7", SearchPath::Terms),
    ("resource:invoice/7", SearchPath::Resource),
    ("resource:invoice", SearchPath::Terms),
    ("ip:10.0.3.7", SearchPath::Address),
    ("ip:10.0.0.0/24", SearchPath::Network),
    ("session:s-7", SearchPath::Terms),
    ("request:r-7", SearchPath::Terms),
    ("correlation:c-7", SearchPath::Terms),
    ("operation:o-7", SearchPath::Terms),
    ("compliance:true after:2026-01-03", SearchPath::Terms),
    ("category:c-7 after:2026-01-03", SearchPath::Terms),
    ("outcome:denied", SearchPath::Terms),
    ("tenant:t-7 action:invoice.step_7", SearchPath::Terms),
    ("actor:u-7 after:2026-01-03", SearchPath::Actor),
    ("action:invoice.step_7 before:2026-01-05", SearchPath::Action),
    ("resource:invoice/7 after:2026-01-03", SearchPath::Resource),
    ("resource:invoice after:2026-01-03 before:2026-01-05", SearchPath::Terms),
    ("actor:u-7 action:invoice.step_7 resource:invoice after:2026-01-03", SearchPath::Actor),
];

/// The look-ups, each with all that a store is asked for.
pub(in crate::store) fn lookups() -> impl Iterator<Item = (&'static str, SearchPath, Filter)> {
    LOOKUPS.into_iter().map(|(text, along)| {
        let query: Query = text.parse().unwrap();
        let everything = Scope::everything();
        let (filter, rest) = query.split(&everything);
        assert!(rest.is_empty(), "{text} is looked for entry by entry");
        assert_eq!(SearchPath::of(&filter), along, "{text}");
        (text, along, filter)
    })
}

fn event(n: u64) -> Event {
    let request = RequestInfo::new()
        .id(format!("r-{n}"))
        .session(format!("s-{}", n % 500))
        .correlation_id(format!("c-{}", n % 700))
        .ip([10, 0, u8::try_from(n % 4).unwrap(), u8::try_from(n % 250).unwrap()].into());
    Event::builder(format!("invoice.step_{}", n % 20))
        .actor(Actor::user(format!("u-{}", n % 200)))
        .on(Resource::new(["invoice", "order"][usize::from(n.is_multiple_of(5))], n.to_string()))
        .severity(if n.is_multiple_of(20) { Severity::Error } else { Severity::Info })
        .outcome(if n.is_multiple_of(50) { Outcome::Denied } else { Outcome::Success })
        .category(format!("c-{}", n % 12))
        .tenant(format!("t-{}", n % 30))
        .operation_id(format!("o-{}", n % 900))
        .label("scope", format!("s-{}", n % 40))
        .is_compliance_relevant(n.is_multiple_of(3))
        .request(request)
        .build()
        .unwrap()
}

/// Appends 100,000 entries over a month. Only some of their bytes are made: the others have those of another entry, and columns of
/// their own, which is what plans go by.
pub(in crate::store) async fn fill(store: &impl Store, log: LogId) {
    let producer = Producer::new("test");
    let made: Vec<_> = (0..2_000).map(|n| Leaf::of(&event(n), &producer, n)).collect();
    for round in 0..50_u64 {
        let leaves = (0_u64..).zip(&made).map(|(n, made)| {
            let (n, mut leaf) = (round * 2_000 + n, made.clone());
            leaf.columns.event_id = Uuid::from_u128(n.into());
            leaf.event.id = leaf.columns.event_id;
            leaf.columns.occurred_at = at(0) + TimeDelta::seconds(i64::try_from(n).unwrap() * 26);
            leaf
        });
        store.append(log, &leaves.collect::<Vec<_>>(), at(0)).await.unwrap();
    }
}
