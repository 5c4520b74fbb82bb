//! `seal` never refuses: whatever it is given, an event comes out that the log takes.

use chrono::{DateTime, Utc};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use super::{cases, depth, encode, parsed};
use crate::event::payload::BULK;
use crate::event::{
    Action, Actor, Change, Columns, EncodedEvent, ErrorInfo, Event, EventBuilder, MAX_CANONICAL,
    MAX_DEPTH, Outcome, Producer, RequestInfo, Resource, Sensitivity, Severity, Source,
    SourceSystem,
};
use crate::store::Leaf;
use crate::testing::ManualClock;

fn clock() -> ManualClock {
    ManualClock::new("2026-01-02T03:04:05.123456789Z".parse().unwrap())
}

/// Whether a control character that is no line break or tab stands in a text or name.
fn has_controls(value: &Value) -> bool {
    let bad = |c: char| c.is_control() && !['\n', '\r', '\t'].contains(&c);
    match value {
        Value::String(text) => text.contains(bad),
        Value::Array(items) => items.iter().any(has_controls),
        Value::Object(members) => {
            members.iter().any(|(name, item)| name.contains(bad) || has_controls(item))
        }
        _ => false,
    }
}

/// Encodes as the largest producer would, and checks that the log takes it.
fn sealed(event: EventBuilder) -> (Event, EncodedEvent, Value) {
    let event = event.seal(&clock());
    let producer = Producer::new("\"".repeat(256));
    let leaf = Leaf::of(&event, &producer, u64::MAX);
    let encoded = leaf.event.clone();
    let openings = encoded.openings.as_ref().map_or(0, String::len);
    assert!(encoded.canon.len() <= MAX_CANONICAL, "{} bytes", encoded.canon.len());
    assert!(openings <= MAX_CANONICAL, "{openings} bytes of openings");
    let value = parsed(&encoded);
    assert!(depth(&value) <= MAX_DEPTH);
    assert_eq!(serde_json_canonicalizer::to_string(&value).unwrap(), encoded.canon);
    assert!(!has_controls(&value), "a control character: {}", encoded.canon);
    assert_eq!(Columns::of(encoded.canon.as_bytes()).unwrap(), Columns::of_event(&event));
    let again = Leaf::new(encoded.clone()).unwrap();
    assert_eq!((again.columns, again.ip, again.hash), (leaf.columns, leaf.ip, leaf.hash));
    (event, encoded, value)
}

fn nasty_text() -> BoxedStrategy<String> {
    let text = vec(
        prop_oneof![
            any::<char>(),
            select(vec!['\0', '\u{1b}', '"', '\\', '\n', '\u{9b}', '\u{1f600}'])
        ],
        0..40,
    );
    let long = (select(vec!["x", "\"", "\0", "é", "\n"]), 0..20_000_usize)
        .prop_map(|(unit, times)| unit.repeat(times));
    prop_oneof![3 => text.prop_map(String::from_iter), 1 => long].boxed()
}

fn nasty_payload() -> BoxedStrategy<Value> {
    let nested = (1..200_usize, nasty_text()).prop_map(|(levels, core)| {
        (0..levels).fold(json!(core), |inner, level| {
            if level % 3 == 0 { json!({"\0": inner}) } else { json!([inner]) }
        })
    });
    let long = (select(vec!["x", "\"", "\0", "é"]), 0..150_000_usize)
        .prop_map(|(unit, times)| json!(unit.repeat(times)));
    let wide = vec(any::<i64>(), 0..8_000).prop_map(|items| json!(items));
    prop_oneof![nested, long, wide, super::model::payload()].boxed()
}

#[derive(Clone, Debug)]
enum Nasty {
    Retention(String),
    At(i64),
    Texts([String; 4]),
    Tags(usize, String),
    Error(String),
    Actor(String, usize),
    Request(String, [u8; 16]),
    Resource(String),
    Resources(usize, String),
    Before(Value),
    After(Value),
    Changes(usize, Value),
    Metadata(String, Value),
    Redacted(usize, String),
    Personal(String),
}

fn nasty() -> BoxedStrategy<Nasty> {
    let pointer = select(vec![
        "/before",
        "/before/0",
        "/after/\0",
        "/metadata/",
        "/metadata",
        "/changes/0/before",
        "/changes",
        "",
        "/~",
    ]);
    prop_oneof![
        nasty_text().prop_map(Nasty::Retention),
        any::<i64>().prop_map(Nasty::At),
        [nasty_text(), nasty_text(), nasty_text(), nasty_text()].prop_map(Nasty::Texts),
        (0..200_usize, nasty_text()).prop_map(|(count, text)| Nasty::Tags(count, text)),
        nasty_text().prop_map(Nasty::Error),
        (nasty_text(), 0..200_usize).prop_map(|(text, count)| Nasty::Actor(text, count)),
        (nasty_text(), any::<[u8; 16]>()).prop_map(|(text, ip)| Nasty::Request(text, ip)),
        nasty_text().prop_map(Nasty::Resource),
        (0..2_000_usize, nasty_text()).prop_map(|(count, text)| Nasty::Resources(count, text)),
        nasty_payload().prop_map(Nasty::Before),
        nasty_payload().prop_map(Nasty::After),
        (0..4_usize, nasty_payload()).prop_map(|(count, value)| Nasty::Changes(count, value)),
        (nasty_text(), nasty_payload()).prop_map(|(name, value)| Nasty::Metadata(name, value)),
        (0..2_000_usize, nasty_text()).prop_map(|(count, text)| Nasty::Redacted(count, text)),
        pointer.prop_map(|pointer| Nasty::Personal(pointer.to_owned())),
    ]
    .boxed()
}

