//! The JSON Schema that is handed out says what events are.

use serde_json::{Value, json};

use super::super::SCHEMA;

fn golden() -> Vec<(String, Value)> {
    let text = include_str!("../../../testdata/event-v1.json");
    let golden: Value = serde_json::from_str(text).unwrap();
    let of = |it: &Value, name: &str| it[name].as_str().unwrap().to_owned();
    let golden = golden.as_array().unwrap().iter();
    golden.map(|it| (of(it, "name"), serde_json::from_str(&of(it, "canon")).unwrap())).collect()
}

/// The same, where nothing may be there that it does not name, and everything that it names has a title.
fn strict(schema: &mut Value, place: &str) {
    match schema {
        Value::Object(members) => {
            if let Some(Value::Object(properties)) = members.get("properties") {
                for (name, property) in properties {
                    let is_named =
                        property.get("title").is_some() || property.get("$ref").is_some();
                    assert!(is_named, "{place}/{name} has no title");
                }
                members.insert("additionalProperties".to_owned(), json!(false));
            }
            for (name, member) in members {
                strict(member, &format!("{place}/{name}"));
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| strict(item, place)),
        _ => {}
    }
}

#[test]
fn the_schema_knows_each_member_that_an_event_can_have() {
    let mut schema: Value = serde_json::from_str(SCHEMA).unwrap();
    strict(&mut schema, "");
    let schema = jsonschema::draft202012::options().should_validate_formats(true).build(&schema);
    let schema = schema.unwrap();
    for (name, event) in golden() {
        let wrong: Vec<_> = schema.iter_errors(&event).map(|wrong| wrong.to_string()).collect();
        assert_eq!(wrong, [""; 0], "{name}");
    }
}

#[test]
fn the_schema_accepts_no_other_thing() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    let (_, event) = golden().into_iter().next().unwrap();
    for (member, wrong) in [
        ("v", json!(2)),
        ("action", json!("User Login")),
        ("outcome", json!("fine")),
        ("is_sensitive", json!(false)),
        ("labels", json!({ "a": 1 })),
        ("actor", json!({ "id": "u-1" })),
        ("resource", json!({ "id": "1" })),
        ("duration_us", json!(-1)),
    ] {
        assert!(schema.is_valid(&event));
        let mut event = event.clone();
        event[member] = wrong;
        assert!(!schema.is_valid(&event), "{member}");
    }
    let mut event = event.clone();
    event.as_object_mut().unwrap().remove("nonce");
    assert!(!schema.is_valid(&event));
}
