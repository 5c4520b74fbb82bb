//! All that an event can say, before and after it is checked.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};
use uuid::Uuid;

use super::action::SECURITY_TAG;
use super::actor::Actor;
use super::failure::ErrorInfo;
use super::openings::octets;
use super::request::{RequestInfo, Requested, Source};
use super::resource::{Change, Resource};
use super::text::{Altered, is_reserved};
use super::words::{Outcome, Sensitivity, Severity};
use super::{AUDIT_CLASS, DEFAULT_CLASS};

/// The members of an event, but for those that come on acceptance (`producer`), are always the same (`v`),
/// or are made when it is checked (`nonce`). Kept in one box, so that builder and event move as one pointer.
#[derive(Clone, Default)]
pub(crate) struct Fields {
    pub(crate) id: Option<Uuid>,
    pub(crate) occurred_at: Option<DateTime<Utc>>,
    pub(crate) parent_id: Option<Uuid>,
    /// Whether the operation has only begun: `stage` is `begun`, and another event will complete this one.
    pub(crate) is_begun: bool,
    /// The `begun` event that this one completes.
    pub(crate) begun_id: Option<Uuid>,
    /// The log of another system that it was in before, and its id there.
    pub(crate) imported: Option<(String, String)>,

    /// Whether the action's name needs no check: it is one of the log's own, which are reserved, or was checked before.
    pub(crate) is_checked: bool,
    /// Whether the recorder does not know the action, and refuses such.
    pub(crate) is_unknown: bool,
    pub(crate) action: Cow<'static, str>,
    pub(crate) category: Option<String>,
    pub(crate) severity: Option<Severity>,
    pub(crate) sensitivity: Option<Sensitivity>,
    pub(crate) message: Option<String>,
    pub(crate) reason: Option<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) metadata: Map<String, Value>,

    pub(crate) outcome: Option<Outcome>,
    pub(crate) error: Option<ErrorInfo>,
    pub(crate) duration_us: Option<u64>,
    pub(crate) status: Option<u16>,

    // Shared, because one request's facts serve all its events.
    pub(crate) actor: Option<Arc<Actor>>,
    pub(crate) tenant: Option<String>,
    pub(crate) request: Option<Arc<dyn Requested>>,
    pub(crate) source: Option<Arc<Source>>,
    pub(crate) operation_id: Option<String>,

    pub(crate) resource: Option<Resource>,
    pub(crate) resources: Vec<Resource>,
    pub(crate) before: Option<Value>,
    pub(crate) after: Option<Value>,
    pub(crate) changes: Vec<Change>,

    pub(crate) retention: Option<Cow<'static, str>>,
    pub(crate) is_sensitive: bool,
    pub(crate) is_compliance_relevant: bool,
    /// Pointers into the payloads whose values are personal, beside those that always are.
    pub(crate) personal: Vec<String>,
    pub(crate) redacted: Vec<String>,
    pub(crate) altered: Altered,
}

/// Without what is personal, or may be.
impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fields")
            .field("action", &self.action)
            .field("outcome", &self.outcome)
            .finish_non_exhaustive()
    }
}

/// An event as it happened: checked, and from here on unchanged.
///
/// ```
/// use audit_core::{Actor, Event, Outcome};
/// let event = Event::builder("invoice.approve")
///     .actor(Actor::user("u-17"))
///     .resource("invoice", "4711")
///     .outcome(Outcome::Success)
///     .build()?;
/// assert_eq!(event.action(), "invoice.approve");
/// # Ok::<(), audit_core::EventError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Event {
    pub(crate) id: Uuid,
    /// Random, so that a leaf hash cannot be guessed from what the event is likely to say.
    pub(crate) nonce: [u8; 16],
    pub(crate) occurred_at: DateTime<Utc>,
    /// About the memory that it takes.
    pub(crate) held: usize,
    pub(crate) fields: Box<Fields>,
}

impl Event {
    /// The event's id.
    #[must_use]
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// The action's name.
    #[must_use]
    pub fn action(&self) -> &str {
        &self.fields.action
    }