fn numbered(count: usize, text: &str) -> impl Iterator<Item = String> + use<'_> {
    // Long texts only as often as a caller can hold them.
    let text = text.get(..200).unwrap_or(text);
    (0..count).map(move |i| format!("{i}{text}"))
}

fn apply(event: EventBuilder, part: &Nasty) -> EventBuilder {
    match part.clone() {
        Nasty::Retention(class) => event.retention(class),
        Nasty::At(seconds) => event.occurred_at(
            DateTime::from_timestamp(seconds % 8_000_000_000_000, 999_999_999).unwrap_or_default(),
        ),
        Nasty::Texts([a, b, c, d]) => {
            event.message(a).reason(b).tenant(c.clone()).operation_id(c).category(d)
        }
        Nasty::Tags(count, text) => numbered(count, &text)
            .fold(event, |event, tag| event.tag(tag.clone()).label(tag.clone(), tag)),
        Nasty::Error(text) => event
            .error(ErrorInfo::new(text.clone()).code(text.clone()).kind(text.clone()).stack(text)),
        Nasty::Actor(text, count) => {
            let actor = Actor::user(text.clone())
                .name(text.clone())
                .email(text.clone())
                .credential(text.clone(), text.clone());
            event.actor(numbered(count, &text).fold(actor, |actor, role| {
                actor.role(role.clone()).on_behalf_of(Actor::service(role.clone()).name(role))
            }))
        }
        Nasty::Request(text, ip) => {
            let request = RequestInfo::new()
                .id(text.clone())
                .user_agent(text.clone())
                .route(text.clone())
                .ip(ip.into());
            event.request(request).source(Source::new(SourceSystem::Api).service(text))
        }
        Nasty::Resource(text) => event.on(Resource::new(text.clone(), text.clone())
            .name(text.clone())
            .parent(text.clone(), text)),
        Nasty::Resources(count, text) => {
            let resources: Vec<_> = numbered(count, &text)
                .map(|id| Resource::new("thing", id.clone()).name(id))
                .collect();
            event.resources(resources)
        }
        Nasty::Before(value) => event.before(value),
        Nasty::After(value) => event.after(value),
        Nasty::Changes(count, value) => (0..count).fold(event, |event, _| {
            event.change(Change {
                path: "/\0".to_owned(),
                before: Some(value.clone()),
                after: Some(value.clone()),
            })
        }),
        Nasty::Metadata(name, value) => event.metadata(name, value),
        Nasty::Redacted(count, text) => numbered(count, &text).fold(event, EventBuilder::redacted),
        Nasty::Personal(pointer) => event.personal(pointer),
    }
}

