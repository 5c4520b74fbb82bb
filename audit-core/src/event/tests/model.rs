//! Generated events, as the JSON that must come out: a second picture of the format, made by other means.

mod generated;
mod said;

use std::collections::BTreeMap;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

pub(super) use generated::{event, payload};
pub(super) use said::builder;

use super::SALT;
use crate::event::Event;

/// Personal wherever they stand.
const ALWAYS_PERSONAL: [&str; 9] = [
    "/actor/email",
    "/actor/name",
    "/error/message",
    "/error/stack",
    "/message",
    "/request/ip",
    "/request/peer",
    "/request/user_agent",
    "/resource/name",
];

/// Pointers to all values inside the payloads.
fn places(model: &Value) -> Vec<String> {
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
    model.get(name).and_then(Value::as_array).into_iter().flatten()
}

/// What the format makes of numbers: those that a double cannot hold exactly, and all that are not whole,
/// become decimal strings. Nothing else changes.
pub(super) fn normal(value: &Value) -> Value {
    match value {
        Value::Number(number) => {
            let limit = 1_i64 << 53;
            let safe = number.as_i64().is_some_and(|number| -limit < number && number < limit);
            if safe { value.clone() } else { Value::String(number.to_string()) }
        }
        Value::Array(items) => items.iter().map(normal).collect(),
        Value::Object(members) => {
            members.iter().map(|(name, value)| (name.clone(), normal(value))).collect()
        }
        other => other.clone(),
    }
}

/// All pointers that the event must name as personal, in the order of their bytes.
pub(super) fn personal(model: &Value) -> Vec<String> {
    let chosen: Vec<&str> = items(model, "personal").filter_map(Value::as_str).collect();
    let inner = |place: &str| chosen.iter().any(|outer| place.starts_with(&format!("{outer}/")));
    let chosen = chosen.iter().filter(|place| !inner(place)).map(|place| (*place).to_owned());
    let mut personal: Vec<String> = chosen.chain(ALWAYS_PERSONAL.map(str::to_owned)).collect();
    let lists = [("/actor/on_behalf_of", "name"), ("/resources", "name")];
    personal.extend(
        lists.iter().flat_map(|(list, name)| (0..4).map(move |i| format!("{list}/{i}/{name}"))),
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
        ("nonce", json!(BASE64_URL_SAFE_NO_PAD.encode(event.nonce))),
        (
            "producer",
            json!({"id": "host-1", "boot": "0b0b0b0b-0b0b-4b0b-8b0b-0b0b0b0b0b0b", "seq": 3}),
        ),
    ]);
    members.extend(fixed.into_iter().map(|(name, value)| (name.to_owned(), value)));
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
        let digest = Sha256::new().chain_update(SALT).chain_update(jcs).finalize();
        *place = BASE64_URL_SAFE_NO_PAD.encode(digest).into();
    }
    expected
}
