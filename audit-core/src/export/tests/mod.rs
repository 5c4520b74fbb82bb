//! What other programs get.

mod csv;
mod mappings;
mod stream;

use serde_json::{Value, json};

use super::Format;
use super::Writer;
use super::csv::Sheet;
use crate::merkle::leaf_hash;
use crate::store::{Entry, Row};

/// The events of the format's golden file.
fn golden() -> Vec<Entry> {
    let file: Value =
        serde_json::from_str(include_str!("../../../testdata/event-v1.json")).unwrap();
    let events = file.as_array().unwrap().iter().enumerate();
    let entry = |(index, event): (usize, &Value)| {
        let text = |name: &str| event[name].as_str().map(str::to_owned);
        entry_of(index.try_into().unwrap(), &text("canon").unwrap(), text("openings"))
    };
    events.take(6).map(entry).collect()
}

/// An entry with these bytes.
fn entry_of(index: u64, canon: &str, openings: Option<String>) -> Entry {
    let row = Row {
        index,
        segment: Some(0),
        recorded_at: "2026-01-02T03:04:06.5Z".parse().ok(),
        leaf: Some(leaf_hash(canon.as_bytes())),
        canon: canon.as_bytes().to_vec(),
        columns: None,
        openings,
        ip: None,
    };
    Entry::new("billing.example/audit/standard", row).unwrap()
}

/// An event that says this, and what all events say.
fn said(members: Value) -> Entry {
    let mut event = json!({
        "id": "0198c0de-0000-7000-8000-000000000009", "nonce": "EBESExQVFhcYGRobHB0eHw", "v": 1, "stage": "complete",
        "occurred_at": "2026-01-02T03:04:05.000006Z", "action": "invoice.approve",
        "producer": {"boot": "0b0b0b0b-0b0b-4b0b-8b0b-0b0b0b0b0b0b", "id": "host-1", "seq": 0},
    });
    for (name, value) in members.as_object().unwrap() {
        event[name] = value.clone();
    }
    entry_of(8, &event.to_string(), None)
}

/// What a format writes, without trailer.
fn written(format: Format, entries: &[Entry], is_personal: bool) -> String {
    let mut writer = match format {
        Format::JsonLines => Writer::Lines,
        Format::Csv(columns) => Writer::Csv(Sheet::new(columns)),
        Format::Ocsf => Writer::Ocsf,
        Format::Ecs => Writer::Ecs,
    };
    let mut out = Vec::new();
    writer.head(&mut out);
    entries.iter().for_each(|entry| writer.entry(&mut out, entry, is_personal));
    String::from_utf8(out).unwrap()
}
