//! What a store keeps beside the bytes so that they can be found: always derived from the bytes.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::encode::BEGUN;
use super::fields::Event;
use super::outline::Text;
use super::request::RequestInfo;
use super::terms::{Term, Terms};
use super::wire::{Wire, WireResource};
use super::words::{Outcome, Severity};

/// The stage of an event that completes another, as a term: most complete none.
pub(crate) const COMPLETING: &str = "completing";

/// The searchable members of an event, read back from its canonical bytes.
///
/// They are an index over the bytes and nothing else: a store derives them when it inserts, and
/// verification derives them again and compares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns {
    /// `id`
    pub event_id: Uuid,
    /// `occurred_at`
    pub occurred_at: DateTime<Utc>,
    /// `action`
    pub action: String,
    /// `actor.id`
    pub actor: Option<String>,
    /// `resource.type`
    pub resource_type: Option<String>,
    /// `resource.id`
    pub resource_id: Option<String>,
    /// What else it can be found by, and the action once more beside it, each once, sorted.
    pub terms: Vec<Term>,
}

impl Columns {
    /// What an index of terms has of the entry: its terms, and those of what has a column of its own besides, each once.
    ///
    /// The action is among the terms; actor and resource are `SHA-256("actor" || 0x00 || ..)` and a pair `resource`.
    pub fn keys(&self) -> impl Iterator<Item = Term> {
        let actor = self.actor.as_deref().map(Term::of_actor);
        let resource = self.resource_type.as_deref().zip(self.resource_id.as_deref());
        let resource = resource.map(|(kind, id)| Term::of_resource(kind, id));
        self.terms.iter().copied().chain(actor).chain(resource)
    }

    /// The searchable members of an event that has not been written yet; [`Columns::of`] its canonical
    /// bytes is the same.
    pub(crate) fn of_event(event: &Event) -> Self {
        let resource = event.fields.resource.as_ref();
        Self {
            event_id: event.id,
            occurred_at: event.occurred_at,
            action: event.fields.action.to_string(),
            actor: event.fields.actor.as_ref().map(|actor| actor.id.clone()),
            resource_type: resource.map(|resource| resource.kind.clone().into_owned()),
            resource_id: resource.and_then(|resource| resource.id.clone()).map(String::from),
            terms: terms_of_event(event),
        }
    }

    /// Reads the searchable members of an event; members that it does not know are passed over.
    ///
    /// # Errors
    /// The bytes are not JSON, lack a member that every event has, or are not of format version 1.
    pub fn of(canon: &[u8]) -> Result<Self, serde_json::Error> {
        let wire = Wire::of(canon)?;
        let (occurred_at, terms) = (wire.occurred_at(), terms_of(&wire));
        let (resource_type, resource_id) = match wire.resource {
            Some(WireResource { kind, id, .. }) => (Some(owned(kind)), id.map(owned)),
            None => (None, None),
        };
        Ok(Self {
            event_id: wire.id,
            occurred_at,
            action: owned(wire.action),
            actor: wire.actor.map(|actor| owned(actor.id)),
            resource_type,
            resource_id,
            terms,
        })
    }

    /// The names of those that are not what the bytes say.
    pub(crate) fn differing(&self, wire: &Wire<'_>) -> Vec<&'static str> {
        // Taken apart, so that a new column cannot be forgotten here.
        let Self { event_id, occurred_at, action, actor, resource_type, resource_id, terms } = self;
        let resource = wire.resource.as_ref();
        let is_right = [
            ("event_id", *event_id == wire.id),
            ("occurred_at", *occurred_at == wire.occurred_at()),
            ("action", *action == wire.action.0),
            ("actor", actor.as_deref() == wire.actor.as_ref().map(|actor| &*actor.id.0)),
            ("resource_type", resource_type.as_deref() == resource.map(|of| &*of.kind.0)),
            ("resource_id", resource_id.as_deref() == resource.and_then(|of| text(&of.id))),
            ("terms", *terms == terms_of(wire)),
        ];
        is_right.into_iter().filter(|(_, right)| !right).map(|(name, _)| name).collect()
    }
}

fn owned(Text(text): Text<'_>) -> String {
    text.into_owned()
}

fn text<'a>(text: &'a Option<Text<'_>>) -> Option<&'a str> {
    text.as_ref().map(|Text(text)| &**text)
}

fn terms_of(wire: &Wire<'_>) -> Vec<Term> {
    let mut terms = Terms::new();
    terms.value("action", Some(&wire.action.0));
    terms.value("outcome", text(&wire.outcome));
    terms.value("severity", text(&wire.severity));
    terms.value("category", text(&wire.category));
    terms.value("tenant", text(&wire.tenant));
    terms.value("operation_id", text(&wire.operation_id));
    terms.value("stage", Some(&*wire.stage.0).filter(|stage| *stage == BEGUN));
    terms.value("stage", wire.begun_id.map(|_| COMPLETING));
    terms.value("begun_id", wire.begun_id.map(|id| id.to_string()).as_deref());
    terms.value("is_compliance_relevant", wire.is_compliance_relevant.then_some("true"));
    terms.value("request.id", text(&wire.request.id));
    terms.value("request.session", text(&wire.request.session));
    terms.value("request.correlation_id", text(&wire.request.correlation_id));
    terms.value("request.trace_id", text(&wire.request.trace_id));
    if let Some(resource) = &wire.resource {
        terms.value("resource.type", Some(&resource.kind.0));
        if let Some(parent) = &resource.parent {
            terms.pair("resource.parent", &parent.kind.0, &parent.id.0);
        }
    }
    for resource in &wire.resources {
        if let Some(id) = &resource.id {
            terms.pair("resources", &resource.kind.0, &id.0);
        }
    }
    for (name, text) in &wire.labels {
        terms.pair("label", &name.0, &text.0);
    }
    for tag in &wire.tags {
        terms.value("tag", Some(&tag.0));
    }
    terms.into_sorted()
}

fn terms_of_event(event: &Event) -> Vec<Term> {
    let fields = &event.fields;
    let mut terms = Terms::new();
    terms.value("action", Some(&fields.action));
    terms.value("outcome", fields.outcome.map(Outcome::as_str));
    terms.value("severity", fields.severity.map(Severity::as_str));
    terms.value("category", fields.category.as_deref());
    terms.value("tenant", fields.tenant.as_deref());
    terms.value("operation_id", fields.operation_id.as_deref());
    terms.value("stage", fields.is_begun.then_some(BEGUN));
    terms.value("stage", fields.begun_id.map(|_| COMPLETING));
    terms.value("begun_id", fields.begun_id.map(|id| id.to_string()).as_deref());
    terms.value("is_compliance_relevant", fields.is_compliance_relevant.then_some("true"));
    if let Some(request) = fields.request().map(RequestInfo::facts) {
        terms.value("request.id", request.id());
        terms.value("request.session", request.session());
        terms.value("request.correlation_id", request.correlation_id());
        terms.value("request.trace_id", request.trace_id());
    }
    if let Some(resource) = &fields.resource {
        terms.value("resource.type", Some(&resource.kind));
        if let Some((kind, id)) = &resource.parent {
            terms.pair("resource.parent", kind, id);
        }
    }
    for resource in &fields.resources {
        if let Some(id) = &resource.id {
            terms.pair("resources", &resource.kind, id);
        }
    }
    for (name, text) in &fields.labels {
        terms.pair("label", name, text);
    }
    for tag in &fields.tags {
        terms.value("tag", Some(tag));
    }
    terms.into_sorted()
}
