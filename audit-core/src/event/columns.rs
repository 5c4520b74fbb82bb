//! What a store keeps beside the bytes so that they can be found: always derived from the bytes.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::{Error as _, IgnoredAny};
use uuid::Uuid;

use super::FORMAT_VERSION;
use super::fields::Event;
use super::words::Outcome;
use crate::clock::to_micros;

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
    /// `outcome`
    pub outcome: Option<Outcome>,
}

#[derive(Deserialize)]
struct Wire {
    id: Uuid,
    occurred_at: DateTime<Utc>,
    action: String,
    actor: Option<WireActor>,
    resource: Option<WireResource>,
    outcome: Option<String>,
    v: u32,
    // These say nothing to a search, but no event is without them.
    #[serde(rename = "nonce")]
    _nonce: IgnoredAny,
    #[serde(rename = "producer")]
    _producer: IgnoredAny,
    #[serde(rename = "stage")]
    _stage: IgnoredAny,
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
            resource_type: resource.map(|resource| resource.kind.clone()),
            resource_id: resource.and_then(|resource| resource.id.clone()),
            outcome: event.fields.outcome,
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
        let outcome = wire.outcome.as_deref().map(str::parse).transpose();
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
            outcome: outcome.map_err(serde_json::Error::custom)?,
        })
    }
}
