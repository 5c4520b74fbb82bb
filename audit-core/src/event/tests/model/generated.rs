//! Events as proptest makes them: odd characters, numbers of all kinds, every member there or not.

use std::net::IpAddr;

use chrono::{DateTime, SecondsFormat};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Value, json};

use super::places;

/// Characters that need care somewhere: escapes, pointers, order by UTF-16, ends of planes.
fn character() -> BoxedStrategy<char> {
    let odd = select(vec![
        '"',
        '\\',
        '/',
        '~',
        '\u{2028}',
        '\u{fb33}',
        '\u{1f600}',
        '\u{e000}',
        '\u{ffff}',
        '\u{10ffff}',
    ]);
    // A control character would be scrubbed.
    let plain = any::<char>().prop_map(|c| if c.is_control() { 'c' } else { c });
    prop_oneof![select(vec!['a', 'b', '1']), odd, plain].boxed()
}

/// Text of one line, within every limit.
fn line() -> BoxedStrategy<Value> {
    word().prop_map(Value::String).boxed()
}

fn word() -> BoxedStrategy<String> {
    vec(character(), 0..12).prop_map(String::from_iter).boxed()
}

fn paragraph() -> BoxedStrategy<Value> {
    let breaks = select(vec!['\n', '\r', '\t']);
    let text = vec(prop_oneof![5 => character(), 1 => breaks], 0..20);
    text.prop_map(|text| Value::String(String::from_iter(text))).boxed()
}

fn one_of(words: &'static [&'static str]) -> BoxedStrategy<Value> {
    select(words).prop_map(Value::from).boxed()
}

fn pattern(regex: &'static str) -> BoxedStrategy<Value> {
    let reserved = |name: &String| name == "audit" || name.starts_with("audit.");
    regex.prop_filter("is reserved", move |name| !reserved(name)).prop_map(Value::from).boxed()
}

/// A payload: any JSON, numbers of all kinds.
pub(crate) fn payload() -> BoxedStrategy<Value> {
    // Infinity is no JSON.
    let finite = any::<f64>().prop_map(|number| if number.is_finite() { number } else { 0.5 });
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-9..9_i64).prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        finite.prop_map(Value::from),
        paragraph(),
    ];
    let nested = |inner: BoxedStrategy<Value>| {
        let members = btree_map(word(), inner.clone(), 0..5);
        prop_oneof![
            vec(inner, 0..4).prop_map(Value::from),
            members.prop_map(|members| json!(members))
        ]
    };
    scalar.prop_recursive(4, 24, 5, move |inner| nested(inner.boxed())).boxed()
}

