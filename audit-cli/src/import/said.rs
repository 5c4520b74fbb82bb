//! The members of an event that an import fills.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use audit_core::{
    Actor, ActorKind, ErrorInfo, Event, EventBuilder, RequestInfo, Resource, Source, SourceSystem,
};
use chrono::{DateTime, Utc};
use serde_json::Value;

use super::Row;
use super::map::text;

/// For a message.
pub(super) const KNOWN: &str = "id, occurred_at, action, category, severity, sensitivity, message, reason, outcome, duration_us, tenant, \
     operation_id, retention, tag, error.{code, kind, message}, actor.{id, kind, name, email, role}, resource.{type, id, name}, before, \
     after, request.{id, correlation_id, trace_id, session, ip, user_agent, method, route, host, status}, source.{system, service, \
     version, instance}, label.NAME, metadata.NAME";

/// Those that are one word each.
const MEMBERS: [&str; 41] = [
    "id",
    "occurred_at",
    "action",
    "category",
    "severity",
    "sensitivity",
    "message",
    "reason",
    "outcome",
    "duration_us",
    "tenant",
    "operation_id",
    "retention",
    "tag",
    "error.code",
    "error.kind",
    "error.message",
    "actor.id",
    "actor.kind",
    "actor.name",
    "actor.email",
    "actor.role",
    "resource.type",
    "resource.id",
    "resource.name",
    "before",
    "after",
    "request.id",
    "request.correlation_id",
    "request.trace_id",
    "request.session",
    "request.ip",
    "request.user_agent",
    "request.method",
    "request.route",
    "request.host",
    "request.status",
    "source.system",
    "source.service",
    "source.version",
    "source.instance",
];

/// What is known of an event. A member that is set again has the later value.
#[derive(Default)]
pub(super) struct Said(BTreeMap<String, Value>);

impl Said {
    pub(super) fn knows(member: &str) -> bool {
        let is_free = |start| member.strip_prefix(start).is_some_and(|name: &str| !name.is_empty());
        MEMBERS.contains(&member) || is_free("label.") || is_free("metadata.")
    }

    pub(super) fn set(&mut self, member: &str, value: Value) {
        self.0.insert(member.to_owned(), value);
    }

    fn take(&mut self, member: &str) -> Option<String> {
        self.0.remove(member).map(|value| text(&value))
    }

    fn parsed<T: std::str::FromStr<Err: std::fmt::Display>>(
        &mut self,
        member: &str,
    ) -> Result<Option<T>, String> {
        let parsed =
            self.take(member).map(|text| text.parse().map_err(|why| format!("`{member}`: {why}")));
        parsed.transpose()
    }

    /// The id, and the event. What the map does not name is kept, as personal values that can be erased: nobody has said what it is.
    pub(super) fn event(
        mut self,
        rest: Row,
        time: impl Fn(&Value) -> Result<DateTime<Utc>, String>,
    ) -> Result<(String, EventBuilder), String> {
        let missing = |member: &str| format!("it has no `{member}`");
        let id = self.take("id").ok_or_else(|| missing("id"))?;
        let at = self.0.remove("occurred_at").ok_or_else(|| missing("occurred_at"))?;
        let action = self.take("action").ok_or_else(|| missing("action"))?;
        let mut event = Event::builder(action).occurred_at(time(&at)?);
        event = set(event, self.take("category"), EventBuilder::category);
        event = set(event, self.parsed("severity")?, EventBuilder::severity);
        event = set(event, self.parsed("sensitivity")?, EventBuilder::sensitivity);
        event = set(event, self.take("message"), EventBuilder::message);
        event = set(event, self.take("reason"), EventBuilder::reason);
        event = set(event, self.parsed("outcome")?, EventBuilder::outcome);
        let duration = self.parsed("duration_us")?.map(Duration::from_micros);
        event = set(event, duration, EventBuilder::duration);
        event = set(event, self.take("tenant"), EventBuilder::tenant);
        event = set(event, self.take("operation_id"), EventBuilder::operation_id);
        event = set(event, self.take("retention"), EventBuilder::retention);
        event = set(event, self.take("tag"), EventBuilder::tag);
        event = set(event, self.0.remove("before"), EventBuilder::before);
        event = set(event, self.0.remove("after"), EventBuilder::after);
        event = set(event, self.error(), EventBuilder::error);
        event = set(event, self.actor()?, EventBuilder::actor);
        event = set(event, self.resource()?, EventBuilder::on);
        event = set(event, self.request()?, EventBuilder::request);
        event = set(event, self.parsed("request.status")?, EventBuilder::status);
        event = set(event, self.source()?, EventBuilder::source);
        let mut left = rest;
        let mut told = BTreeSet::new();
        for (member, value) in self.0 {
            if let Some(name) = member.strip_prefix("label.") {
                event = event.label(name, text(&value));
            } else if let Some(name) = member.strip_prefix("metadata.") {
                event = event.metadata(name, value);
                told.insert(name.to_owned());
            } else {
                // What is said of an actor without an id, or of a resource without a type.
                if left.contains_key(&member) {
                    return Err(format!("`{member}` has no place, as a column has that name, too"));
                }
                left.insert(member, value);
            }
        }
        for (name, value) in left {
            if told.contains(&name) {
                return Err(format!("`{name}` has no place, as the map says `metadata.{name}`"));
            }
            let pointer = format!("/metadata/{}", name.replace('~', "~0").replace('/', "~1"));
            event = event.metadata(name, value).personal(pointer);
        }
        Ok((id, event))
    }

