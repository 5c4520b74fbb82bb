//! An event as its bytes say it, read without copying them: what it can be found by, who wrote it, and what stands where personal values mostly are.

use std::borrow::Cow;
use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::{Error as _, IgnoredAny};
use uuid::Uuid;

use super::FORMAT_VERSION;
use super::openings::Opening;
use super::outline::{Outline, Text, unescaped};
use crate::clock::to_micros;

/// An event of format version 1; members that are not here are passed over.
#[derive(Debug, Deserialize)]
pub(crate) struct Wire<'a> {
    /// The bytes.
    #[serde(skip)]
    canon: &'a [u8],
    pub(super) id: Uuid,
    occurred_at: DateTime<Utc>,
    #[serde(borrow)]
    pub(crate) action: Text<'a>,
    #[serde(borrow)]
    pub(super) actor: Option<WireActor<'a>>,
    #[serde(borrow)]
    pub(super) resource: Option<WireResource<'a>>,
    #[serde(borrow)]
    pub(super) outcome: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) severity: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) category: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) tenant: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) operation_id: Option<Text<'a>>,
    #[serde(default)]
    pub(super) is_compliance_relevant: bool,
    #[serde(borrow, default)]
    pub(super) request: WireRequest<'a>,
    #[serde(borrow, default)]
    pub(super) resources: Vec<WireResource<'a>>,
    #[serde(borrow, default)]
    pub(super) labels: BTreeMap<Text<'a>, Text<'a>>,
    #[serde(borrow, default)]
    pub(super) tags: Vec<Text<'a>>,
    v: u32,
    #[serde(borrow)]
    pub(super) stage: Text<'a>,
    pub(super) begun_id: Option<Uuid>,
    #[serde(borrow)]
    pub(crate) producer: Outline<'a>,
    #[serde(borrow)]
    message: Option<Outline<'a>>,
    #[serde(borrow)]
    personal: Option<Outline<'a>>,
    // It says nothing, but no event is without it.
    #[serde(rename = "nonce")]
    _nonce: IgnoredAny,
}

#[derive(Debug, Deserialize)]
pub(super) struct WireActor<'a> {
    #[serde(borrow)]
    pub(super) id: Text<'a>,
    #[serde(borrow)]
    name: Option<Outline<'a>>,
    #[serde(borrow)]
    email: Option<Outline<'a>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct WireResource<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Text<'a>,
    #[serde(borrow)]
    pub(super) id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) parent: Option<WireParent<'a>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct WireParent<'a> {
    #[serde(borrow, rename = "type")]
    pub(super) kind: Text<'a>,
    #[serde(borrow)]
    pub(super) id: Text<'a>,
}

#[derive(Debug, Deserialize, Default)]
pub(super) struct WireRequest<'a> {
    #[serde(borrow)]
    pub(super) id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) session: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) correlation_id: Option<Text<'a>>,
    #[serde(borrow)]
    pub(super) trace_id: Option<Text<'a>>,
    #[serde(borrow)]
    ip: Option<Outline<'a>>,
    #[serde(borrow)]
    peer: Option<Outline<'a>>,
    #[serde(borrow)]
    user_agent: Option<Outline<'a>>,
}

impl<'a> Wire<'a> {
    /// Reads an event.
    ///
    /// # Errors
    /// The bytes are not JSON, lack a member that every event has, or are not of format version 1.
    pub(crate) fn of(canon: &'a [u8]) -> Result<Self, serde_json::Error> {
        // Once for all texts in it, of which each would be looked at by itself.
        let text = str::from_utf8(canon).map_err(serde_json::Error::custom)?;
        let wire: Self = serde_json::from_str(text)?;
        if wire.v != FORMAT_VERSION {
            let v = wire.v;
            return Err(serde_json::Error::custom(format!("the format version is {v}, not 1")));
        }
        Ok(Self { canon, ..wire })
    }

    /// When it happened, in whole microseconds.
    pub(crate) fn occurred_at(&self) -> DateTime<Utc> {
        to_micros(self.occurred_at)
    }

    /// Pointers to the personal values.
    pub(crate) fn personal(&self) -> impl Iterator<Item = &str> {
        self.personal.iter().flat_map(Outline::texts)
    }

    /// Those of the openings that do not open a commitment where they point to, or not one of a value that is named as personal.
    pub(crate) fn closed<'o>(&self, openings: &'o [Opening]) -> Vec<&'o Opening> {
        let elsewhere = openings.iter().filter(|opening| self.at(&opening.pointer).is_none());
        let names: Vec<_> = elsewhere.filter_map(|opening| first_name(&opening.pointer)).collect();
        let rest = (!names.is_empty()).then(|| Outline::of(self.canon, &names));
        let opens = |opening: &&Opening| {
            let pointer = &*opening.pointer;
            let at = self.at(pointer).unwrap_or_else(|| rest.as_ref()?.at(pointer)?.as_str());
            opening.is_of(at) && self.personal().any(|personal| personal == pointer)
        };
        openings.iter().filter(|opening| !opens(opening)).collect()
    }

    /// What stands in a place in which there mostly is a personal value; nothing where a place was not read.
    fn at(&self, pointer: &str) -> Option<Option<&str>> {
        let (request, actor) = (&self.request, self.actor.as_ref());
        let value = match pointer {
            "/request/ip" => request.ip.as_ref(),
            "/request/peer" => request.peer.as_ref(),
            "/request/user_agent" => request.user_agent.as_ref(),
            "/actor/name" => actor.and_then(|actor| actor.name.as_ref()),
            "/actor/email" => actor.and_then(|actor| actor.email.as_ref()),
            "/message" => self.message.as_ref(),
            _ => return None,
        };
        Some(value.and_then(Outline::as_str))
    }
}

/// The member of an event in which a pointer points.
fn first_name(pointer: &str) -> Option<Cow<'_, str>> {
    pointer.strip_prefix('/')?.split('/').next().map(unescaped)
}
