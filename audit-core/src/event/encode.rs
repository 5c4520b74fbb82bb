//! The canonical bytes of an event: the only place that makes them.
//!
//! They are strict JCS (RFC 8785), format version 1, and never change for a given `v`: what is hashed
//! here is stored as it is and never made again from anything else. A personal value does not stand in
//! them; at its place stands base64url(SHA-256(salt || JCS(value))), and `personal` names the place.

use std::fmt;

use serde_json::Value;
use uuid::Uuid;

use super::FORMAT_VERSION;
use super::actor::Actor;
use super::failure::ErrorInfo;
use super::fields::Event;
use super::jcs::{Out, write_array, write_integer, write_json, write_members, write_text};
use super::openings::{Salt, base64url};
use super::payload::child;
use super::producer::Producer;
use super::random::random;
use super::request::{RequestInfo, Source};
use super::resource::{Change, Resource};

/// The stage of an event whose operation has only begun.
pub(super) const BEGUN: &str = "begun";
use super::sink::{Bytes, Object, Personal, Sink, Size};

/// An event as it will stand in the log: its canonical bytes, and beside them the openings of its
/// personal values, which its `Debug` does not show.
#[derive(Clone)]
pub struct EncodedEvent {
    /// The event's id.
    pub id: Uuid,
    /// The event's retention class.
    pub class: String,
    /// The canonical bytes.
    pub canon: String,
    /// Salts and values of the personal members, as a JSON object from pointer to `[salt, value]`.
    pub openings: Option<String>,
}

impl EncodedEvent {
    /// About how much memory it takes.
    pub(crate) fn bytes(&self) -> usize {
        self.canon.len() + self.openings.as_ref().map_or(0, String::len)
    }
}

impl fmt::Debug for EncodedEvent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EncodedEvent").field("canon", &self.canon).finish_non_exhaustive()
    }
}

impl Event {
    /// Makes the canonical bytes, as the `seq`-th event of `producer` in this event's log; without a number
    /// for one that goes through the outbox, whose transaction may be rolled back.
    #[must_use]
    pub fn encode(&self, producer: &Producer, seq: impl Into<Option<u64>>) -> EncodedEvent {
        self.encode_with(producer, seq.into(), &mut random)
    }

    pub(crate) fn encode_with(
        &self,
        producer: &Producer,
        seq: Option<u64>,
        salt: &mut dyn FnMut() -> Salt,
    ) -> EncodedEvent {
        let mut bytes = Bytes::new(salt);
        write_event(&mut bytes, self, Some((producer, seq)));
        let (canon, openings) = bytes.into_parts();
        EncodedEvent { id: self.id(), class: self.class().to_owned(), canon, openings }
    }
}

/// How many bytes an event takes at the most: its canonical form, and its openings.
pub(crate) fn measure(event: &Event) -> (usize, usize) {
    let mut size = Size::default();
    write_event(&mut size, event, None);
    size.into_parts()
}

