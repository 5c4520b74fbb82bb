//! What a store keeps beside the bytes so that they can be found: always derived from the bytes.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::{Error as _, IgnoredAny};
use uuid::Uuid;

use super::FORMAT_VERSION;
use super::encode::BEGUN;
use super::fields::Event;
use super::request::RequestInfo;
use super::terms::{Term, Terms};
use super::words::{Outcome, Severity};
use crate::clock::to_micros;

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
    /// What else it can be found by, each once, sorted.
    pub terms: Vec<Term>,
}

#[derive(Deserialize)]
struct Wire {
    id: Uuid,
    occurred_at: DateTime<Utc>,
    action: String,
    actor: Option<WireActor>,
    resource: Option<WireResource>,
    outcome: Option<String>,
    severity: Option<String>,
    category: Option<String>,
    tenant: Option<String>,
    operation_id: Option<String>,
    #[serde(default)]
    is_compliance_relevant: bool,
    #[serde(default)]
    request: WireRequest,
    #[serde(default)]
    resources: Vec<WireResource>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    tags: Vec<String>,
    v: u32,
    stage: String,
    begun_id: Option<Uuid>,
    // These say nothing to a search, but no event is without them.
    #[serde(rename = "nonce")]
    _nonce: IgnoredAny,
    #[serde(rename = "producer")]
    _producer: IgnoredAny,
}

#[derive(Deserialize)]
struct WireActor {
    id: String,
}

#[derive(Deserialize)]
struct WireResource {
    #[serde(rename = "type")]
    kind: String,
    id: Option<String>,
    parent: Option<WireParent>,
}

#[derive(Deserialize)]
struct WireParent {
    #[serde(rename = "type")]
    kind: String,
    id: String,
}

#[derive(Deserialize, Default)]
struct WireRequest {
    id: Option<String>,
    session: Option<String>,
    correlation_id: Option<String>,
    trace_id: Option<String>,
}

impl Columns {
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
            resource_id: resource.and_then(|resource| resource.id.clone()),
            terms: terms_of_event(event),
        }
    }

    /// Reads the searchable members of an event; members that it does not know are passed over.
    ///
    /// # Errors
    /// The bytes are not JSON, lack a member that every event has, or are not of format version 1.
    pub fn of(canon: &[u8]) -> Result<Self, serde_json::Error> {
        let wire: Wire = serde_json::from_slice(canon)?;
        if wire.v != FORMAT_VERSION {
            let v = wire.v;
            return Err(serde_json::Error::custom(format!("the format version is {v}, not 1")));
        }
        let terms = terms_of(&wire);
        let (resource_type, resource_id) = match wire.resource {
            Some(resource) => (Some(resource.kind), resource.id),
            None => (None, None),
        };
        Ok(Self {
            event_id: wire.id,
            occurred_at: to_micros(wire.occurred_at),
            action: wire.action,
            actor: wire.actor.map(|actor| actor.id),
            resource_type,
            resource_id,
            terms,
        })
    }
}

fn terms_of(wire: &Wire) -> Vec<Term> {
    let mut terms = Terms::default();
    terms.value("outcome", wire.outcome.as_deref());
    terms.value("severity", wire.severity.as_deref());
    terms.value("category", wire.category.as_deref());
    terms.value("tenant", wire.tenant.as_deref());
    terms.value("operation_id", wire.operation_id.as_deref());
    terms.value("stage", Some(&*wire.stage).filter(|stage| *stage == BEGUN));
    terms.value("stage", wire.begun_id.map(|_| COMPLETING));
    terms.value("begun_id", wire.begun_id.map(|id| id.to_string()).as_deref());
    terms.value("is_compliance_relevant", wire.is_compliance_relevant.then_some("true"));
    terms.value("request.id", wire.request.id.as_deref());
    terms.value("request.session", wire.request.session.as_deref());
    terms.value("request.correlation_id", wire.request.correlation_id.as_deref());
    terms.value("request.trace_id", wire.request.trace_id.as_deref());
    if let Some(resource) = &wire.resource {
        terms.value("resource.type", Some(&resource.kind));
        if let Some(parent) = &resource.parent {
            terms.pair("resource.parent", &parent.kind, &parent.id);
        }
    }
    for resource in &wire.resources {
        if let Some(id) = &resource.id {
            terms.pair("resources", &resource.kind, id);
        }
    }
    for (name, text) in &wire.labels {
        terms.pair("label", name, text);
    }
    for tag in &wire.tags {
        terms.value("tag", Some(tag));
    }
    terms.into_sorted()
}

fn terms_of_event(event: &Event) -> Vec<Term> {
    let fields = &event.fields;
    let mut terms = Terms::default();
    terms.value("outcome", fields.outcome.map(Outcome::as_str));
    terms.value("severity", fields.severity.map(Severity::as_str));
    terms.value("category", fields.category.as_deref());
    terms.value("tenant", fields.tenant.as_deref());
    terms.value("operation_id", fields.operation_id.as_deref());
    terms.value("stage", fields.is_begun.then_some(BEGUN));
    terms.value("stage", fields.begun_id.map(|_| COMPLETING));
    terms.value("begun_id", fields.begun_id.map(|id| id.to_string()).as_deref());
    terms.value("is_compliance_relevant", fields.is_compliance_relevant.then_some("true"));
    if let Some(request) = fields.request.as_ref().map(RequestInfo::facts) {
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
