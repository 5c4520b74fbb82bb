//! What `build` takes and what it refuses, at the boundary; and the counting pass that decides it.

use chrono::{DateTime, Utc};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::model::{builder, event};
use super::{cases, depth, encode, parsed, producer};
use crate::clock::Clock;
use crate::event::bound::bound;
use crate::event::encode::measure;
use crate::event::{
    Actor, ActorKind, Change, ErrorInfo, Event, EventBuilder, EventError, MAX_CANONICAL, MAX_DEPTH,
    Producer, RequestInfo, Resource,
};
use crate::testing::ManualClock;

/// What an event may be measured too large: the producer is counted at its largest.
const SLACK: usize = 700;

proptest! {
    #![proptest_config(cases(20_000, 300))]

    #[test]
    fn an_event_is_never_larger_than_measured_and_hardly_smaller(model in event(), quotes in 0..=256_usize) {
        let event = builder(&model).build().unwrap();
        let (canon, openings) = measure(&event);
        prop_assert!(bound(event.held) >= canon.max(openings), "{} < {canon}, {openings}", bound(event.held));
        let producer = Producer::new("\"".repeat(quotes));
        let encoded = event.encode(&producer, u64::MAX);
        let real = encoded.openings.map_or(0, |openings| openings.len());
        prop_assert!(encoded.canon.len() <= canon + SLACK, "{} > {} + {}", encoded.canon.len(), canon, SLACK);
        prop_assert!(encoded.canon.len() > canon, "{} <= {}", encoded.canon.len(), canon);
        prop_assert_eq!(real, openings);
    }
}

#[test]
fn an_event_of_many_small_parts_is_no_larger_than_its_bound() {
    let event = || Event::builder("a.b");
    let change = |value: Value| Change {
        path: String::new(),
        before: Some(value.clone()),
        after: Some(value),
    };
    let changes =
        |value: Value| (0..50).fold(event(), |event, _| event.change(change(value.clone())));
    let mut personal = event();
    for i in 0..100 {
        personal = personal.metadata(format!("{i}"), 0).personal(format!("/metadata/{i}"));
    }
    let actor = (0..32).fold(Actor::user(""), |actor, _| {
        actor.on_behalf_of(Actor::new(ActorKind::Anonymous, "").name(""))
    });
    let request = RequestInfo::new().ip([0x2001, 0xdb8, 1, 2, 3, 4, 5, 6].into()).user_agent("");
    let events = [
        event(),
        event()
            .actor(actor.name("").email(""))
            .request(request)
            .message("")
            .error(ErrorInfo::new("")),
        event().resources((0..100).map(|_| Resource::of_type("").name("").parent("", ""))),
        changes(Value::Null),
        changes(json!([[], {}, [null], {"": false}])),
        changes(json!([f64::MIN_POSITIVE, f64::MAX, u64::MAX, i64::MIN])),
        event().metadata("escaped", "\u{1}\u{1f}\"\\".repeat(1_000)),
        personal,
    ];
    for event in events {
        let event = event.build().unwrap();
        let (canon, openings) = measure(&event);
        assert!(
            bound(event.held) >= canon.max(openings),
            "{} < {canon}, {openings}",
            bound(event.held)
        );
    }
}

fn with_text(length: usize) -> EventBuilder {
    Event::builder("a.b").metadata("text", "x".repeat(length))
}

#[test]
fn an_event_of_the_largest_size_is_built_and_one_byte_more_is_refused() {
    let (empty, _) = measure(&with_text(0).build().unwrap());
    let room = MAX_CANONICAL - SLACK - empty;
    let event = with_text(room).build().unwrap();
    assert_eq!(measure(&event).0 + SLACK, MAX_CANONICAL);
    let largest = event.encode(&Producer::new("\\".repeat(256)), u64::MAX);
    assert!(largest.canon.len() <= MAX_CANONICAL);
    let refused = with_text(room + 1).build().unwrap_err();
    assert_eq!(refused, EventError::TooLarge { size: MAX_CANONICAL + 1 });
}

