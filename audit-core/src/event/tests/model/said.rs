//! A generated event, said by the builder's setters.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use super::items;
use crate::event::{Actor, Change, ErrorInfo, Event, EventBuilder, RequestInfo, Resource, Source};

fn text(model: &Value, name: &str) -> Option<String> {
    model.get(name).and_then(Value::as_str).map(str::to_owned)
}

/// Applies a setter if there is something to set.
fn set<B, T>(builder: B, value: Option<T>, setter: impl FnOnce(B, T) -> B) -> B {
    match value {
        Some(value) => setter(builder, value),
        None => builder,
    }
}

/// The builder by which a user would say this.
pub(crate) fn builder(model: &Value) -> EventBuilder {
    let word = |name: &str| text(model, name);
    let event = Event::builder(word("action").unwrap());
    let event = event
        .id(word("id").unwrap().parse().unwrap())
        .occurred_at(word("occurred_at").unwrap().parse().unwrap());
    let mut event = set(event, word("parent_id"), |event, id| event.parent_id(id.parse().unwrap()));
    event.fields.begun_id = word("begun_id").map(|id| id.parse().unwrap());
    event.fields.is_begun = word("stage").unwrap() == "begun";
    let event = set(event, model.get("imported"), |event, imported| {
        event.imported(text(imported, "from").unwrap(), text(imported, "id").unwrap())
    });
    let event = set(event, word("category"), EventBuilder::category);
    let event = set(event, word("severity"), |event, word| event.severity(word.parse().unwrap()));
    let event =
        set(event, word("sensitivity"), |event, word| event.sensitivity(word.parse().unwrap()));
    let event = set(event, word("message"), EventBuilder::message);
    let event = set(event, word("reason"), EventBuilder::reason);
    let event = items(model, "tags").fold(event, |event, tag| event.tag(tag.as_str().unwrap()));
    let pairs = |name: &str| model.get(name).and_then(Value::as_object).into_iter().flatten();
    let event = pairs("labels")
        .fold(event, |event, (name, value)| event.label(name, value.as_str().unwrap()));
    let event =
        pairs("metadata").fold(event, |event, (name, value)| event.metadata(name, value.clone()));
    let event = set(event, word("outcome"), |event, word| event.outcome(word.parse().unwrap()));
    let event = set(event, model.get("error"), |event, error| event.error(error_of(error)));
    let event = set(event, model.get("duration_us").and_then(Value::as_u64), |event, micros| {
        event.duration(Duration::from_micros(micros))
    });
    let status = model.pointer("/request/status").and_then(Value::as_u64);
    let event = set(event, status, |event, status| event.status(status.try_into().unwrap()));
    let event = set(event, model.get("actor"), |event, actor| event.actor(actor_of(actor)));
    let event = set(event, word("tenant"), EventBuilder::tenant);
    let event =
        set(event, model.get("request"), |event, request| event.request(request_of(request)));
    let event = set(event, model.get("source"), |event, source| event.source(source_of(source)));
    let event = set(event, word("operation_id"), EventBuilder::operation_id);
    let event =
        set(event, model.get("resource"), |event, resource| event.on(resource_of(resource)));
    let event = event.resources(items(model, "resources").map(resource_of));
    let event = set(event, model.get("before"), |event, value| event.before(value.clone()));
    let event = set(event, model.get("after"), |event, value| event.after(value.clone()));
    let event = items(model, "changes").fold(event, |event, change| {
        let side = |name| change.get(name).cloned();
        event.change(Change {
            path: text(change, "path").unwrap(),
            before: side("before"),
            after: side("after"),
        })
    });
    let event = set(event, word("retention"), EventBuilder::retention);
    let event = event.is_sensitive(model.get("is_sensitive").is_some());
    let event = event.is_compliance_relevant(model.get("is_compliance_relevant").is_some());
    let event = items(model, "redacted")
        .fold(event, |event, pointer| event.redacted(pointer.as_str().unwrap()));
    items(model, "personal").fold(event, |event, pointer| event.personal(pointer.as_str().unwrap()))
}

fn error_of(model: &Value) -> ErrorInfo {
    let error = text(model, "message").map_or_else(ErrorInfo::untold, ErrorInfo::new);
    let error = set(error, text(model, "code"), ErrorInfo::code);
    let error = set(error, text(model, "kind"), ErrorInfo::kind);
    set(error, text(model, "stack"), ErrorInfo::stack)
}

fn actor_of(model: &Value) -> Arc<Actor> {
    let of = |model: &Value| {
        Actor::new(text(model, "kind").unwrap().parse().unwrap(), text(model, "id").unwrap())
    };
    let actor = set(of(model), text(model, "name"), Actor::name);
    let actor = set(actor, text(model, "email"), Actor::email);
    let actor = items(model, "roles").fold(actor, |actor, role| actor.role(role.as_str().unwrap()));
    let actor = set(actor, model.get("credential"), |actor, credential| {
        actor.credential(text(credential, "kind").unwrap(), text(credential, "id").unwrap())
    });
    Arc::new(items(model, "on_behalf_of").fold(actor, |actor, principal| {
        actor.on_behalf_of(set(of(principal), text(principal, "name"), Actor::name))
    }))
}

fn request_of(model: &Value) -> RequestInfo {
    let word = |name: &str| text(model, name);
    let request = set(RequestInfo::new(), word("id"), RequestInfo::id);
    let request = set(request, word("correlation_id"), RequestInfo::correlation_id);
    let request = set(request, word("trace_id"), RequestInfo::trace_id);
    let request = set(request, word("span_id"), RequestInfo::span_id);
    let request = set(request, word("session"), RequestInfo::session);
    let request = set(request, word("ip"), |request, ip| request.ip(ip.parse().unwrap()));
    let request = set(request, word("user_agent"), RequestInfo::user_agent);
    let request = set(request, word("method"), RequestInfo::method);
    let request = set(request, word("peer"), RequestInfo::peer);
    let request = set(request, word("route"), RequestInfo::route);
    set(request, word("host"), RequestInfo::host)
}

fn source_of(model: &Value) -> Arc<Source> {
    let source = Source::new(text(model, "system").unwrap().parse().unwrap());
    let source = set(source, text(model, "service"), Source::service);
    let source = set(source, text(model, "version"), Source::version);
    Arc::new(set(source, text(model, "instance"), Source::instance))
}

fn resource_of(model: &Value) -> Resource {
    let kind = text(model, "type").unwrap();
    let resource = match text(model, "id") {
        Some(id) => Resource::new(kind, id),
        None => Resource::of_type(kind),
    };
    let resource = set(resource, text(model, "name"), Resource::name);
    set(resource, model.get("parent"), |resource, parent| {
        resource.parent(text(parent, "type").unwrap(), text(parent, "id").unwrap())
    })
}
