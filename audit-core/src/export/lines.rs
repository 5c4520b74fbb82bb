//! A line of JSON for each entry.

use serde_json::{Map, Value, json};

use crate::event::open_all;
use crate::store::Entry;

pub(super) fn json(out: &mut Vec<u8>, value: &Value) {
    out.extend_from_slice(value.to_string().as_bytes());
    out.push(b'\n');
}

/// The entry with what opens its personal values.
pub(super) fn opened(out: &mut Vec<u8>, entry: &Entry) {
    let head = json!({
        "log": entry.log,
        "index": entry.index,
        "leaf_hash": entry.leaf_hash.to_string(),
        "openings": openings(entry),
    });
    let head = head.to_string();
    out.extend_from_slice(head.strip_suffix('}').unwrap_or(&head).as_bytes());
    out.extend_from_slice(b",\"event\":");
    out.extend_from_slice(entry.canonical());
    out.extend_from_slice(b"}\n");
}

/// Those that open what stands in the event.
fn openings(entry: &Entry) -> Map<String, Value> {
    let Some(text) = entry.openings() else {
        return Map::new();
    };
    let event: Value = serde_json::from_slice(entry.canonical()).unwrap_or_default();
    let opened = open_all(text).unwrap_or_default();
    let mut openings: Map<String, Value> = serde_json::from_str(text).unwrap_or_default();
    openings
        .retain(|pointer, _| opened.iter().any(|it| it.pointer == *pointer && it.opens(&event)));
    openings
}