#[test]
fn openings_of_the_largest_size_are_built_and_one_byte_more_is_refused() {
    let personal = |length| with_text(length).personal("/metadata/text");
    let openings = |event: &Event| encode(event).openings.unwrap().len();
    let room = MAX_CANONICAL - openings(&personal(0).build().unwrap());
    assert_eq!(openings(&personal(room).build().unwrap()), MAX_CANONICAL);
    let refused = personal(room + 1).build().unwrap_err();
    assert_eq!(refused, EventError::TooLarge { size: MAX_CANONICAL + 1 });
}

fn nested(levels: usize) -> Value {
    (0..levels).fold(json!("core"), |inner, level| {
        if level % 2 == 0 { json!([inner]) } else { json!({"in": inner}) }
    })
}

#[test]
fn an_event_of_the_deepest_nesting_is_built_and_one_level_more_is_refused() {
    let change = |levels| {
        Event::builder("a.b").change(Change {
            path: String::new(),
            before: Some(nested(levels)),
            after: None,
        })
    };
    assert_eq!(depth(&parsed(&encode(&change(29).build().unwrap()))), MAX_DEPTH);
    assert_eq!(change(30).build().unwrap_err(), EventError::TooDeep { member: "/changes" });
    let of = |member: &'static str, event: EventBuilder| {
        assert_eq!(event.build().unwrap_err(), EventError::TooDeep { member });
    };
    of("/before", Event::builder("a.b").before(nested(30)));
    of("/after", Event::builder("a.b").after(nested(30)));
    of("/metadata", Event::builder("a.b").metadata("m", nested(30)));
}

#[test]
fn names_and_times_that_the_format_has_no_words_for_are_refused() {
    let build = |event: EventBuilder| event.build().unwrap_err().to_string();
    assert!(
        build(Event::builder("Invoice.Approve"))
            .contains("`Invoice.Approve` is no name for an action")
    );
    assert!(build(Event::builder("audit.gap")).contains("reserved"));
    assert!(
        build(Event::builder("a.b").retention("audit")).contains("`audit` is no retention class")
    );
    assert!(build(Event::builder("a.b").retention("a-b")).contains("`a-b` is no retention class"));
    let year = |at: DateTime<Utc>| Event::builder("a.b").occurred_at(at).build();
    assert_eq!(year(DateTime::<Utc>::MAX_UTC).unwrap_err(), EventError::Time { year: 262_142 });
    assert!(year("-0001-12-31T23:59:59Z".parse().unwrap()).is_err());
    assert!(year("0000-01-01T00:00:00Z".parse().unwrap()).is_ok());
    assert!(year("9999-12-31T23:59:59.999999999Z".parse().unwrap()).is_ok());
}

#[test]
fn what_is_hashed_is_what_a_microsecond_column_can_hold() {
    let at: DateTime<Utc> = "2026-01-02T03:04:05.123456789Z".parse().unwrap();
    let micros: DateTime<Utc> = "2026-01-02T03:04:05.123456Z".parse().unwrap();
    let event = Event::builder("a.b").seal(&ManualClock::new(at));
    assert_eq!(event.occurred_at(), micros);
    let encoded = event.encode(&producer(), 0);
    assert_eq!(parsed(&encoded)["occurred_at"], "2026-01-02T03:04:05.123456Z");
    assert_eq!(crate::event::Columns::of(encoded.canon.as_bytes()).unwrap().occurred_at, micros);

    // A time given by the user, and the odd form that a leap second has.
    let leap: DateTime<Utc> = "2016-12-31T23:59:60.000000500Z".parse().unwrap();
    let event = Event::builder("a.b").occurred_at(leap).seal(&ManualClock::new(at));
    assert_eq!(parsed(&event.encode(&producer(), 0))["occurred_at"], "2017-01-01T00:00:00.000000Z");
    assert_eq!(ManualClock::new(at).now(), at);
}
