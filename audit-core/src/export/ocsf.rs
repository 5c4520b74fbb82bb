//! OCSF: a class, what it requires, and all else that has a place there.

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::kind::{Account, Kind, Verb};
use super::parts::{event, moved, put, rest, take, take_text, text};
use crate::store::Entry;

/// The version of the schema.
const VERSION: &str = "1.3.0";

/// What goes to another place as it is.
const MOVED: [(&str, &str); 15] = [
    ("/id", "/metadata/uid"),
    ("/tags", "/metadata/labels"),
    ("/tenant", "/metadata/tenant_uid"),
    ("/request/correlation_id", "/metadata/correlation_uid"),
    ("/message", "/message"),
    ("/error/code", "/status_code"),
    ("/actor/id", "/actor/user/uid"),
    ("/actor/name", "/actor/user/full_name"),
    ("/actor/email", "/actor/user/email_addr"),
    ("/actor/credential/id", "/actor/user/credential_uid"),
    ("/request/session", "/actor/session/uid"),
    ("/request/ip", "/src_endpoint/ip"),
    ("/request/id", "/http_request/uid"),
    ("/request/method", "/http_request/http_method"),
    ("/request/user_agent", "/http_request/user_agent"),
];

pub(super) fn mapped(entry: &Entry, is_personal: bool) -> Value {
    let mut from = event(entry, is_personal);
    let kind = Kind::of(&from);
    let is_known = from.pointer("/actor/id").or(from.pointer("/resource/id")).is_some();
    let kind = match kind {
        // The class is about a user, and there is none.
        Kind::Logon | Kind::Logoff if !is_known => Kind::Call(Verb::Other),
        kind => kind,
    };
    let mut into = json!({
        "time": time(&from).unwrap_or(entry.recorded_at).timestamp_millis(),
        "metadata": {
            "version": VERSION,
            "product": { "name": "audit", "vendor_name": "audit-core", "version": env!("CARGO_PKG_VERSION") },
            "log_name": entry.log,
            "sequence": entry.index,
            "logged_time": entry.recorded_at.timestamp_millis(),
        },
    });
    classified(&mut from, &mut into, kind);
    status(&mut from, &mut into);
    let service = service(&from);
    let is_request = from.get("request").is_some();
    put(&mut into, "/metadata/original_time", take(&mut from, "/occurred_at"));
    put(&mut into, "/metadata/log_provider", Some(&*service));
    if let Some(duration) = from.pointer("/duration_us").and_then(Value::as_u64) {
        put(&mut into, "/duration", Some(duration / 1_000));
        take(&mut from, "/duration_us");
    }
    put(&mut into, "/http_response/code", from.pointer("/request/status").cloned());
    moved(&mut from, &mut into, &MOVED);
    // A URL is nothing without its path there.
    if from.pointer("/request/route").is_some() {
        put(&mut into, "/http_request/url/path", take(&mut from, "/request/route"));
        put(&mut into, "/http_request/url/hostname", take(&mut from, "/request/host"));
    }
    actor(&mut from, &mut into, &service);
    if into.get("src_endpoint").is_none() {
        // It must have a name: that of the process, where nobody has called it.
        let name = if is_request { "unknown" } else { &service };
        put(&mut into, "/src_endpoint/name", Some(name));
    }
    match kind {
        Kind::Started | Kind::Stopped => {
            let app = json!({ "name": service, "vendor_name": service });
            put(&mut into, "/app", Some(app));
            put(&mut into, "/app/uid", from.pointer("/producer/boot").cloned());
        }
        Kind::Logon | Kind::Logoff | Kind::Account(_) => {
            let user = user(&mut from).or_else(|| into.pointer("/actor/user").cloned());
            put(&mut into, "/user", user);
            put(&mut into, "/service/name", Some(&*service));
        }
        Kind::Call(_) => {}
    }
    call(&mut from, &mut into, &service);
    let mut unmapped = rest(from);
    unmapped.insert("leaf_hash".to_owned(), entry.leaf_hash.to_string().into());
    put(&mut into, "/unmapped", Some(unmapped));
    into
}

fn time(event: &Value) -> Option<DateTime<Utc>> {
    text(event, "/occurred_at")?.parse().ok()
}

/// The name of what was audited.
fn service(event: &Value) -> String {
    let name = text(event, "/source/service").or(text(event, "/producer/id"));
    name.unwrap_or("unknown").to_owned()
}

