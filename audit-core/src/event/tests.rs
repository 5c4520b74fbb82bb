//! Tests of the event format, and what they share.
//!
//! `AUDIT_SOAK=1` runs full counts; `AUDIT_VECTORS` names the folder of vectors made elsewhere.

mod changes;
mod depth;
mod golden;
mod injective;
mod limits;
mod model;
mod oracles;
mod personal;
mod schema;
mod sealed;

use proptest::test_runner::Config;
use serde_json::Value;

use super::{EncodedEvent, Event, Producer, open_all};

/// How many cases a property gets.
pub(super) fn cases(soak: u32, otherwise: u32) -> Config {
    let full = std::env::var_os("AUDIT_SOAK").is_some_and(|value| value == "1");
    // A case that fails is printed; no test writes into the source tree.
    Config { failure_persistence: None, ..Config::with_cases(if full { soak } else { otherwise }) }
}

pub(super) const SALT: [u8; 16] = [7; 16];

pub(super) fn producer() -> Producer {
    Producer {
        id: "host-1".to_owned(),
        boot: "0b0b0b0b-0b0b-4b0b-8b0b-0b0b0b0b0b0b".parse().unwrap(),
    }
}

/// Encodes with nothing random, but for the nonce of an event that was not given one.
pub(super) fn encode(event: &Event) -> EncodedEvent {
    event.encode_with(&producer(), Some(3), &mut || SALT)
}

pub(super) fn parsed(encoded: &EncodedEvent) -> Value {
    serde_json::from_str(&encoded.canon).unwrap()
}

/// The event with every personal value at its place; each opening must open.
pub(super) fn disclosed(encoded: &EncodedEvent) -> Value {
    let mut event = parsed(encoded);
    for opening in
        encoded.openings.as_deref().map(|text| open_all(text).unwrap()).unwrap_or_default()
    {
        assert!(opening.opens(&event), "{} does not open", opening.pointer);
        *event.pointer_mut(&opening.pointer).unwrap() = opening.value;
    }
    event
}

/// Levels of nesting; a scalar has none.
pub(super) fn depth(value: &Value) -> usize {
    match value {
        Value::Array(items) => 1 + items.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 0,
    }
}
