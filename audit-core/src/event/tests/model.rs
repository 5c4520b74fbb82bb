//! Generated events, as the JSON that must come out: a second picture of the format, made by other means.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use chrono::{DateTime, SecondsFormat};
use proptest::collection::{btree_map, btree_set, vec};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::SALT;
use crate::event::{Actor, Change, ErrorInfo, Event, EventBuilder, RequestInfo, Resource, Source};

/// Personal wherever they stand.
const ALWAYS_PERSONAL: [&str; 8] = [
    "/actor/email",
    "/actor/name",
    "/error/message",
    "/error/stack",
    "/message",
    "/request/ip",
    "/request/user_agent",
    "/resource/name",
];

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
    let plain = any::<char>().prop_filter("is scrubbed", |c| !c.is_control());
    prop_oneof![select(vec!['a', 'b', '1']), odd, plain].boxed()
}

/// Text of one line, within every limit.
pub(super) fn line() -> BoxedStrategy<Value> {
    word().prop_map(Value::String).boxed()
}

fn word() -> BoxedStrategy<String> {
    vec(character(), 0..12).prop_map(String::from_iter).boxed()
}

fn paragraph() -> BoxedStrategy<Value> {
    let breaks = select(vec!['\n', '\r', '\t']);
    let text = vec(prop_oneof![5 => character(), 1 => breaks], 0..20);
    text.prop_map(|text| Value::String(String::from_iter(text)))
        .boxed()
}

fn one_of(words: &'static [&'static str]) -> BoxedStrategy<Value> {
    select(words).prop_map(Value::from).boxed()
}

fn pattern(regex: &'static str) -> BoxedStrategy<Value> {
    let reserved = |name: &String| name == "audit" || name.starts_with("audit.");
    regex
        .prop_filter("is reserved", move |name| !reserved(name))
        .prop_map(Value::from)
        .boxed()
}

/// A payload: any JSON, numbers of all kinds.
pub(super) fn payload() -> BoxedStrategy<Value> {
    let finite = any::<f64>().prop_filter("is no JSON", |number| number.is_finite());
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
    scalar
        .prop_recursive(4, 24, 5, move |inner| nested(inner.boxed()))
        .boxed()
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
    any::<u128>()
        .prop_map(|bits| json!(uuid::Uuid::from_u128(bits)))
        .boxed()
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
    prop_oneof![
        any::<[u8; 4]>().prop_map(IpAddr::from),
        any::<[u8; 16]>().prop_map(IpAddr::from)
    ]
    .prop_map(text)
    .boxed()
}

const KINDS: &[&str] = &["user", "service", "system", "agent", "anonymous"];

fn actor() -> BoxedStrategy<Value> {
    let credential = object(vec![("kind", line()), ("id", line())]);
    let principal = object(vec![
        ("kind", one_of(KINDS)),
        ("id", line()),
        ("name?", line()),
    ]);
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
    object(vec![
        ("type", line()),
        ("id?", line()),
        ("name?", line()),
        ("parent?", parent),
    ])
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
        ("route?", line()),
        ("status?", any::<u16>().prop_map(Value::from).boxed()),
        ("host?", line()),
    ])
}