fn classified(from: &mut Value, into: &mut Value, kind: Kind) {
    let action = text(from, "/action").unwrap_or("unknown").to_owned();
    let (class, name, category, activity) = match kind {
        Kind::Account(account) => (3001, "Account Change", 3, account_activity(account)),
        Kind::Logon => (3002, "Authentication", 3, (1, "Logon")),
        Kind::Logoff => (3002, "Authentication", 3, (2, "Logoff")),
        Kind::Started => (6002, "Application Lifecycle", 6, (3, "Start")),
        Kind::Stopped => (6002, "Application Lifecycle", 6, (4, "Stop")),
        Kind::Call(verb) => (6003, "API Activity", 6, call_activity(verb)),
    };
    let (activity, activity_name) = match activity {
        (99, _) => (99, &*action),
        named => named,
    };
    let category_name =
        if category == 3 { "Identity & Access Management" } else { "Application Activity" };
    let type_name = if activity == 99 { "Other" } else { activity_name };
    for (place, value) in [
        ("/class_uid", json!(class)),
        ("/class_name", json!(name)),
        ("/category_uid", json!(category)),
        ("/category_name", json!(category_name)),
        ("/activity_id", json!(activity)),
        ("/activity_name", json!(activity_name)),
        ("/type_uid", json!(class * 100 + activity)),
        ("/type_name", json!(format!("{name}: {type_name}"))),
        ("/metadata/event_code", json!(action)),
    ] {
        put(into, place, Some(value));
    }
    let (severity, severity_name) = match take_text(from, "/severity").as_deref() {
        Some("debug" | "info") => (1, "Informational"),
        Some("warning") => (3, "Medium"),
        Some("error") => (4, "High"),
        Some("critical") => (5, "Critical"),
        _ => (0, "Unknown"),
    };
    put(into, "/severity_id", Some(severity));
    put(into, "/severity", Some(severity_name));
}

fn account_activity(account: Account) -> (i64, &'static str) {
    match account {
        Account::Create => (1, "Create"),
        Account::Enable => (2, "Enable"),
        Account::PasswordChange => (3, "Password Change"),
        Account::PasswordReset => (4, "Password Reset"),
        Account::Disable => (5, "Disable"),
        Account::Delete => (6, "Delete"),
        Account::Lock => (9, "Lock"),
        Account::Other => (99, "Other"),
    }
}

fn call_activity(verb: Verb) -> (i64, &'static str) {
    match verb {
        Verb::Create => (1, "Create"),
        Verb::Read => (2, "Read"),
        Verb::Update => (3, "Update"),
        Verb::Delete => (4, "Delete"),
        Verb::Other => (99, "Other"),
    }
}

/// How it ended. The word for it stays among what has no place, too: failure and denial are one here.
fn status(from: &mut Value, into: &mut Value) {
    let (id, name) = match text(from, "/outcome") {
        Some("success") => (1, "Success"),
        Some("failure" | "denied") => (2, "Failure"),
        Some("cancelled") => (99, "cancelled"),
        _ => (0, "Unknown"),
    };
    put(into, "/status_id", Some(id));
    put(into, "/status", Some(name));
    put(into, "/status_detail", take(from, "/error/message").or_else(|| take(from, "/reason")));
}

/// Who it was, or else which program.
fn actor(from: &mut Value, into: &mut Value, service: &str) {
    let Some(kind) = take_text(from, "/actor/kind") else {
        return put(into, "/actor/app_name", Some(service));
    };
    let id = match &*kind {
        "user" => 1,
        "system" => 3,
        "service" => 4,
        _ => 99,
    };
    put(into, "/actor/user/type_id", Some(id));
    put(into, "/actor/user/type", Some(kind));
}

/// The user that the event is about: its resource, if that is one.
fn user(from: &mut Value) -> Option<Value> {
    if !matches!(text(from, "/resource/type"), Some("user" | "account")) {
        return None;
    }
    let mut user = json!({ "uid": from.pointer("/resource/id")? });
    put(&mut user, "/full_name", from.pointer("/resource/name").cloned());
    Some(user)
}

/// The operation, and on what.
fn call(from: &mut Value, into: &mut Value, service: &str) {
    let action = take(from, "/action").unwrap_or_else(|| "unknown".into());
    put(into, "/api/operation", Some(action));
    put(into, "/api/service/name", Some(service));
    put(into, "/api/service/version", take(from, "/source/version"));
    put(into, "/api/request/uid", into.pointer("/http_request/uid").cloned());
    put(into, "/api/response/code", take(from, "/request/status"));
    put(into, "/api/response/error", into.pointer("/status_code").cloned());
    let several = take(from, "/resources");
    let several = several.as_ref().and_then(Value::as_array).into_iter().flatten();
    let one = take(from, "/resource");
    let resource = |it: &Value| {
        let mut resource = json!({});
        for (member, place) in
            [("/type", "/type"), ("/id", "/uid"), ("/name", "/name"), ("/parent", "/data/parent")]
        {
            put(&mut resource, place, it.pointer(member).cloned());
        }
        resource
    };
    let resources: Vec<_> = one.iter().chain(several).map(resource).collect();
    put(into, "/resources", Some(resources).filter(|all| !all.is_empty()));
}
