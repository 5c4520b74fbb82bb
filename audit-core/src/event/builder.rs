//! The open form of an event.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::action::{ALERT_TAG, Action, SECURITY_TAG};
use super::actor::Actor;
use super::failure::ErrorInfo;
use super::fields::{Event, Fields};
use super::payload::payload;
use super::request::{RequestInfo, Source};
use super::resource::{Change, Resource};
use super::short::Short;
use super::text::{MAX_ID, MAX_ITEMS, MAX_MESSAGE, MAX_NAME, MAX_WORD, line, paragraph};
use super::verdict::Verdict;
use super::words::{Outcome, Sensitivity, Severity};

/// An event that is still being filled in; made by [`Event::builder`].
///
/// Setters are named as the members of the format. Texts are scrubbed of control characters and cut at
/// their limits as they are set, payloads are scrubbed, and `truncated` names those; all else is checked
/// by [`build`](Self::build).
#[must_use = "an event is recorded by handing it to a recorder"]
#[derive(Debug, Clone)]
pub struct EventBuilder {
    pub(crate) fields: Box<Fields>,
}

impl Event {
    /// Begins an event of an action: its name, dotted and lower-case as in `invoice.approve`, an [`Action`],
    /// or a value of an enum with `#[derive(AuditAction)]`. The event says what the action says, and setters
    /// called on the builder overrule that.
    pub fn builder(action: impl Into<Action>) -> EventBuilder {
        EventBuilder::new(action)
    }
}

impl EventBuilder {
    pub(crate) fn new(action: impl Into<Action>) -> Self {
        let action = action.into();
        // In its place from the beginning: it is too large to be moved there.
        let mut event = Self { fields: Box::default() }.of_action(&action);
        event.fields.action = action.name;
        event
    }

    /// Says what its action says, as far as it does not say that itself.
    pub(crate) fn of_action(mut self, action: &Action) -> Self {
        let fields = &mut *self.fields;
        fields.severity = fields.severity.or(action.severity);
        fields.sensitivity = fields.sensitivity.or(action.sensitivity);
        if let (None, Some(category)) = (&fields.category, action.category) {
            self = self.category(category);
        }
        if action.alert {
            self = self.tag(ALERT_TAG);
        }
        if action.security { self.tag(SECURITY_TAG) } else { self }
    }

    /// An event of the log's own, about what was done to it or around it.
    pub(crate) fn of_the_log(name: &'static str) -> Self {
        let fields = Fields { action: name.into(), is_checked: true, ..Fields::default() };
        Self { fields: Box::new(fields) }
    }

    /// The event's id, where the caller has one (a UUIDv7, so that ids sort by time). Two events with one
    /// id are a conflict, also where they say the same (each has its own nonce): the second is kept aside,
    /// and an event of the log's own says so.
    pub fn id(mut self, id: Uuid) -> Self {
        self.fields.id = Some(id);
        self
    }

    /// When it happened; by default, when it is begun or recorded. Kept to the microsecond.
    pub fn occurred_at(mut self, at: DateTime<Utc>) -> Self {
        self.fields.occurred_at = Some(at);
        self
    }

    /// The event within which this one happened.
    pub fn parent_id(mut self, parent: Uuid) -> Self {
        self.fields.parent_id = Some(parent);
        self
    }

    /// Marks the event as one that was in the log of another system before, and names that system and the event's id there.
    pub fn imported(mut self, from: impl Into<String>, id: impl Into<String>) -> Self {
        let altered = &mut self.fields.altered;
        let from = line(from, MAX_WORD, "/imported/from", altered);
        let id = line(id, MAX_ID, "/imported/id", altered);
        self.fields.imported = Some((from, id));
        self
    }

    /// A coarse group of actions: `security`, `workflow`.
    pub fn category(mut self, category: impl Into<String>) -> Self {
        let altered = &mut self.fields.altered;
        self.fields.category = Some(line(category, MAX_WORD, "/category", altered));
        self
    }

