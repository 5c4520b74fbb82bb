//! Differences of snapshots: small, complete, and never the end of an event.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{cases, disclosed, encode, parsed};
use crate::clock::SystemClock;
use crate::event::diff::differences;
use crate::event::node::{Node, Placed};
use crate::event::{
    AuditValue, Auditable, Change, Event, EventBuilder, MAX_CANONICAL, MAX_ID, Resource, Snapshot,
};

fn diff(before: &Value, after: &Value) -> Vec<Change> {
    let (before, after) = (Node::from(before.clone()), Node::from(after.clone()));
    let value = |node: Option<&Node>| node.and_then(|node| Placed::default().place(node, ""));
    let differences = differences(&before, &after).into_iter();
    differences
        .map(|found| Change {
            path: found.path,
            before: value(found.before),
            after: value(found.after),
        })
        .collect()
}

/// Makes of the one state the other, and checks that each change found what it names as its before.
fn apply(changes: Vec<Change>, mut state: Value) -> Value {
    for Change { path, before, after } in changes {
        assert_eq!(state.pointer(&path), before.as_ref(), "{path}");
        let Some((parent, name)) = path.rsplit_once('/') else {
            state = after.expect("a root is never removed");
            continue;
        };
        let name = name.replace("~1", "/").replace("~0", "~");
        match (state.pointer_mut(parent).expect("a parent"), after) {
            (Value::Object(members), Some(after)) => drop(members.insert(name, after)),
            (Value::Object(members), None) => drop(members.remove(&name)),
            (Value::Array(items), Some(after)) => {
                let index: usize = name.parse().unwrap();
                match before {
                    Some(_) => items[index] = after,
                    None => {
                        assert_eq!(index, items.len(), "a hole in the array");
                        items.push(after);
                    }
                }
            }
            (Value::Array(items), None) => {
                assert_eq!(name, (items.len() - 1).to_string(), "not the last item");
                items.pop();
            }
            (scalar, _) => panic!("{path} leads into {scalar}"),
        }
    }
    state
}

/// Few names and few scalars, so that two values often agree in parts.
fn value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (0..3_u8).prop_map(Value::from),
        Just(json!(0.5)),
        "[ab]?".prop_map(Value::from),
    ];
    scalar.prop_recursive(4, 40, 5, |inner| {
        let name = prop_oneof![4 => "[abc]", 1 => "[~/0]{0,2}", 1 => "n{250,260}"];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(name, inner, 0..5)
                .prop_map(|members| Value::Object(Map::from_iter(members))),
        ]
    })
}

proptest! {
    #![proptest_config(cases(50_000, 1_000))]

    #[test]
    fn applying_the_changes_makes_of_the_one_state_the_other(before in value(), after in value()) {
        prop_assert_eq!(apply(diff(&before, &after), before), after);
    }

    #[test]
    fn no_change_could_be_smaller(before in value(), after in value()) {
        let changes = diff(&before, &after);
        for (i, change) in changes.iter().enumerate() {
            prop_assert_ne!(&change.before, &change.after);
            prop_assert!(change.path.len() <= MAX_ID);
            for other in &changes[i + 1..] {
                let (one, other) = (format!("{}/", change.path), format!("{}/", other.path));
                prop_assert!(!one.starts_with(&other) && !other.starts_with(&one), "{one} {other}");
            }
            let names_fit = match (&change.before, &change.after) {
                (Some(Value::Object(before)), Some(Value::Object(after))) => {
                    before.keys().chain(after.keys()).all(|name| change.path.len() + name.len() < 240)
                }
                (Some(Value::Array(_)), Some(Value::Array(_))) => change.path.len() < 240,
                _ => false,
            };
            prop_assert!(!names_fit, "{} is replaced as a whole", change.path);
        }
    }

    #[test]
    fn what_is_the_same_has_no_changes(state in value()) {
        prop_assert_eq!(diff(&state, &state), []);
    }
}

#[test]
fn paths_are_json_pointers_and_absent_is_not_null() {
    let before = json!({"a/b": 1, "m~n": {"x": null}, "list": [1, 2, 3], "same": [1]});
    let after = json!({"a/b": 2, "m~n": {}, "list": [1, 4], "new": null, "same": [1]});
    let change = |path: &str, before: Value, after: Value| Change {
        path: path.to_owned(),
        before: Some(before),
        after: Some(after),
    };
    assert_eq!(
        diff(&before, &after),
        [
            change("/a~1b", json!(1), json!(2)),
            change("/list/1", json!(2), json!(4)),
            Change { after: None, ..change("/list/2", json!(3), Value::Null) },
            Change { after: None, ..change("/m~0n/x", Value::Null, Value::Null) },
            Change { before: None, ..change("/new", Value::Null, Value::Null) },
        ]
    );
    assert_eq!(diff(&json!([]), &json!({})), [change("", json!([]), json!({}))]);
}

/// A resource that looks as it is told to.
struct Told(Snapshot);

impl Auditable for Told {
    fn resource(&self) -> Resource {
        Resource::new("told", "1")
    }

    fn snapshot(&self) -> Snapshot {
        self.0.clone()
    }
}