/// The event must say what it was told: whole, or named in `truncated`.
fn assert_faithful(asked: &EventBuilder, event: &Event, value: &Value) {
    let truncated: Vec<&str> =
        value["truncated"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let fields = &asked.fields;
    assert_eq!(event.outcome(), fields.outcome);
    let actor = fields.actor.as_ref().map(|actor| actor.id.as_str());
    assert_eq!(value.pointer("/actor/id").and_then(Value::as_str), actor);
    let resource = fields.resource.as_ref().and_then(|resource| resource.id.as_deref());
    assert_eq!(value.pointer("/resource/id").and_then(Value::as_str), resource);
    let reduced = value.pointer("/error/code").is_some_and(|code| code == "audit.invalid_event");
    if reduced {
        assert!(truncated.contains(&""), "a reduced event does not say so: {truncated:?}");
        return;
    }
    assert_eq!(value["action"], *fields.action);
    for (member, asked) in [
        ("/before", fields.before.is_some()),
        ("/after", fields.after.is_some()),
        ("/changes", !fields.changes.is_empty()),
        ("/metadata", !fields.metadata.is_empty()),
        ("/resources", !fields.resources.is_empty()),
        ("/redacted", !fields.redacted.is_empty()),
        ("/labels", !fields.labels.is_empty()),
        ("/tags", !fields.tags.is_empty()),
        ("/retention", fields.retention.is_some()),
    ] {
        let there = value.pointer(member).is_some();
        assert!(
            !asked || there || truncated.contains(&member),
            "{member} is missing, and {truncated:?} do not say so"
        );
    }
}

proptest! {
    #![proptest_config(cases(3_000, 80))]

    #[test]
    fn whatever_is_sealed_passes_and_names_what_was_left_out(
        action in prop_oneof![4 => Just("invoice.approve".to_owned()), 1 => nasty_text(), 1 => Just("audit.gap".to_owned())],
        parts in vec(nasty(), 0..8),
    ) {
        let event = Event::builder(action).outcome(Outcome::Denied);
        let asked = parts.iter().fold(event, apply);
        let (event, _, value) = sealed(asked.clone());
        assert_faithful(&asked, &event, &value);
    }
}

#[test]
fn payloads_are_given_up_one_by_one_until_the_event_fits() {
    let half = "x".repeat(40_000);
    let asked =
        Event::builder("a.b").before(half.clone()).after(half.clone()).metadata("m", "small");
    let (_, _, value) = sealed(asked);
    assert_eq!(value["truncated"], json!(["/before"]));
    assert_eq!(value["after"], half);
    assert_eq!(value["metadata"], json!({"m": "small"}));

    // What a client has sent does not drive out what the application says.
    let asked = Event::builder("a.b").before(half.clone()).metadata("request_body", half.clone());
    let (_, _, value) = sealed(asked.metadata("request_headers", json!({"a": "b"})));
    assert_eq!(value["truncated"], json!(["/metadata/request_body"]));
    assert_eq!(
        (&value["before"], &value["metadata"]),
        (&half.into(), &json!({"request_headers": {"a": "b"}}))
    );
}

#[test]
fn an_event_whose_small_members_are_too_many_is_reduced() {
    let long = "\"".repeat(40_000);
    let actor = (0..32).fold(Actor::user("u-17"), |actor, _| {
        actor.on_behalf_of(Actor::service(long.clone()).name(long.clone()))
    });
    let asked = Event::builder("invoice.approve")
        .outcome(Outcome::Success)
        .actor(actor)
        .resource("invoice", "4711")
        .message(long.clone())
        .error(ErrorInfo::new(long.clone()).stack(long));
    let (event, _, value) = sealed(asked.clone());
    assert_faithful(&asked, &event, &value);
    assert_eq!(value["action"], "invoice.approve");
    assert_eq!(value["error"]["code"], "audit.invalid_event");
    assert_eq!(value["actor"]["id"], "u-17");
    assert_eq!(value["resource"], json!({"type": "invoice", "id": "4711"}));
    assert_eq!(value["outcome"], "success");
    assert_eq!(value["truncated"], json!(["", "/actor/on_behalf_of"]));
}

#[test]
fn an_action_that_has_no_name_and_one_of_the_logs_own_become_an_invalid_event() {
    for action in ["", "Not A Name", "audit.gap", "audit", "a\0b"] {
        let asked = Event::builder(action).outcome(Outcome::Denied).actor(Actor::user("u-17"));
        let (event, encoded, value) = sealed(asked);
        assert_eq!(value["action"], "audit.invalid_event", "{action:?}");
        assert_eq!(value["error"]["code"], "audit.invalid_event");
        assert_eq!((event.class(), encoded.class.as_str()), ("audit", "audit"));
        assert_eq!(value["actor"]["id"], "u-17");
        let openings = encoded.openings.unwrap();
        assert!(openings.contains("is no name for an action"), "{openings}");
    }
}

#[test]
fn a_class_and_a_time_that_cannot_be_are_left_out_and_named() {
    let at = DateTime::<Utc>::MAX_UTC;
    let (event, _, value) = sealed(Event::builder("a.b").retention("No Class").occurred_at(at));
    assert_eq!(value["truncated"], json!(["/occurred_at", "/retention"]));
    assert_eq!(event.class(), "standard");
    assert_eq!(value["occurred_at"], "2026-01-02T03:04:05.123456Z");
}

#[test]
fn what_an_action_asks_for_outlives_what_is_left_out_of_its_event() {
    let action = || {
        let action = Action::new("invoice.approve").category("billing").alert().security();
        let action = action.severity(Severity::Warning).sensitivity(Sensitivity::High);
        Event::builder(action).tag("other").is_sensitive(true).is_compliance_relevant(true)
    };
    let facts = |value: &Value| {
        let facts = [
            "category",
            "severity",
            "sensitivity",
            "tags",
            "is_sensitive",
            "is_compliance_relevant",
        ];
        facts.map(|fact| value[fact].clone())
    };
    let tags = json!(["alert", "security"]);
    let asked = [json!("billing"), json!("warning"), json!("high"), tags, json!(true), json!(true)];

    let refused = action().personal("/action");
    let (_, _, reduced) = sealed(refused);
    assert_eq!(reduced["truncated"], json!([""]));
    assert_eq!(facts(&reduced), asked);

    let mut cut = action().seal(&clock());
    for bulk in &BULK {
        cut.fields.leave_out(bulk);
    }
    assert_eq!(facts(&parsed(&encode(&cut))), asked);
}
