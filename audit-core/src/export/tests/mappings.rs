//! OCSF and ECS: what a schema requires is there, and nothing of an event is lost.

use serde_json::{Value, json};

use super::{entry_of, golden, said, written};
use crate::export::Format;
use crate::store::Entry;

/// Its number, all that must be there, and of which some must be.
type Class = (u64, &'static [&'static str], &'static [&'static [&'static str]]);

/// What OCSF 1.3 requires of each class beside that of all, as its schema has it (`events/`, `objects/`); in a list, one of these.
const REQUIRED: [Class; 4] = [
    (3001, &["/user"], &[USER]),
    (3002, &["/user"], &[USER, &["/service", "/dst_endpoint"]]),
    (6002, &["/app/name", "/app/vendor_name"], &[]),
    (6003, &["/actor", "/api/operation", "/src_endpoint"], &[]),
];

const OF_ALL: [&str; 8] = [
    "/activity_id",
    "/category_uid",
    "/class_uid",
    "/metadata/product/vendor_name",
    "/metadata/version",
    "/severity_id",
    "/time",
    "/type_uid",
];

const USER: &[&str] = &["/user/account", "/user/name", "/user/uid"];

/// Of objects, where they are: one of these members.
const OBJECTS: [(&str, &[&str]); 6] = [
    ("/actor", &["process", "user", "invoked_by", "session", "app_name", "app_uid"]),
    ("/actor/user", &["account", "name", "uid"]),
    ("/src_endpoint", &["ip", "uid", "name", "hostname", "svc_name", "instance_uid"]),
    ("/service", &["name", "uid"]),
    ("/http_request/url", &["url_string", "path"]),
    ("/metadata/product", &["name", "uid"]),
];

fn lines(format: Format, entries: &[Entry], is_personal: bool) -> Vec<Value> {
    let text = written(format, entries, is_personal);
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn one(format: Format, members: Value) -> Value {
    lines(format, &[said(members)], false).remove(0)
}

fn check(event: &Value) {
    let has = |pointer: &str| event.pointer(pointer).is_some_and(|it| !it.is_null());
    let class = event["class_uid"].as_u64().unwrap();
    let (_, required, groups) = REQUIRED.iter().find(|(uid, ..)| *uid == class).unwrap();
    for pointer in OF_ALL.iter().chain(*required) {
        assert!(has(pointer), "{pointer} is not in {event:#}");
    }
    for group in *groups {
        assert!(group.iter().any(|pointer| has(pointer)), "none of {group:?} is in {event:#}");
    }
    for (place, members) in OBJECTS {
        let is_right = |object: &Value| members.iter().any(|it| !object[*it].is_null());
        assert!(event.pointer(place).is_none_or(is_right), "{place} of {event:#}");
    }
    let number = |name: &str| event[name].as_u64().unwrap();
    assert_eq!(number("type_uid"), class * 100 + number("activity_id"));
    assert_eq!(number("category_uid"), class / 1_000);
}

#[test]
fn what_ocsf_requires_of_a_class_is_there() {
    let mut entries = golden();
    for action in ["user.login", "user.logout", "user.create", "user.view", "audit.started", "a"] {
        for members in [
            json!({}),
            json!({ "actor": {"id": "u-1", "kind": "user"} }),
            json!({ "resource": {"type": "user", "id": "u-2"} }),
            json!({ "resource": {"type": "user"}, "request": {"host": "a.example"} }),
        ] {
            let mut members = members;
            members["action"] = json!(action);
            entries.push(said(members));
        }
    }
    entries.push(entry_of(0, "no JSON at all", None));
    entries.push(entry_of(0, "[]", None));
    for is_personal in [false, true] {
        lines(Format::Ocsf, &entries, is_personal).iter().for_each(check);
    }
}

#[test]
fn an_action_has_the_class_and_the_activity_that_its_name_says() {
    let actor = json!({"id": "u-1", "kind": "user"});
    let of = |action: &str, more: Value| {
        let mut members = json!({ "action": action, "actor": actor });
        members.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let (ocsf, ecs) = (one(Format::Ocsf, members.clone()), one(Format::Ecs, members));
        let ecs =
            [&ecs["event"]["category"][0], &ecs["event"]["type"]].map(Value::to_string).concat();
        (ocsf["type_uid"].as_u64().unwrap(), ecs)
    };
    let user = || json!({ "resource": {"type": "user", "id": "u-2"} });
    let denied = || json!({ "outcome": "denied" });
    let put = || json!({ "request": {"method": "PUT"} });
    for (action, more, type_uid, ecs) in [
        ("user.login", json!({}), 300_201, r#""authentication"["start"]"#),
        ("auth.login_failed", json!({}), 300_201, r#""authentication"["start"]"#),
        ("session.sign_out", json!({}), 300_202, r#""authentication"["end"]"#),
        ("user.create", user(), 300_101, r#""iam"["user","creation"]"#),
        ("user.create", json!({}), 600_301, r#""api"["creation"]"#),
        ("user.reset_password", user(), 300_104, r#""iam"["user","change"]"#),
        ("user.disable", user(), 300_105, r#""iam"["user","change"]"#),
        ("user.delete", user(), 300_106, r#""iam"["user","deletion"]"#),
        ("user.update", user(), 300_199, r#""iam"["user","change"]"#),
        ("user.view", user(), 600_302, r#""api"["access"]"#),
        ("invoice.create", json!({}), 600_301, r#""api"["creation"]"#),
        ("invoice.create", denied(), 600_301, r#""api"["creation","denied"]"#),
        ("invoice.delete_all", json!({}), 600_304, r#""api"["deletion"]"#),
        ("invoice.settings", put(), 600_303, r#""api"["change"]"#),
        ("invoice.approve", json!({}), 600_399, r#""api"["info"]"#),
        ("audit.started", json!({}), 600_203, r#""process"["start"]"#),
        ("audit.stopped", json!({}), 600_204, r#""process"["end"]"#),
    ] {
        assert_eq!(of(action, more), (type_uid, ecs.to_owned()), "{action}");
    }
}

#[test]
fn golden_events_are_mapped_as_they_always_were() {
    let version = env!("CARGO_PKG_VERSION");
    for (format, is_personal, file) in [
        (Format::Ocsf, false, include_str!("../../../testdata/export/ocsf.jsonl")),
        (Format::Ocsf, true, include_str!("../../../testdata/export/ocsf-personal.jsonl")),
        (Format::Ecs, false, include_str!("../../../testdata/export/ecs.jsonl")),
        (Format::Ecs, true, include_str!("../../../testdata/export/ecs-personal.jsonl")),
    ] {
        let expected = file.lines().map(|it| it.replace("$VERSION", version));
        let expected: Vec<Value> =
            expected.map(|line| serde_json::from_str(&line).unwrap()).collect();
        assert_eq!(lines(format, &golden(), is_personal), expected);
    }
}

/// All texts and numbers in a value.
fn leaves(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::Array(all) => all.iter().for_each(|it| leaves(it, into)),
        Value::Object(all) => all.values().for_each(|it| leaves(it, into)),
        Value::String(text) => into.push(text.clone()),
        other => into.push(other.to_string()),
    }
}

#[test]
fn nothing_of_an_event_is_lost() {
    // What has other words there, or says nothing without the bytes.
    let others = ["/v", "/nonce", "/personal", "/severity", "/duration_us"];
    for format in [Format::Ocsf, Format::Ecs] {
        for (entry, mapped) in golden().iter().zip(lines(format, &golden(), true)) {
            let mut event = entry.known();
            for pointer in others {
                super::super::parts::take(&mut event, pointer);
            }
            let (mut said, mut found) = (Vec::new(), Vec::new());
            leaves(&event, &mut said);
            leaves(&mapped, &mut found);
            for text in said {
                assert!(found.contains(&text), "{text} is not in {mapped:#}");
            }
        }
    }
}

#[test]
fn nothing_personal_is_in_what_does_not_ask_for_it() {
    let all = [
        "Alice Adams",
        "alice@example.com",
        "192.0.2.7",
        "curl/8",
        "Invoice 4711",
        "Batch",
        "Paper",
        "DE02 1203",
    ];
    let commitment = "Kf4BMoJJpKGf5EJ3ZDqHyjfysOvNLvP8OOmGE_vW_j4";
    let csv = || {
        Format::Csv(crate::export::Column::list("actor.name,ip,/actor,/before,/message").unwrap())
    };
    for format in [csv(), Format::Ocsf, Format::Ecs] {
        let plain = written(format.clone(), &golden(), false);
        assert!(!all.iter().any(|value| plain.contains(value)), "{plain}");
        assert!(!plain.contains(commitment), "{plain}");
        // Erased, it is as if nobody had asked.
        let erased: Vec<_> = golden()
            .iter()
            .map(|it| entry_of(it.index, str::from_utf8(it.canonical()).unwrap(), None))
            .collect();
        assert_eq!(written(format.clone(), &erased, true), plain);
        let opened = written(format, &golden(), true);
        let found: Vec<_> = all.iter().filter(|value| opened.contains(**value)).collect();
        assert!(found.len() >= 4, "{found:?}");
    }
}
