//! What of an event those see who have no right to its sensitive values.

use serde_json::{Map, Value};

/// Places of which all that is there is public. Whatever is not named here is not, also what a later version adds: without addresses,
/// user agents, sessions, ids of requests, states before and after, metadata, and what went wrong inside.
const PUBLIC: &[&str] = &[
    "/action",
    "/actor/id",
    "/actor/kind",
    "/actor/name",
    "/actor/on_behalf_of",
    "/actor/roles",
    "/begun_id",
    "/category",
    "/duration_us",
    "/id",
    "/imported",
    "/is_compliance_relevant",
    "/labels",
    "/message",
    "/occurred_at",
    "/operation_id",
    "/outcome",
    "/parent_id",
    "/reason",
    "/request/method",
    "/request/route",
    "/request/status",
    "/resource",
    "/resources",
    "/sensitivity",
    "/severity",
    "/stage",
    "/tags",
    "/tenant",
    "/v",
];

/// Whether all that is at a place of an event is public.
pub(crate) fn is_public(place: &str) -> bool {
    PUBLIC.iter().any(|public| {
        place.strip_prefix(public).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

/// An event without what is not public.
pub(crate) fn public(event: Value) -> Value {
    kept(event, "")
}

/// What is public of a value at this place. Members of what is only partly so are looked at one by one.
fn kept(value: Value, place: &str) -> Value {
    let Value::Object(members) = value else {
        return value;
    };
    let mut kept_members = Map::new();
    for (name, value) in members {
        let place = format!("{place}/{name}");
        if is_public(&place) {
            kept_members.insert(name, value);
        } else if PUBLIC.iter().any(|public| public.starts_with(&format!("{place}/"))) {
            kept_members.insert(name, kept(value, &place));
        }
    }
    Value::Object(kept_members)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_public_view_has_nothing_of_addresses_sessions_states_and_errors() {
        let event = json!({
            "v": 1, "id": "0197", "nonce": "n", "action": "user.login", "outcome": "failure", "from a later version": 1,
            "actor": {"id": "u-1", "email": "a@b.c", "credential": {"id": "k"}, "roles": ["auditor"]},
            "error": {"code": "denied", "message": "no"},
            "request": {"id": "r", "ip": "10.0.0.1", "session": "s", "user_agent": "x", "method": "POST", "correlation_id": "c"},
            "source": {"system": "web"}, "before": {"a": 1}, "after": {"a": 2}, "changes": [{"path": "/a"}],
            "metadata": {"a": 1}, "retention": "long", "is_sensitive": true, "labels": {"env": "prod"},
            "resource": {"type": "user", "id": "u-1", "parent": {"type": "org", "id": "o"}},
        });
        let seen = json!({
            "v": 1, "id": "0197", "action": "user.login", "outcome": "failure",
            "actor": {"id": "u-1", "roles": ["auditor"]}, "request": {"method": "POST"}, "labels": {"env": "prod"},
            "resource": {"type": "user", "id": "u-1", "parent": {"type": "org", "id": "o"}},
        });
        assert_eq!(public(event), seen);
    }

    #[test]
    fn a_place_is_public_with_all_that_is_in_it() {
        for place in ["/action", "/tags/*", "/resource/parent", "/actor/on_behalf_of/*/id"] {
            assert!(is_public(place), "{place}");
        }
        for place in
            ["/actor", "/actor/email", "/request", "/request/ip", "/error/code", "/actions"]
        {
            assert!(!is_public(place), "{place}");
        }
    }
}