fn told(value: impl AuditValue) -> Told {
    Told(value.audit_value())
}

fn personal(text: &str) -> Snapshot {
    text.audit_value().into_personal()
}

fn changed(before: &Told, after: &Told) -> EventBuilder {
    Event::builder("told.change").changed(before, after)
}

#[test]
fn a_place_whose_path_is_too_long_is_told_at_the_nearest_one_above_it() {
    let long = "n".repeat(MAX_ID);
    let state =
        |value: u8| json!({"outer": {"in": {&long: value, "short": value}}, "other": value});
    let event = changed(&told(state(1)), &told(state(2))).build().unwrap();
    let event = parsed(&encode(&event));
    let paths: Vec<_> = event["changes"].as_array().unwrap().iter().map(|c| &c["path"]).collect();
    assert_eq!(paths, ["/other", "/outer/in"]);
    assert_eq!(event["changes"][1]["after"], json!({&long: 2, "short": 2}));
    assert_eq!(event.get("truncated"), None);
}

#[test]
fn more_changes_than_an_event_can_hold_are_left_out_and_named() {
    let states = |items: usize| {
        let state = |by: usize| told((0..items).map(|item| item + by).collect::<Vec<usize>>());
        (state(0), state(1))
    };
    for items in [3_000, 200_000] {
        let (before, after) = states(items);
        let event = changed(&before, &after).seal(&SystemClock::new());
        let event = parsed(&encode(&event));
        assert!(event["truncated"].as_array().unwrap().contains(&json!("/changes")), "{items}");
        assert_eq!((event.get("changes"), &event["resource"]["id"]), (None, &json!("1")));
    }
    let (before, after) = states(200_000);
    // Nobody has to count what fits into no event at all.
    let event = changed(&before, &after).build().unwrap();
    assert_eq!(parsed(&encode(&event))["truncated"], json!(["/changes"]));
}

#[test]
fn a_state_larger_than_any_event_is_left_out_and_named() {
    let large = told("x".repeat(3 * MAX_CANONICAL).as_str());
    let created = Event::builder("told.create").created(&large).build().unwrap();
    let deleted = Event::builder("told.delete").deleted(&large).build().unwrap();
    for (event, member) in [(created, "/after"), (deleted, "/before")] {
        assert_eq!(parsed(&encode(&event))["truncated"], json!([member]));
    }
}

#[test]
fn many_personal_values_find_their_places() {
    let named = |name: String, text: &str| (name, Told(personal(text)));
    let all = |text| (0..800).map(move |i| named(format!("n{i}"), text)).collect();
    let all: [BTreeMap<String, Told>; 2] = ["a", "b"].map(all);
    let [before, after] = all.map(told);
    let event = changed(&before, &after).seal(&SystemClock::new());
    assert!(event.fields.truncated().contains(&"/changes"));
    let event = Event::builder("told.create").created(&before).build().unwrap();
    let encoded = encode(&event);
    assert_eq!(parsed(&encoded)["personal"].as_array().map(Vec::len), Some(800));
    assert_eq!(disclosed(&encoded)["after"]["n799"], "a");
}

impl AuditValue for Told {
    fn audit_value(&self) -> Snapshot {
        self.snapshot()
    }
}

#[test]
fn changes_of_two_resources_in_one_event_are_personal_at_their_own_places() {
    let state = |text: &str| told(vec![Told(personal(text)), told(text)]);
    let event = changed(&state("a"), &state("b"));
    let event = event.changed(&state("c"), &state("d")).build().unwrap();
    let encoded = encode(&event);
    let personal =
        ["/changes/0/after", "/changes/0/before", "/changes/2/after", "/changes/2/before"];
    assert_eq!(parsed(&encoded)["personal"], json!(personal));
    let change = |i: u8, before: &str, after: &str| json!({"path": format!("/{i}"), "before": before, "after": after});
    assert_eq!(
        disclosed(&encoded)["changes"],
        json!([change(0, "a", "b"), change(1, "a", "b"), change(0, "c", "d"), change(1, "c", "d")])
    );
}

#[test]
fn a_value_that_became_personal_is_so_on_both_sides() {
    let event = changed(&told("open"), &Told(personal("hidden"))).build().unwrap();
    assert_eq!(
        parsed(&encode(&event))["personal"],
        json!(["/changes/0/after", "/changes/0/before"])
    );
}

#[test]
fn floats_and_large_integers_stand_as_text() {
    let state = |rate: f64, count: u64| told((rate, count));
    let event = changed(&state(0.5, 1), &state(f64::NAN, u64::MAX)).build().unwrap();
    assert_eq!(
        parsed(&encode(&event))["changes"],
        json!([
            {"path": "/0", "before": "0.5", "after": null},
            {"path": "/1", "before": 1, "after": u64::MAX.to_string()},
        ])
    );
}

#[test]
fn a_state_that_is_too_deep_is_left_out() {
    let mut deep = Value::Null;
    for _ in 0..100 {
        deep = json!([deep]);
    }
    let event = Event::builder("told.create").created(&told(deep)).seal(&SystemClock::new());
    assert_eq!(parsed(&encode(&event))["truncated"], json!(["/after"]));
}