/// A generated event. Its `personal` names places in the payloads only; all else is as in the format, before
/// the members that nobody can choose (`v`, `stage`, `nonce`, `producer`) and with personal values in the clear.
pub(super) fn event() -> BoxedStrategy<Value> {
    let systems = one_of(&["web", "api", "cli", "worker", "system"]);
    let members = object(vec![
        ("id", uuid()),
        ("occurred_at", time()),
        ("parent_id?", uuid()),
        (
            "action",
            pattern("[a-z][a-z0-9_]{0,6}(\\.[a-z][a-z0-9_]{0,6}){0,3}"),
        ),
        ("category?", line()),
        (
            "severity?",
            one_of(&["debug", "info", "warning", "error", "critical"]),
        ),
        (
            "sensitivity?",
            one_of(&["low", "medium", "high", "critical"]),
        ),
        ("message?", paragraph()),
        ("reason?", paragraph()),
        (
            "tags?",
            btree_set(word(), 1..4).prop_map(|tags| json!(tags)).boxed(),
        ),
        (
            "labels?",
            btree_map(word(), line(), 1..4)
                .prop_map(|labels| json!(labels))
                .boxed(),
        ),
        (
            "metadata?",
            btree_map(word(), payload(), 1..5)
                .prop_map(|metadata| json!(metadata))
                .boxed(),
        ),
        (
            "outcome?",
            one_of(&["success", "failure", "denied", "cancelled", "unknown"]),
        ),
        (
            "error?",
            object(vec![
                ("code?", line()),
                ("kind?", line()),
                ("message?", paragraph()),
                ("stack?", paragraph()),
            ]),
        ),
        (
            "duration_us?",
            prop_oneof![0..10_000_u64, any::<u64>()]
                .prop_map(Value::from)
                .boxed(),
        ),
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
            some(object(vec![
                ("path", line()),
                ("before?", payload()),
                ("after?", payload()),
            ])),
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

/// Pointers to all values inside the payloads.
pub(super) fn places(model: &Value) -> Vec<String> {
    fn below(pointer: String, value: &Value, places: &mut Vec<String>) {
        match value {
            Value::Array(items) => {
                items
                    .iter()
                    .enumerate()
                    .for_each(|(i, item)| below(format!("{pointer}/{i}"), item, places));
            }
            Value::Object(members) => members.iter().for_each(|(name, item)| {
                below(
                    format!("{pointer}/{}", name.replace('~', "~0").replace('/', "~1")),
                    item,
                    places,
                );
            }),
            _ => {}
        }
        places.push(pointer);
    }
    let mut places = Vec::new();
    for root in ["before", "after"] {
        if let Some(value) = model.get(root) {
            below(format!("/{root}"), value, &mut places);
        }
    }
    for (i, change) in items(model, "changes").enumerate() {
        for side in ["before", "after"] {
            if let Some(value) = change.get(side) {
                below(format!("/changes/{i}/{side}"), value, &mut places);
            }
        }
    }
    if let Some(metadata) = model.get("metadata") {
        below("/metadata".to_owned(), metadata, &mut places);
        places.retain(|place| place != "/metadata");
    }
    places
}

fn items<'a>(model: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> + use<'a> {
    model
        .get(name)
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
}

fn text(model: &Value, name: &str) -> Option<String> {
    model.get(name).and_then(Value::as_str).map(str::to_owned)
}

/// Applies a setter if there is something to set.
fn set<B, T>(builder: B, value: Option<T>, setter: impl FnOnce(B, T) -> B) -> B {
    match value {
        Some(value) => setter(builder, value),
        None => builder,
    }
}

/// The builder by which a user would say this.
pub(super) fn builder(model: &Value) -> EventBuilder {
    let word = |name: &str| text(model, name);
    let event = Event::builder(word("action").unwrap());
    let event = event
        .id(word("id").unwrap().parse().unwrap())
        .occurred_at(word("occurred_at").unwrap().parse().unwrap());
    let event = set(event, word("parent_id"), |event, id| {
        event.parent_id(id.parse().unwrap())
    });
    let event = set(event, word("category"), EventBuilder::category);
    let event = set(event, word("severity"), |event, word| {
        event.severity(word.parse().unwrap())
    });
    let event = set(event, word("sensitivity"), |event, word| {
        event.sensitivity(word.parse().unwrap())
    });
    let event = set(event, word("message"), EventBuilder::message);
    let event = set(event, word("reason"), EventBuilder::reason);
    let event = items(model, "tags").fold(event, |event, tag| event.tag(tag.as_str().unwrap()));
    let pairs = |name: &str| {
        model
            .get(name)
            .and_then(Value::as_object)
            .into_iter()
            .flatten()
    };
    let event = pairs("labels").fold(event, |event, (name, value)| {
        event.label(name, value.as_str().unwrap())
    });
    let event = pairs("metadata").fold(event, |event, (name, value)| {
        event.metadata(name, value.clone())
    });
    let event = set(event, word("outcome"), |event, word| {
        event.outcome(word.parse().unwrap())
    });
    let event = set(event, model.get("error"), |event, error| {
        event.error(error_of(error))
    });
    let event = set(
        event,
        model.get("duration_us").and_then(Value::as_u64),
        |event, micros| event.duration(Duration::from_micros(micros)),
    );
    let status = model.pointer("/request/status").and_then(Value::as_u64);
    let event = set(event, status, |event, status| {
        event.status(status.try_into().unwrap())
    });
    let event = set(event, model.get("actor"), |event, actor| {
        event.actor(actor_of(actor))
    });
    let event = set(event, word("tenant"), EventBuilder::tenant);
    let event = set(event, model.get("request"), |event, request| {
        event.request(request_of(request))
    });
    let event = set(event, model.get("source"), |event, source| {
        event.source(source_of(source))
    });
    let event = set(event, word("operation_id"), EventBuilder::operation_id);
    let event = set(event, model.get("resource"), |event, resource| {
        event.on(resource_of(resource))
    });
    let event = event.resources(items(model, "resources").map(resource_of));
    let event = set(event, model.get("before"), |event, value| {
        event.before(value.clone())
    });
    let event = set(event, model.get("after"), |event, value| {
        event.after(value.clone())
    });
    let event = items(model, "changes").fold(event, |event, change| {
        let side = |name| change.get(name).cloned();
        event.change(Change {
            path: text(change, "path").unwrap(),
            before: side("before"),
            after: side("after"),
        })
    });
    let event = set(event, word("retention"), EventBuilder::retention);
    let event = event.is_sensitive(model.get("is_sensitive").is_some());
    let event = event.is_compliance_relevant(model.get("is_compliance_relevant").is_some());
    let event = items(model, "redacted").fold(event, |event, pointer| {
        event.redacted(pointer.as_str().unwrap())
    });
    items(model, "personal").fold(event, |event, pointer| {
        event.personal(pointer.as_str().unwrap())
    })
}

fn error_of(model: &Value) -> ErrorInfo {
    let error = text(model, "message").map_or_else(ErrorInfo::untold, ErrorInfo::new);
    let error = set(error, text(model, "code"), ErrorInfo::code);
    let error = set(error, text(model, "kind"), ErrorInfo::kind);
    set(error, text(model, "stack"), ErrorInfo::stack)
}

fn actor_of(model: &Value) -> Arc<Actor> {
    let of = |model: &Value| {
        Actor::new(
            text(model, "kind").unwrap().parse().unwrap(),
            text(model, "id").unwrap(),
        )
    };
    let actor = set(of(model), text(model, "name"), Actor::name);
    let actor = set(actor, text(model, "email"), Actor::email);
    let actor = items(model, "roles").fold(actor, |actor, role| actor.role(role.as_str().unwrap()));
    let actor = set(actor, model.get("credential"), |actor, credential| {
        actor.credential(
            text(credential, "kind").unwrap(),
            text(credential, "id").unwrap(),
        )
    });
    Arc::new(
        items(model, "on_behalf_of").fold(actor, |actor, principal| {
            actor.on_behalf_of(set(of(principal), text(principal, "name"), Actor::name))
        }),
    )
}

fn request_of(model: &Value) -> Arc<RequestInfo> {
    let word = |name: &str| text(model, name);
    let request = set(RequestInfo::new(), word("id"), RequestInfo::id);
    let request = set(request, word("correlation_id"), RequestInfo::correlation_id);
    let request = set(request, word("trace_id"), RequestInfo::trace_id);
    let request = set(request, word("span_id"), RequestInfo::span_id);
    let request = set(request, word("session"), RequestInfo::session);
    let request = set(request, word("ip"), |request, ip| {
        request.ip(ip.parse().unwrap())
    });
    let request = set(request, word("user_agent"), RequestInfo::user_agent);
    let request = set(request, word("method"), RequestInfo::method);
    let request = set(request, word("route"), RequestInfo::route);
    Arc::new(set(request, word("host"), RequestInfo::host))
}

fn source_of(model: &Value) -> Arc<Source> {
    let source = Source::new(text(model, "system").unwrap().parse().unwrap());
    let source = set(source, text(model, "service"), Source::service);
    let source = set(source, text(model, "version"), Source::version);
    Arc::new(set(source, text(model, "instance"), Source::instance))
}

fn resource_of(model: &Value) -> Resource {
    let kind = text(model, "type").unwrap();
    let resource = match text(model, "id") {
        Some(id) => Resource::new(kind, id),
        None => Resource::of_type(kind),
    };
    let resource = set(resource, text(model, "name"), Resource::name);
    set(resource, model.get("parent"), |resource, parent| {
        resource.parent(text(parent, "type").unwrap(), text(parent, "id").unwrap())
    })
}

/// What the format makes of numbers: those that a double cannot hold exactly, and all that are not whole,
/// become decimal strings. Nothing else changes.
pub(super) fn normal(value: &Value) -> Value {
    match value {
        Value::Number(number) => {
            let limit = 1_i64 << 53;
            let safe = number
                .as_i64()
                .is_some_and(|number| -limit < number && number < limit);
            if safe {
                value.clone()
            } else {
                Value::String(number.to_string())
            }
        }
        Value::Array(items) => items.iter().map(normal).collect(),
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| (name.clone(), normal(value)))
            .collect(),
        other => other.clone(),
    }
}

/// All pointers that the event must name as personal, in the order of their bytes.
pub(super) fn personal(model: &Value) -> Vec<String> {
    let chosen: Vec<&str> = items(model, "personal").filter_map(Value::as_str).collect();
    let inner = |place: &str| {
        chosen
            .iter()
            .any(|outer| place.starts_with(&format!("{outer}/")))
    };
    let chosen = chosen
        .iter()
        .filter(|place| !inner(place))
        .map(|place| (*place).to_owned());
    let mut personal: Vec<String> = chosen.chain(ALWAYS_PERSONAL.map(str::to_owned)).collect();
    let lists = [("/actor/on_behalf_of", "name"), ("/resources", "name")];
    personal.extend(
        lists
            .iter()
            .flat_map(|(list, name)| (0..4).map(move |i| format!("{list}/{i}/{name}"))),
    );
    personal.retain(|place| model.pointer(place).is_some());
    personal.sort();
    personal.dedup();
    personal
}

/// The event with its personal values in the clear, and all that only the library can say.
pub(super) fn in_the_clear(model: &Value, event: &Event) -> Value {
    let mut expected = normal(model);
    let members: &mut Map<String, Value> = expected.as_object_mut().unwrap();
    members.remove("personal");
    let fixed: BTreeMap<&str, Value> = BTreeMap::from([
        ("v", json!(1)),
        ("stage", json!("complete")),
        ("nonce", json!(BASE64_URL_SAFE_NO_PAD.encode(event.nonce))),
        (
            "producer",
            json!({"id": "host-1", "boot": "0b0b0b0b-0b0b-4b0b-8b0b-0b0b0b0b0b0b", "seq": 3}),
        ),
    ]);
    members.extend(
        fixed
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value)),
    );
    let personal = personal(model);
    if !personal.is_empty() {
        members.insert("personal".to_owned(), personal.into());
    }
    expected
}

/// The event as it must stand in the log, with every salt the same.
pub(super) fn committed(model: &Value, event: &Event) -> Value {
    let mut expected = in_the_clear(model, event);
    for pointer in personal(model) {
        let place = expected.pointer_mut(&pointer).unwrap();
        let jcs = serde_json_canonicalizer::to_vec(place).unwrap();
        let digest = Sha256::new()
            .chain_update(SALT)
            .chain_update(jcs)
            .finalize();
        *place = BASE64_URL_SAFE_NO_PAD.encode(digest).into();
    }
    expected
}