    /// How serious it is for those who operate the system.
    pub fn severity(mut self, severity: Severity) -> Self {
        self.fields.severity = Some(severity);
        self
    }

    /// How serious it is at least: what was said to be more serious stays so.
    pub fn at_least(mut self, severity: Severity) -> Self {
        self.fields.severity = self.fields.severity.max(Some(severity));
        self
    }

    /// How delicate it is.
    pub fn sensitivity(mut self, sensitivity: Sensitivity) -> Self {
        self.fields.sensitivity = Some(sensitivity);
        self
    }

    /// A sentence for people. Personal.
    pub fn message(mut self, message: impl Into<String>) -> Self {
        let altered = &mut self.fields.altered;
        self.fields.message = Some(paragraph(message, MAX_MESSAGE, "/message", altered));
        self
    }

    /// Why it was done: a ticket, a justification.
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        let altered = &mut self.fields.altered;
        self.fields.reason = Some(paragraph(reason, MAX_MESSAGE, "/reason", altered));
        self
    }

    /// Adds a tag; one that is there already is not doubled.
    pub fn tag(mut self, tag: impl Into<String>) -> Self {
        let fields = &mut self.fields;
        let tag = line(tag, MAX_WORD, "/tags", &mut fields.altered);
        if fields.tags.contains(&tag) {
            return self;
        }
        if fields.tags.len() < MAX_ITEMS {
            fields.tags.push(tag);
            return self;
        }
        self.altered("/tags")
    }

    /// Takes a tag away, if it is there.
    pub fn remove_tag(mut self, tag: &str) -> Self {
        self.fields.tags.retain(|there| there != tag);
        self
    }

    /// Whether it has a tag.
    #[must_use]
    pub fn has_tag(&self, tag: &str) -> bool {
        self.fields.has_tag(tag)
    }

    /// Sets a label: a short name with a short text, for what is looked up often.
    pub fn label(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let fields = &mut self.fields;
        let name = line(name, MAX_WORD, "/labels", &mut fields.altered);
        let value = line(value, MAX_NAME, "/labels", &mut fields.altered);
        if fields.labels.len() < MAX_ITEMS || fields.labels.contains_key(&name) {
            fields.labels.insert(name, value);
            return self;
        }
        self.altered("/labels")
    }

    /// Sets a member of the free metadata.
    pub fn metadata(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        let value = payload(value, "/metadata", &mut self.fields.altered);
        self.fields.metadata.insert(name.into(), value);
        self
    }

    /// How it ended.
    pub fn outcome(mut self, outcome: Outcome) -> Self {
        self.fields.outcome = Some(outcome);
        self
    }

    /// How it ended, and what went wrong, as a returned value says. A denial that was told before stands.
    pub(crate) fn judged(mut self, verdict: Verdict) -> Self {
        if self.fields.outcome != Some(Outcome::Denied) {
            self.fields.outcome = Some(verdict.outcome);
        }
        self.fields.error = verdict.error;
        self
    }

    /// What went wrong.
    pub fn error(mut self, error: ErrorInfo) -> Self {
        self.fields.error = Some(error);
        self
    }

    /// How long it took; kept in microseconds.
    pub fn duration(mut self, duration: Duration) -> Self {
        self.fields.duration_us = Some(duration.as_micros().try_into().unwrap_or(u64::MAX));
        self
    }

    /// The status that the request was answered with.
    pub fn status(mut self, status: u16) -> Self {
        self.fields.status = Some(status);
        self
    }

    /// Who did it.
    pub fn actor(mut self, actor: impl Into<Arc<Actor>>) -> Self {
        self.fields.actor = Some(actor.into());
        self
    }

    /// The tenant that it belongs to.
    pub fn tenant(mut self, tenant: impl Into<String>) -> Self {
        let altered = &mut self.fields.altered;
        self.fields.tenant = Some(line(tenant, MAX_ID, "/tenant", altered));
        self
    }

    /// Facts of the request behind it.
    pub fn request(mut self, request: RequestInfo) -> Self {
        self.fields.request = Some(Arc::new(request));
        self
    }

    /// The program that it comes from.
    pub fn source(mut self, source: impl Into<Arc<Source>>) -> Self {
        self.fields.source = Some(source.into());
        self
    }

    /// The workflow or job that it is a step of.
    pub fn operation_id(mut self, operation: impl Into<String>) -> Self {
        let altered = &mut self.fields.altered;
        self.fields.operation_id = Some(line(operation, MAX_ID, "/operation_id", altered));
        self
    }

    /// What was acted on: type and id.
    pub fn resource(self, kind: impl Into<String>, id: impl Into<String>) -> Self {
        self.on(Resource::new(kind, id))
    }

    /// What was acted on, with more than type and id.
    pub fn on(mut self, resource: Resource) -> Self {
        self.fields.resource = Some(resource);
        self
    }

    /// Sets the id of the resource whose type is already named.
    pub(crate) fn resource_id(mut self, id: Short) -> Self {
        if let Some(resource) = &mut self.fields.resource {
            resource.set_id(id);
        }
        self
    }

    /// Says what the resource is part of whose type is already named.
    pub(crate) fn resource_parent(mut self, kind: &'static str, id: String) -> Self {
        self.fields.resource = self.fields.resource.map(|resource| resource.parent(kind, id));
        self
    }

    /// What a bulk operation acted on.
    pub fn resources(mut self, resources: impl IntoIterator<Item = Resource>) -> Self {
        self.fields.resources.extend(resources);
        self
    }

    /// The resource's state before.
    pub fn before(mut self, before: impl Into<Value>) -> Self {
        let altered = &mut self.fields.altered;
        self.fields.before = Some(payload(before, "/before", altered));
        self
    }

    /// The resource's state after.
    pub fn after(mut self, after: impl Into<Value>) -> Self {
        let altered = &mut self.fields.altered;
        self.fields.after = Some(payload(after, "/after", altered));
        self
    }

    /// Adds one changed place.
    pub fn change(mut self, change: Change) -> Self {
        let altered = &mut self.fields.altered;
        let Change { path, before, after } = change;
        let mut side =
            |value: Option<Value>| value.map(|value| payload(value, "/changes", altered));
        let (before, after) = (side(before), side(after));
        let path = line(path, MAX_ID, "/changes", altered);
        self.fields.changes.push(Change { path, before, after });
        self
    }

    /// The retention class, and with it the log, that the event goes to; by default `standard`.
    pub fn retention(mut self, class: impl Into<Cow<'static, str>>) -> Self {
        self.fields.retention = Some(class.into());
        self
    }

    /// Marks the event as not for everybody who may read the log.
    pub fn is_sensitive(mut self, sensitive: bool) -> Self {
        self.fields.is_sensitive = sensitive;
        self
    }

    /// Marks the event as one that an auditor will ask for.
    pub fn is_compliance_relevant(mut self, relevant: bool) -> Self {
        self.fields.is_compliance_relevant = relevant;
        self
    }

    /// Marks a value inside `metadata`, `before`, `after` or `changes` as personal, by its JSON pointer
    /// in the event (`/before/iban`): its place in the bytes takes a salted commitment, and the value
    /// itself can be erased. A pointer to nothing is passed over, one to a place that
    /// cannot be personal is refused.
    pub fn personal(mut self, pointer: impl Into<String>) -> Self {
        self.fields.personal.push(pointer.into());
        self
    }

    /// Notes that the value at a pointer was taken out before it came here.
    pub fn redacted(mut self, pointer: impl Into<String>) -> Self {
        let altered = &mut self.fields.altered;
        let pointer = line(pointer, MAX_ID, "/redacted", altered);
        self.fields.redacted.push(pointer);
        self
    }

    pub(crate) fn altered(mut self, pointer: &'static str) -> Self {
        if !self.fields.altered.contains(&pointer) {
            self.fields.altered.push(pointer);
        }
        self
    }
}
