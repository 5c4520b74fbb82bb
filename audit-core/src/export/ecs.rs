//! ECS: what has a field there, and all else under `audit`.

use serde_json::{Value, json};

use super::kind::{Account, Kind, Verb};
use super::parts::{event, moved, put, rest, take, text};
use crate::store::Entry;

/// The version of the schema.
const VERSION: &str = "8.17.0";

/// What goes to another place as it is.
const MOVED: [(&str, &str); 27] = [
    ("/occurred_at", "/@timestamp"),
    ("/id", "/event/id"),
    ("/reason", "/event/reason"),
    ("/message", "/message"),
    ("/tags", "/tags"),
    ("/labels", "/labels"),
    ("/tenant", "/organization/id"),
    ("/actor/id", "/user/id"),
    ("/actor/name", "/user/full_name"),
    ("/actor/email", "/user/email"),
    ("/actor/roles", "/user/roles"),
    ("/error/code", "/error/code"),
    ("/error/kind", "/error/type"),
    ("/error/message", "/error/message"),
    ("/error/stack", "/error/stack_trace"),
    ("/request/ip", "/source/ip"),
    ("/request/user_agent", "/user_agent/original"),
    ("/request/id", "/http/request/id"),
    ("/request/method", "/http/request/method"),
    ("/request/status", "/http/response/status_code"),
    ("/request/host", "/url/domain"),
    ("/request/route", "/url/path"),
    ("/request/trace_id", "/trace/id"),
    ("/request/span_id", "/span/id"),
    ("/source/service", "/service/name"),
    ("/source/version", "/service/version"),
    ("/source/instance", "/service/node/name"),
];

pub(super) fn mapped(entry: &Entry, is_personal: bool) -> Value {
    let mut from = event(entry, is_personal);
    let (category, types) = categories(&from);
    let mut into = json!({
        "ecs": { "version": VERSION },
        "event": {
            "kind": "event",
            "category": [category],
            "type": types,
            "module": "audit",
            "dataset": "audit.log",
            "created": entry.recorded_at,
            "sequence": entry.index,
            "outcome": outcome(&from),
        },
    });
    put(&mut into, "/event/action", take(&mut from, "/action"));
    put(&mut into, "/event/severity", severity(&from));
    put(&mut into, "/log/level", take(&mut from, "/severity"));
    if let Some(duration) = from.pointer("/duration_us").and_then(Value::as_u64) {
        put(&mut into, "/event/duration", duration.checked_mul(1_000));
        take(&mut from, "/duration_us");
    }
    moved(&mut from, &mut into, &MOVED);
    if into.get("@timestamp").is_none() {
        put(&mut into, "/@timestamp", Some(json!(entry.recorded_at)));
    }
    // Also the outcome, as failure and denial are one there.
    let mut audit = rest(from);
    audit.insert("log".to_owned(), entry.log.clone().into());
    audit.insert("leaf_hash".to_owned(), entry.leaf_hash.to_string().into());
    put(&mut into, "/audit", Some(audit));
    into
}

fn categories(event: &Value) -> (&'static str, Vec<&'static str>) {
    let changes = |verb: Verb| match verb {
        Verb::Create => "creation",
        Verb::Read => "access",
        Verb::Update => "change",
        Verb::Delete => "deletion",
        Verb::Other => "info",
    };
    match Kind::of(event) {
        Kind::Logon => ("authentication", vec!["start"]),
        Kind::Logoff => ("authentication", vec!["end"]),
        Kind::Account(Account::Create) => ("iam", vec!["user", "creation"]),
        Kind::Account(Account::Delete) => ("iam", vec!["user", "deletion"]),
        Kind::Account(_) => ("iam", vec!["user", "change"]),
        Kind::Started => ("process", vec!["start"]),
        Kind::Stopped => ("process", vec!["end"]),
        Kind::Call(verb) if text(event, "/outcome") == Some("denied") => {
            ("api", vec![changes(verb), "denied"])
        }
        Kind::Call(verb) => ("api", vec![changes(verb)]),
    }
}

fn outcome(event: &Value) -> &'static str {
    match text(event, "/outcome") {
        Some("success") => "success",
        Some("failure" | "denied") => "failure",
        _ => "unknown",
    }
}

/// As syslog counts: the less, the worse.
fn severity(event: &Value) -> Option<u8> {
    match text(event, "/severity")? {
        "debug" => Some(7),
        "info" => Some(6),
        "warning" => Some(4),
        "error" => Some(3),
        "critical" => Some(2),
        _ => None,
    }
}