    /// When it happened.
    #[must_use]
    pub fn occurred_at(&self) -> DateTime<Utc> {
        self.occurred_at
    }

    /// How it ended.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        self.fields.outcome
    }

    /// Whether its severity is that of an error: `error` or `critical`. How it ended is its [outcome](Self::outcome).
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.fields.severity.is_some_and(Severity::is_error)
    }

    /// Whether its action is security-relevant: whether it has the tag `security`.
    #[must_use]
    pub fn is_security_relevant(&self) -> bool {
        self.fields.has_tag(SECURITY_TAG)
    }

    /// For which tenant.
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.fields.tenant.as_deref()
    }

    /// The retention class that the event belongs to: a function of nothing but the event.
    #[must_use]
    pub fn class(&self) -> &str {
        if is_reserved(&self.fields.action) {
            AUDIT_CLASS
        } else {
            self.fields.retention.as_deref().unwrap_or(DEFAULT_CLASS)
        }
    }

    /// The client's address, as it is stored beside the bytes.
    pub(crate) fn ip(&self) -> Option<[u8; 16]> {
        self.fields.request()?.facts().ip.map(octets)
    }
}

impl Fields {
    /// Facts of the request behind it.
    pub(crate) fn request(&self) -> Option<&RequestInfo> {
        self.request.as_ref()?.request()
    }

    pub(crate) fn has_tag(&self, tag: &str) -> bool {
        self.tags.iter().any(|there| there == tag)
    }

    /// Pointers of all members that stand in the bytes as commitments, sorted.
    pub(crate) fn personal_pointers(&self) -> Vec<Cow<'_, str>> {
        let mut pointers = Vec::new();
        if let Some(actor) = &self.actor {
            push_if(&mut pointers, actor.email.is_some(), "/actor/email");
            push_if(&mut pointers, actor.name.is_some(), "/actor/name");
            for (i, principal) in actor.on_behalf_of.iter().enumerate() {
                if principal.name.is_some() {
                    pointers.push(format!("/actor/on_behalf_of/{i}/name").into());
                }
            }
        }
        if let Some(error) = &self.error {
            push_if(&mut pointers, error.message.is_some(), "/error/message");
            push_if(&mut pointers, error.stack.is_some(), "/error/stack");
        }
        push_if(&mut pointers, self.message.is_some(), "/message");
        if let Some(request) = self.request().map(RequestInfo::facts) {
            push_if(&mut pointers, request.ip.is_some(), "/request/ip");
            push_if(&mut pointers, request.peer.is_some(), "/request/peer");
            push_if(&mut pointers, request.user_agent.is_some(), "/request/user_agent");
        }
        let named = |resource: &Resource| resource.name.is_some();
        push_if(&mut pointers, self.resource.as_ref().is_some_and(named), "/resource/name");
        for (i, resource) in self.resources.iter().enumerate() {
            if resource.name.is_some() {
                pointers.push(format!("/resources/{i}/name").into());
            }
        }
        pointers.extend(self.personal.iter().map(|pointer| Cow::Borrowed(pointer.as_str())));
        pointers.sort_unstable();
        pointers
    }

    /// Pointers of all members that do not stand as they came.
    pub(crate) fn truncated(&self) -> Vec<&'static str> {
        let mut all: Vec<&'static str> = self.altered.clone();
        all.extend(self.actor.iter().flat_map(|actor| &actor.altered));
        all.extend(self.error.iter().flat_map(|error| &error.altered));
        all.extend(self.request().iter().flat_map(|request| &request.facts().altered));
        all.extend(self.source.iter().flat_map(|source| &source.altered));
        all.extend(self.resource.iter().flat_map(|resource| &resource.altered));
        if self.resources.iter().any(|resource| !resource.altered.is_empty()) {
            all.push("/resources");
        }
        all.sort_unstable();
        all.dedup();
        all
    }
}

fn push_if(pointers: &mut Vec<Cow<'_, str>>, present: bool, pointer: &'static str) {
    if present {
        pointers.push(Cow::Borrowed(pointer));
    }
}