    fn error(&mut self) -> Option<ErrorInfo> {
        let message = self.take("error.message");
        let (code, kind) = (self.take("error.code"), self.take("error.kind"));
        if message.is_none() && code.is_none() && kind.is_none() {
            return None;
        }
        let error = message.map_or_else(ErrorInfo::untold, ErrorInfo::new);
        Some(set(set(error, code, ErrorInfo::code), kind, ErrorInfo::kind))
    }

    fn actor(&mut self) -> Result<Option<Actor>, String> {
        let Some(id) = self.take("actor.id") else {
            return Ok(None);
        };
        let kind = self.parsed("actor.kind")?.unwrap_or(ActorKind::User);
        let actor = set(Actor::new(kind, id), self.take("actor.name"), Actor::name);
        let actor = set(actor, self.take("actor.email"), Actor::email);
        Ok(Some(set(actor, self.take("actor.role"), Actor::role)))
    }

    fn resource(&mut self) -> Result<Option<Resource>, String> {
        let (kind, id) = (self.take("resource.type"), self.take("resource.id"));
        let resource = match (kind, id) {
            (Some(kind), Some(id)) => Resource::new(kind, id),
            (Some(kind), None) => Resource::of_type(kind),
            (None, Some(_)) => {
                return Err("it has a `resource.id`, and no `resource.type`".to_owned());
            }
            (None, None) => return Ok(None),
        };
        Ok(Some(set(resource, self.take("resource.name"), Resource::name)))
    }

    fn request(&mut self) -> Result<Option<RequestInfo>, String> {
        if !self.0.keys().any(|member| member.starts_with("request.")) {
            return Ok(None);
        }
        let mut request = RequestInfo::new();
        request = set(request, self.parsed("request.ip")?, RequestInfo::ip);
        request = set(request, self.take("request.id"), RequestInfo::id);
        request = set(request, self.take("request.correlation_id"), RequestInfo::correlation_id);
        request = set(request, self.take("request.trace_id"), RequestInfo::trace_id);
        request = set(request, self.take("request.session"), RequestInfo::session);
        request = set(request, self.take("request.user_agent"), RequestInfo::user_agent);
        request = set(request, self.take("request.method"), RequestInfo::method);
        request = set(request, self.take("request.route"), RequestInfo::route);
        Ok(Some(set(request, self.take("request.host"), RequestInfo::host)))
    }

    fn source(&mut self) -> Result<Option<Source>, String> {
        if !self.0.keys().any(|member| member.starts_with("source.")) {
            return Ok(None);
        }
        let system = self.parsed("source.system")?.unwrap_or(SourceSystem::System);
        let source = set(Source::new(system), self.take("source.service"), Source::service);
        let source = set(source, self.take("source.version"), Source::version);
        Ok(Some(set(source, self.take("source.instance"), Source::instance)))
    }
}

/// Applies a setter, if there is something to set.
fn set<B, T>(builder: B, value: Option<T>, setter: impl FnOnce(B, T) -> B) -> B {
    match value {
        Some(value) => setter(builder, value),
        None => builder,
    }
}