fn write_event<S: Sink>(out: &mut S, event: &Event, stamp: Option<(&Producer, Option<u64>)>) {
    let Event { id, nonce, occurred_at, held: _, fields } = event;
    let payload = |out: &mut S, root: &str, value: &Value| {
        write_payload(out, root, value, &fields.personal);
    };
    let mut event = Object::new(out);
    event.text("action", Some(&fields.action));
    if let Some(actor) = &fields.actor {
        write_actor(event.member("actor"), actor);
    }
    if let Some(after) = &fields.after {
        payload(event.member("after"), "/after", after);
    }
    if let Some(before) = &fields.before {
        payload(event.member("before"), "/before", before);
    }
    if let Some(begun) = fields.begun_id {
        write_uuid(event.member("begun_id"), begun);
    }
    event.text("category", fields.category.as_deref());
    if !fields.changes.is_empty() {
        let changes = fields.changes.iter().enumerate();
        write_array(event.member("changes"), changes, |out, (i, change)| {
            write_change(out, i, change, &payload);
        });
    }
    if let Some(duration) = fields.duration_us {
        write_integer(event.member("duration_us"), duration);
    }
    if let Some(error) = &fields.error {
        write_error(event.member("error"), error);
    }
    write_uuid(event.member("id"), *id);
    if let Some((from, id)) = &fields.imported {
        let mut object = Object::new(event.member("imported"));
        object.text("from", Some(from));
        object.text("id", Some(id));
        object.end();
    }
    event.flag("is_compliance_relevant", fields.is_compliance_relevant);
    event.flag("is_sensitive", fields.is_sensitive);
    if !fields.labels.is_empty() {
        write_members(event.member("labels"), &fields.labels, |out, _, value| {
            write_text(out, value)
        });
    }
    event.personal("message", "/message", fields.message.as_deref());
    if !fields.metadata.is_empty() {
        write_members(event.member("metadata"), &fields.metadata, |out, name, value| {
            payload(out, &child("/metadata", name), value);
        });
    }
    event.text("nonce", Some(&base64url(nonce)));
    let occurred_at = occurred_at.to_rfc3339_opts(chrono::SecondsFormat::Micros, true);
    event.text("occurred_at", Some(&occurred_at));
    event.text("operation_id", fields.operation_id.as_deref());
    event.text("outcome", fields.outcome.map(super::Outcome::as_str));
    if let Some(parent) = fields.parent_id {
        write_uuid(event.member("parent_id"), parent);
    }
    event.texts("personal", &fields.personal_pointers());
    if let Some((producer, seq)) = stamp {
        let mut object = Object::new(event.member("producer"));
        write_uuid(object.member("boot"), producer.boot);
        object.text("id", Some(&producer.id));
        if let Some(seq) = seq {
            write_integer(object.member("seq"), seq);
        }
        object.end();
    }
    event.text("reason", fields.reason.as_deref());
    event.texts("redacted", &fields.redacted);
    if fields.request.is_some() || fields.status.is_some() {
        write_request(event.member("request"), fields.request(), fields.status);
    }
    if let Some(resource) = &fields.resource {
        write_resource(event.member("resource"), "/resource/name", resource);
    }
    if !fields.resources.is_empty() {
        let resources = fields.resources.iter().enumerate();
        write_array(event.member("resources"), resources, |out, (i, resource)| {
            write_resource(out, &format!("/resources/{i}/name"), resource);
        });
    }
    event.text("retention", fields.retention.as_deref());
    event.text("sensitivity", fields.sensitivity.map(super::Sensitivity::as_str));
    event.text("severity", fields.severity.map(super::Severity::as_str));
    if let Some(source) = &fields.source {
        write_source(event.member("source"), source);
    }
    event.text("stage", Some(if fields.is_begun { BEGUN } else { "complete" }));
    event.texts("tags", &fields.tags);
    event.text("tenant", fields.tenant.as_deref());
    event.texts("truncated", &fields.truncated());
    write_integer(event.member("v"), FORMAT_VERSION.into());
    event.end();
}

fn write_actor<S: Sink>(out: &mut S, actor: &Actor) {
    let mut object = Object::new(out);
    if let Some(credential) = &actor.credential {
        let mut inner = Object::new(object.member("credential"));
        inner.text("id", Some(&credential.id));
        inner.text("kind", Some(&credential.kind));
        inner.end();
    }
    object.personal("email", "/actor/email", actor.email.as_deref());
    object.text("id", Some(&actor.id));
    object.text("kind", Some(actor.kind.as_str()));
    object.personal("name", "/actor/name", actor.name.as_deref());
    if !actor.on_behalf_of.is_empty() {
        let chain = actor.on_behalf_of.iter().enumerate();
        write_array(object.member("on_behalf_of"), chain, |out, (i, principal)| {
            let mut inner = Object::new(out);
            inner.text("id", Some(&principal.id));
            inner.text("kind", Some(principal.kind.as_str()));
            let pointer = format!("/actor/on_behalf_of/{i}/name");
            inner.personal("name", &pointer, principal.name.as_deref());
            inner.end();
        });
    }
    object.texts("roles", &actor.roles);
    object.end();
}

