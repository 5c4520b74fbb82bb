use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::{Entry, Leaf, Row};
use crate::event::{Actor, Columns, Event, Producer, RequestInfo, open_all};

fn leaf() -> Leaf {
    let event = Event::builder("customer.update")
        .actor(Actor::user("u-17").name("Alice Adams"))
        .request(RequestInfo::new().ip([10, 0, 0, 1].into()))
        .before(json!({"iban": "DE02", "kept": 1}))
        .after(json!({"iban": null, "kept": 1}))
        .personal("/before/iban")
        .personal("/after")
        .build()
        .unwrap();
    Leaf::of(&event, &Producer::new("host-1"), 0)
}

fn at() -> DateTime<Utc> {
    "2026-01-02T03:04:05Z".parse().unwrap()
}

/// The row of a leaf, with other openings.
fn row(leaf: &Leaf, openings: Option<String>) -> Row {
    Row {
        index: 7,
        segment: Some(0),
        recorded_at: Some(at()),
        leaf: Some(leaf.hash),
        canon: leaf.event.canon.clone().into_bytes(),
        columns: Some(leaf.columns.clone()),
        openings,
        ip: leaf.ip.map(Vec::from),
    }
}

fn event(leaf: &Leaf, openings: Option<String>) -> Value {
    Entry::new("log", row(leaf, openings)).unwrap().event()
}

const PLACES: [&str; 4] = ["/actor/name", "/request/ip", "/before/iban", "/after"];

#[test]
fn an_entry_shows_its_personal_values_where_their_openings_are_there() {
    let leaf = leaf();
    let event = event(&leaf, leaf.event.openings.clone());
    let shown = PLACES.map(|place| event.pointer(place).cloned().unwrap());
    assert_eq!(
        shown,
        [json!("Alice Adams"), json!("10.0.0.1"), json!("DE02"), json!({"iban": null, "kept": 1})]
    );
    assert_eq!(event["before"]["kept"], 1);
}

#[test]
fn an_entry_shows_commitments_where_the_openings_have_been_erased() {
    let leaf = leaf();
    let canon: Value = serde_json::from_str(&leaf.event.canon).unwrap();
    assert_eq!(event(&leaf, None), canon);
    // Openings that cannot be read are as good as none.
    assert_eq!(event(&leaf, Some("{".to_owned())), canon);
}

#[test]
fn an_entry_does_not_show_what_does_not_open_its_commitment() {
    let leaf = leaf();
    let openings = leaf
        .event
        .openings
        .clone()
        .unwrap()
        .replace("Alice Adams", "Mallory")
        .replace("DE02", "DE03");
    let event = event(&leaf, Some(openings));
    let canon: Value = serde_json::from_str(&leaf.event.canon).unwrap();
    for place in ["/actor/name", "/before/iban"] {
        assert_eq!(event.pointer(place), canon.pointer(place), "{place}");
    }
    assert_eq!(event.pointer("/request/ip"), Some(&json!("10.0.0.1")));
}

#[test]
fn an_entry_with_unreadable_columns_is_damaged_and_one_with_unreadable_bytes_says_nothing() {
    let leaf = leaf();
    for damage in [|row: &mut Row| row.leaf = None, |row: &mut Row| row.recorded_at = None] {
        let mut row = row(&leaf, None);
        damage(&mut row);
        assert!(Entry::new("log", row).unwrap_err().to_string().contains("entry 7 of log"));
    }
    let mut row = row(&leaf, leaf.event.openings.clone());
    row.canon.truncate(9);
    let entry = Entry::new("log", row).unwrap();
    assert_eq!(entry.event(), Value::Null);
    assert_eq!(entry.canonical(), b"{\"action\"");
    assert_eq!((entry.index, entry.leaf_hash, entry.recorded_at), (7, leaf.hash, at()));
}

#[test]
fn no_debug_shows_a_salt_or_a_personal_value() {
    let leaf = leaf();
    let openings = leaf.event.openings.clone().unwrap();
    let row = row(&leaf, Some(openings.clone()));
    let shown = format!(
        "{leaf:?} {row:?} {:?} {:?}",
        Entry::new("log", row.clone()).unwrap(),
        open_all(&openings).unwrap()
    );
    let members: Value = serde_json::from_str(&openings).unwrap();
    for salt in members.as_object().unwrap().values().map(|pair| pair[0].as_str().unwrap()) {
        assert!(!shown.contains(salt), "{shown}");
    }
    assert!(!shown.contains("Alice") && !shown.contains("DE02"), "{shown}");
}

#[test]
fn bytes_of_another_version_or_without_a_member_that_every_event_has_are_no_event() {
    let leaf = leaf();
    let whole: Value = serde_json::from_str(&leaf.event.canon).unwrap();
    for member in ["v", "id", "nonce", "occurred_at", "action", "stage", "producer"] {
        let mut less = whole.clone();
        less.as_object_mut().unwrap().remove(member);
        assert!(Columns::of(less.to_string().as_bytes()).is_err(), "without {member}");
    }
    let mut next = whole.clone();
    next["v"] = json!(2);
    let refused = Columns::of(next.to_string().as_bytes()).unwrap_err().to_string();
    assert!(refused.contains("the format version is 2"), "{refused}");
    let mut more = whole;
    more["new"] = json!("member");
    // What nobody looks for may be as it likes.
    for member in ["message", "personal"] {
        more[member] = json!(1);
    }
    more["actor"]["email"] = json!([]);
    assert_eq!(Columns::of(more.to_string().as_bytes()).unwrap(), leaf.columns);
}