/// An object of these members; one whose name ends with `?` may be missing.
fn object(members: Vec<(&'static str, BoxedStrategy<Value>)>) -> BoxedStrategy<Value> {
    let member = |(name, value): (&'static str, BoxedStrategy<Value>)| match name.strip_suffix('?')
    {
        Some(name) => proptest::option::of(value)
            .prop_map(move |value| value.map(|value| (name, value)))
            .boxed(),
        None => value.prop_map(move |value| Some((name, value))).boxed(),
    };
    let members: Vec<_> = members.into_iter().map(member).collect();
    let named = |(name, value): (&str, Value)| (name.to_owned(), value);
    members
        .prop_map(move |members| Value::Object(members.into_iter().flatten().map(named).collect()))
        .boxed()
}

fn some(items: BoxedStrategy<Value>) -> BoxedStrategy<Value> {
    vec(items, 1..4).prop_map(Value::from).boxed()
}

fn uuid() -> BoxedStrategy<Value> {
    any::<u128>().prop_map(|bits| json!(uuid::Uuid::from_u128(bits))).boxed()
}

fn time() -> BoxedStrategy<Value> {
    let text = |micros| {
        DateTime::from_timestamp_micros(micros)
            .unwrap()
            .to_rfc3339_opts(SecondsFormat::Micros, true)
    };
    (-62_167_219_200_000_000..=253_402_300_799_999_999_i64)
        .prop_map(move |micros| json!(text(micros)))
        .boxed()
}

fn ip() -> BoxedStrategy<Value> {
    let text = |ip: IpAddr| Value::from(ip.to_canonical().to_string());
    prop_oneof![any::<[u8; 4]>().prop_map(IpAddr::from), any::<[u8; 16]>().prop_map(IpAddr::from)]
        .prop_map(text)
        .boxed()
}

const KINDS: &[&str] = &["user", "service", "system", "agent", "anonymous"];

fn actor() -> BoxedStrategy<Value> {
    let credential = object(vec![("kind", line()), ("id", line())]);
    let principal = object(vec![("kind", one_of(KINDS)), ("id", line()), ("name?", line())]);
    object(vec![
        ("kind", one_of(KINDS)),
        ("id", line()),
        ("name?", line()),
        ("email?", line()),
        ("roles?", some(line())),
        ("credential?", credential),
        ("on_behalf_of?", some(principal)),
    ])
}

fn resource() -> BoxedStrategy<Value> {
    let parent = object(vec![("type", line()), ("id", line())]);
    object(vec![("type", line()), ("id?", line()), ("name?", line()), ("parent?", parent)])
}

fn request() -> BoxedStrategy<Value> {
    object(vec![
        ("id?", line()),
        ("correlation_id?", line()),
        ("trace_id?", line()),
        ("span_id?", line()),
        ("session?", line()),
        ("ip?", ip()),
        ("user_agent?", line()),
        ("method?", line()),
        ("peer?", line()),
        ("route?", line()),
        ("status?", any::<u16>().prop_map(Value::from).boxed()),
        ("host?", line()),
    ])
}

/// A generated event. Its `personal` names places in the payloads only; all else is as in the format, before
/// the members that nobody can choose (`v`, `nonce`, `producer`) and with personal values in the clear.
pub(crate) fn event() -> BoxedStrategy<Value> {
    let systems = one_of(&["web", "api", "cli", "worker", "system"]);
    let members = object(vec![
        ("id", uuid()),
        ("occurred_at", time()),
        ("parent_id?", uuid()),
        ("begun_id?", uuid()),
        ("imported?", object(vec![("from", line()), ("id", line())])),
        ("stage", one_of(&["begun", "complete"])),
        ("action", pattern("[a-z][a-z0-9_]{0,6}(\\.[a-z][a-z0-9_]{0,6}){0,3}")),
        ("category?", line()),
        ("severity?", one_of(&["debug", "info", "warning", "error", "critical"])),
        ("sensitivity?", one_of(&["low", "medium", "high", "critical"])),
        ("message?", paragraph()),
        ("reason?", paragraph()),
        ("tags?", btree_set(word(), 1..4).prop_map(|tags| json!(tags)).boxed()),
        ("labels?", btree_map(word(), line(), 1..4).prop_map(|labels| json!(labels)).boxed()),
        (
            "metadata?",
            btree_map(word(), payload(), 1..5).prop_map(|metadata| json!(metadata)).boxed(),
        ),
        ("outcome?", one_of(&["success", "failure", "denied", "cancelled", "unknown"])),
        (
            "error?",
            object(vec![
                ("code?", line()),
                ("kind?", line()),
                ("message?", paragraph()),
                ("stack?", paragraph()),
            ]),
        ),
        ("duration_us?", prop_oneof![0..10_000_u64, any::<u64>()].prop_map(Value::from).boxed()),
        ("actor?", actor()),
        ("tenant?", line()),
        ("request?", request()),
        (
            "source?",
            object(vec![
                ("system", systems),
                ("service?", line()),
                ("version?", line()),
                ("instance?", line()),
            ]),
        ),
        ("operation_id?", line()),
        ("resource?", resource()),
        ("resources?", some(resource())),
        ("before?", payload()),
        ("after?", payload()),
        (
            "changes?",
            some(object(vec![("path", line()), ("before?", payload()), ("after?", payload())])),
        ),
        ("retention?", pattern("[a-z][a-z0-9_]{0,20}")),
        ("is_sensitive?", Just(Value::Bool(true)).boxed()),
        ("is_compliance_relevant?", Just(Value::Bool(true)).boxed()),
        ("redacted?", some(line())),
    ]);
    (members, vec(any::<Index>(), 0..4))
        .prop_map(|(mut model, picks)| {
            let places = places(&model);
            if !places.is_empty() && !picks.is_empty() {
                model["personal"] = picks
                    .iter()
                    .map(|pick| Value::from(places[pick.index(places.len())].clone()))
                    .collect();
            }
            model
        })
        .boxed()
}
