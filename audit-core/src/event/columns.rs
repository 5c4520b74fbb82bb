//! What a store keeps beside the bytes so that they can be found: always derived from the bytes.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::{Error as _, IgnoredAny};
use uuid::Uuid;

use super::FORMAT_VERSION;
use super::encode::BEGUN;
use super::fields::Event;
use super::outline::Text;
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
    /// What else it can be found by, and the action once more beside it, each once, sorted.
    pub terms: Vec<Term>,
}

#[derive(Deserialize)]
struct Wire<'a> {
    id: Uuid,
    occurred_at: DateTime<Utc>,
    #[serde(borrow)]
    action: Text<'a>,
    #[serde(borrow)]
    actor: Option<WireActor<'a>>,
    #[serde(borrow)]
    resource: Option<WireResource<'a>>,
    #[serde(borrow)]
    outcome: Option<Text<'a>>,
    #[serde(borrow)]
    severity: Option<Text<'a>>,
    #[serde(borrow)]
    category: Option<Text<'a>>,
    #[serde(borrow)]
    tenant: Option<Text<'a>>,
    #[serde(borrow)]
    operation_id: Option<Text<'a>>,
    #[serde(default)]
    is_compliance_relevant: bool,
    #[serde(borrow, default)]
    request: WireRequest<'a>,
    #[serde(borrow, default)]
    resources: Vec<WireResource<'a>>,
    #[serde(borrow, default)]
    labels: BTreeMap<Text<'a>, Text<'a>>,
    #[serde(borrow, default)]
    tags: Vec<Text<'a>>,
    v: u32,
    #[serde(borrow)]
    stage: Text<'a>,
    begun_id: Option<Uuid>,
    // These say nothing to a search, but no event is without them.
    #[serde(rename = "nonce")]
    _nonce: IgnoredAny,
    #[serde(rename = "producer")]
    _producer: IgnoredAny,
}

#[derive(Deserialize)]
struct WireActor<'a> {
    #[serde(borrow)]
    id: Text<'a>,
}

#[derive(Deserialize)]
struct WireResource<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    parent: Option<WireParent<'a>>,
}

#[derive(Deserialize)]
struct WireParent<'a> {
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow)]
    id: Text<'a>,
}

#[derive(Deserialize, Default)]
struct WireRequest<'a> {
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    session: Option<Text<'a>>,
    #[serde(borrow)]
    correlation_id: Option<Text<'a>>,
    #[serde(borrow)]
    trace_id: Option<Text<'a>>,
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
            resource_id: resource.and_then(|resource| resource.id.clone()).map(String::from),
            terms: terms_of_event(event),
        }
    }

    /// Reads the searchable members of an event; members that it does not know are passed over.
    ///
    /// # Errors
    /// The bytes are not JSON, lack a member that every event has, or are not of format version 1.
    pub fn of(canon: &[u8]) -> Result<Self, serde_json::Error> {
        // Once for all texts in it, of which each would be looked at by itself.
        let text = str::from_utf8(canon).map_err(serde_json::Error::custom)?;
        let wire: Wire<'_> = serde_json::from_str(text)?;
        if wire.v != FORMAT_VERSION {
            let v = wire.v;
            return Err(serde_json::Error::custom(format!("the format version is {v}, not 1")));
        }
        let terms = terms_of(&wire);
        let (resource_type, resource_id) = match wire.resource {
            Some(WireResource { kind, id, .. }) => (Some(owned(kind)), id.map(owned)),
            None => (None, None),
        };
        Ok(Self {
            event_id: wire.id,
            occurred_at: to_micros(wire.occurred_at),
            action: owned(wire.action),
            actor: wire.actor.map(|actor| owned(actor.id)),
            resource_type,
            resource_id,
            terms,
        })
    }
}

fn owned(Text(text): Text<'_>) -> String {
    text.into_owned()
}

fn text<'a>(text: &'a Option<Text<'_>>) -> Option<&'a str> {
    text.as_ref().map(|Text(text)| &**text)
}

fn terms_of(wire: &Wire<'_>) -> Vec<Term> {
    let mut terms = Terms::default();
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
    let mut terms = Terms::default();
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