fn write_change<S: Sink>(
    out: &mut S,
    i: usize,
    change: &Change,
    payload: &impl Fn(&mut S, &str, &Value),
) {
    let mut object = Object::new(out);
    if let Some(after) = &change.after {
        payload(object.member("after"), &format!("/changes/{i}/after"), after);
    }
    if let Some(before) = &change.before {
        payload(object.member("before"), &format!("/changes/{i}/before"), before);
    }
    object.text("path", Some(&change.path));
    object.end();
}

fn write_error<S: Sink>(out: &mut S, error: &ErrorInfo) {
    let mut object = Object::new(out);
    object.text("code", error.code.as_deref());
    object.text("kind", error.kind.as_deref());
    object.personal("message", "/error/message", error.message.as_deref());
    object.personal("stack", "/error/stack", error.stack.as_deref());
    object.end();
}

fn write_request<S: Sink>(out: &mut S, request: Option<&RequestInfo>, status: Option<u16>) {
    let nothing = RequestInfo::default();
    let request = request.unwrap_or(&nothing).facts();
    let mut object = Object::new(out);
    object.text("correlation_id", request.correlation_id());
    object.text("host", request.host());
    object.text("id", request.id());
    let ip = request.ip.map(|ip| ip.to_string());
    object.personal("ip", "/request/ip", ip.as_deref());
    object.text("method", request.method());
    object.personal("peer", "/request/peer", request.peer());
    object.text("route", request.route());
    object.text("session", request.session());
    object.text("span_id", request.span_id());
    if let Some(status) = status {
        write_integer(object.member("status"), status.into());
    }
    object.text("trace_id", request.trace_id());
    object.personal("user_agent", "/request/user_agent", request.user_agent());
    object.end();
}

fn write_resource<S: Sink>(out: &mut S, name_pointer: &str, resource: &Resource) {
    let mut object = Object::new(out);
    object.text("id", resource.id.as_deref());
    object.personal("name", name_pointer, resource.name.as_deref());
    if let Some((kind, id)) = &resource.parent {
        let mut parent = Object::new(object.member("parent"));
        parent.text("id", Some(id));
        parent.text("type", Some(kind));
        parent.end();
    }
    object.text("type", Some(&resource.kind));
    object.end();
}

fn write_source<S: Sink>(out: &mut S, source: &Source) {
    let mut object = Object::new(out);
    object.text("instance", source.instance.as_deref());
    object.text("service", source.service.as_deref());
    object.text("system", Some(source.system.as_str()));
    object.text("version", source.version.as_deref());
    object.end();
}

fn write_uuid(out: &mut impl Out, id: Uuid) {
    out.push("\"");
    out.push(id.hyphenated().encode_lower(&mut Uuid::encode_buffer()));
    out.push("\"");
}

/// Writes a payload of the user's, with the personal values in it as commitments.
fn write_payload<S: Sink>(out: &mut S, pointer: &str, value: &Value, personal: &[String]) {
    if personal.iter().any(|p| p.as_str() == pointer) {
        return out.personal(pointer, Personal::Json(value));
    }
    let inside = |p: &String| p.strip_prefix(pointer).is_some_and(|rest| rest.starts_with('/'));
    if !personal.iter().any(inside) {
        return write_json(out, value);
    }
    match value {
        Value::Array(items) => write_array(out, items.iter().enumerate(), |out, (i, item)| {
            write_payload(out, &format!("{pointer}/{i}"), item, personal);
        }),
        Value::Object(members) => write_members(out, members, |out, name, item| {
            write_payload(out, &child(pointer, name), item, personal);
        }),
        scalar => write_json(out, scalar),
    }
}
