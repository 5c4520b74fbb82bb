//! Different events have different bytes, and the bytes say all that the event says.

use proptest::prelude::*;
use serde_json::Value;

use super::model::{builder, event, in_the_clear, normal};
use super::{cases, disclosed, encode};
use crate::event::Event;

/// The bytes of an event whose nonce is always the same.
fn bytes(model: &Value) -> String {
    let mut event: Event = builder(model).build().unwrap();
    event.nonce = [9; 16];
    encode(&event).canon
}

proptest! {
    #![proptest_config(cases(20_000, 300))]

    #[test]
    fn the_bytes_and_the_openings_give_every_value_back(model in event()) {
        let event = builder(&model).build().unwrap();
        prop_assert_eq!(disclosed(&encode(&event)), in_the_clear(&model, &event));
    }
}

proptest! {
    #![proptest_config(cases(5_000, 60))]

    #[test]
    fn two_events_that_differ_in_any_member_have_different_bytes(model in event(), other in event()) {
        // Whether a value is personal is told by its place; one more place is one more difference.
        let own = bytes(&model);
        let names: std::collections::BTreeSet<&String> =
            model.as_object().unwrap().keys().chain(other.as_object().unwrap().keys()).collect();
        for name in names.into_iter().filter(|name| *name != "personal") {
            let mut changed = model.clone();
            let members = changed.as_object_mut().unwrap();
            match other.get(name) {
                Some(value) => drop(members.insert(name.clone(), value.clone())),
                None if ["id", "occurred_at", "action"].contains(&name.as_str()) => continue,
                None => drop(members.remove(name)),
            }
            let same = normal(&changed) == normal(&model);
            prop_assert_eq!(bytes(&changed) == own, same, "{}", name);
        }
    }
}

#[test]
fn neither_quotes_nor_separators_let_one_member_pose_as_two() {
    let event = |id: &str, tenant: Option<&str>| {
        let event = Event::builder("a.b")
            .id(uuid::Uuid::nil())
            .occurred_at("2026-01-02T03:04:05Z".parse().unwrap());
        let event = event.operation_id(id);
        let mut event =
            tenant.map_or(event.clone(), |tenant| event.tenant(tenant)).build().unwrap();
        event.nonce = [9; 16];
        encode(&event).canon
    };
    assert_ne!(event("x\",\"tenant\":\"y", None), event("x", Some("y")));
    assert_ne!(event("x|y", None), event("x", Some("|y")));
}

#[test]
fn a_nonce_and_an_id_are_never_given_twice() {
    let build = || Event::builder("a.b").build().unwrap();
    let (one, two) = (build(), build());
    assert_ne!(one.nonce, two.nonce);
    assert_ne!(one.id(), two.id());
    assert_eq!(one.id().get_version_num(), 7);
}
