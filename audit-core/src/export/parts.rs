//! An event that is taken apart, and put together in another shape.

use serde_json::{Map, Value};

use crate::event::unescaped;
use crate::store::Entry;

/// The event without personal values, or without those that have been erased: nothing stands in their place.
pub(super) fn event(entry: &Entry, is_personal: bool) -> Value {
    let mut event: Value = match is_personal {
        true => entry.known(),
        false => serde_json::from_slice(entry.canonical()).unwrap_or_default(),
    };
    let named = event.get("personal").and_then(Value::as_array).into_iter().flatten();
    let named: Vec<String> = named.filter_map(Value::as_str).map(str::to_owned).collect();
    for pointer in named {
        let is_known = event.pointer(&pointer).is_some_and(|value| !value.is_null());
        if !(is_personal && is_known) {
            take(&mut event, &pointer);
        }
    }
    event
}

/// Takes out what a pointer points at; in an array null keeps the place.
pub(super) fn take(from: &mut Value, pointer: &str) -> Option<Value> {
    let (parent, name) = pointer.rsplit_once('/')?;
    match from.pointer_mut(parent)? {
        Value::Object(members) => members.remove(&*unescaped(name)),
        other => other.pointer_mut(&format!("/{name}")).map(Value::take),
    }
}

/// As [`take`], where it is a text.
pub(super) fn take_text(from: &mut Value, pointer: &str) -> Option<String> {
    match take(from, pointer)? {
        Value::String(text) => Some(text),
        _ => None,
    }
}

pub(super) fn text<'a>(event: &'a Value, pointer: &str) -> Option<&'a str> {
    event.pointer(pointer).and_then(Value::as_str)
}

/// Puts a value, if there is one, where a pointer without escapes points at, in objects that are made where there are none.
pub(super) fn put(into: &mut Value, pointer: &str, value: Option<impl Into<Value>>) {
    let (Some(value), Some(names)) = (value, pointer.strip_prefix('/')) else {
        return;
    };
    let mut place = into;
    for name in names.split('/') {
        if !place.is_object() {
            *place = Value::Object(Map::new());
        }
        let Value::Object(members) = place else {
            return;
        };
        place = members.entry(name).or_insert(Value::Null);
    }
    *place = value.into();
}

/// Moves what stands at one place to another.
pub(super) fn moved(from: &mut Value, into: &mut Value, places: &[(&str, &str)]) {
    for (place, other) in places {
        let value = take(from, place);
        put(into, other, value);
    }
}

/// What is left of an event, without what says nothing to those who have no bytes to check.
pub(super) fn rest(mut event: Value) -> Map<String, Value> {
    for name in ["v", "nonce", "personal"] {
        take(&mut event, &format!("/{name}"));
    }
    let Value::Object(mut members) = event else {
        return Map::new();
    };
    let parts = ["actor", "error", "request", "resource", "source"];
    let is_empty = |it: &Value| it.as_object().is_some_and(Map::is_empty);
    members.retain(|name, value| !(parts.contains(&name.as_str()) && is_empty(value)));
    members
}
