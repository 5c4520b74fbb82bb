//! Events of the kinds that audit logs are full of, with what such an event always says.

use std::time::Duration;

use super::{HTTP_CALL, HTTP_CALL_FAILED};
use crate::event::{Action, Actor, ErrorInfo, Event, EventBuilder, Outcome, Source, SourceSystem};

/// From this status on a call has failed.
const FAILED: u16 = 400;

/// Events of common kinds: what is said here is the same each time, and all else is said by setters.
///
/// ```
/// use std::time::Duration;
/// use audit_core::{Actor, Event, Outcome, actions};
///
/// let took = Duration::from_millis(80);
/// let events = [
///     // A person, on a web page.
///     Event::user_action(actions::USER_PROFILE_UPDATE, "u-17"),
///     // Within a scope that things belong to: a collection, a project, a mandate.
///     Event::on_scope(actions::COLLECTION_UPDATE, "collection", "c-3").before("draft").after("live"),
///     // A step of a workflow.
///     Event::workflow_step(actions::WORKFLOW_COMPLETE, "op-9", took),
///     // A call to another system, and its answer.
///     Event::outbound_call("POST", "https://bank.example/transfers", 503, took),
///     // The system itself.
///     Event::system_event(actions::SYSTEM_BACKUP),
///     // Somebody, as an identity provider knows them.
///     Event::identity_event(actions::USER_SSO_LOGIN, "saml", "00u1").outcome(Outcome::Success),
///     // A role that somebody is given.
///     Event::role_event(actions::ROLE_ASSIGN, "approver", "u-9", "u-1").tenant("acme"),
///     // A tenant, with details.
///     Event::tenant_event(actions::TENANT_UPDATE, "acme").metadata("plan", "team"),
///     // An agent, and who it was that did something with it.
///     Event::agent_event(actions::AGENT_START, "a-5", Actor::service("scheduler")),
/// ];
/// for event in events {
///     event.build()?;
/// }
/// # Ok::<(), audit_core::EventError>(())
/// ```
impl Event {
    /// Something that a person does on a web page: actor and source. Under an `AuditLayer` both are known by themselves.
    pub fn user_action(action: impl Into<Action>, user: impl Into<String>) -> EventBuilder {
        Self::builder(action).actor(Actor::user(user)).source(Source::new(SourceSystem::Web))
    }

    /// Something that is done to a scope, or within it: the category is the kind of scope, and the label of that name has
    /// its id, by which all that is done there is found. The resource is the scope itself, unless another one is set.
    pub fn on_scope(action: impl Into<Action>, kind: &str, id: &str) -> EventBuilder {
        Self::builder(action).category(kind).label(kind, id).resource(kind, id)
    }

    /// A step of a workflow, which is the operation, and how long it took: category `workflow`.
    pub fn workflow_step(
        action: impl Into<Action>,
        operation: impl Into<String>,
        took: Duration,
    ) -> EventBuilder {
        Self::builder(action).category("workflow").operation_id(operation).duration(took)
    }

    /// A call to another system that was answered with a status: `http.call`, or `http.call_failed` from 400 on, which is a
    /// failure of the severity `error`; the message is as `POST https://bank.example/transfers -> 503`. `endpoint` is an address
    /// without its query, which may hold secrets. A client with `audit_tower::CallLayer` records its calls by itself, without message.
    pub fn outbound_call(
        method: &str,
        endpoint: &str,
        status: u16,
        took: Duration,
    ) -> EventBuilder {
        let event = answered_call(called(method, endpoint), Some(status))
            .message(format!("{method} {endpoint} -> {status}"))
            .duration(took);
        match status {
            ..FAILED => event.outcome(Outcome::Success),
            _ => event
                .outcome(Outcome::Failure)
                .error(ErrorInfo::untold().kind("http").code(status.to_string())),
        }
    }

    /// Something that the system does by itself: category, source and actor are `system`.
    pub fn system_event(action: impl Into<Action>) -> EventBuilder {
        let source = Source::new(SourceSystem::System);
        Self::builder(action).category("system").actor(Actor::system("system")).source(source)
    }

    /// Something about an identity: the label `provider` has the kind of its provider, and the resource `identity` the id
    /// that the user has there.
    pub fn identity_event(
        action: impl Into<Action>,
        provider: &str,
        user_there: &str,
    ) -> EventBuilder {
        Self::builder(action).label("provider", provider).resource("identity", user_there)
    }

    /// A role that a user is given, or loses: the resource is the `user`, the labels `role` and `granted_by` have the role's
    /// name and the id of whoever decided it, who need not be the actor.
    pub fn role_event(
        action: impl Into<Action>,
        role: &str,
        user: &str,
        granted_by: &str,
    ) -> EventBuilder {
        let event = Self::builder(action).resource("user", user);
        event.label("role", role).label("granted_by", granted_by)
    }

    /// Something about a tenant, which the event then belongs to.
    pub fn tenant_event(action: impl Into<Action>, tenant: &str) -> EventBuilder {
        Self::builder(action).tenant(tenant).resource("tenant", tenant)
    }

    /// Something about an agent, and who did it. An agent that acts by itself is the actor as well:
    /// `Actor::new(ActorKind::Agent, id)`.
    pub fn agent_event(action: impl Into<Action>, agent: &str, actor: Actor) -> EventBuilder {
        Self::builder(action).actor(actor).resource("agent", agent)
    }
}

/// A call to another system that is not answered yet.
pub(crate) fn called(method: &str, endpoint: &str) -> EventBuilder {
    Event::builder(HTTP_CALL)
        .resource("endpoint", format!("{method} {endpoint}"))
        .metadata("method", method)
        .metadata("endpoint", endpoint)
}

/// Such a call with its answer, or without one.
pub(crate) fn answered_call(mut event: EventBuilder, status: Option<u16>) -> EventBuilder {
    if status.is_none_or(|status| status >= FAILED) {
        event.fields.action = HTTP_CALL_FAILED.name;
        event.fields.severity = HTTP_CALL_FAILED.severity;
    }
    match status {
        Some(status) => event.metadata("status", status),
        None => event,
    }
}
