//! Who asks, and from where: the facts that all events of one undertaking share.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::event::{Actor, EventBuilder, RequestInfo, Source, SourceSystem};

/// The facts around an operation: actor, tenant, request, source.
///
/// A handle: its clones share the facts, so that an authentication layer somewhere inside can say who
/// the actor is and the events that are finished later know it. An event takes over the facts when it is
/// finished, and of them those that it does not say itself.
///
/// ```
/// use audit_core::{Actor, AuditContext};
/// let context = AuditContext::system("nightly-import");
/// context.set_actor(Actor::service("importer"));
/// ```
#[derive(Debug, Clone, Default)]
pub struct AuditContext {
    facts: Arc<Mutex<Facts>>,
}

#[derive(Debug, Clone, Default)]
struct Facts {
    actor: Option<Arc<Actor>>,
    tenant: Option<String>,
    request: Option<RequestInfo>,
    source: Option<Arc<Source>>,
    operation_id: Option<String>,
}

impl AuditContext {
    /// A context of which nothing is known yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The context of something that the system does by itself, under a name.
    #[must_use]
    pub fn system(name: &str) -> Self {
        let context = Self::of(SourceSystem::System, name);
        context.set_actor(Actor::system(name));
        context
    }

    /// The context of a worker that takes jobs from a queue, under a name: it is the actor, as long as nobody says for
    /// whom it works.
    ///
    /// ```
    /// use audit_core::{Actor, AuditContext};
    /// let context = AuditContext::worker("mailer");
    /// context.set_actor(Actor::service("mailer").on_behalf_of(Actor::user("u-17")));
    /// ```
    #[must_use]
    pub fn worker(name: &str) -> Self {
        let context = Self::of(SourceSystem::Worker, name);
        context.set_actor(Actor::service(name));
        context
    }

    /// The context of a command that somebody has given, under the program's name. Who that is must be said: the
    /// environment only tells what they say.
    ///
    /// ```
    /// use audit_core::{Actor, AuditContext};
    /// let context = AuditContext::cli("billing-admin");
    /// context.set_actor(Actor::user("u-17"));
    /// ```
    #[must_use]
    pub fn cli(name: &str) -> Self {
        Self::of(SourceSystem::Cli, name)
    }

    fn of(system: SourceSystem, name: &str) -> Self {
        let context = Self::new();
        context.set_source(Source::new(system).service(name));
        context
    }

    /// A context of its own that begins with the facts of this one, as they are now.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self { facts: Arc::new(Mutex::new(self.facts().clone())) }
    }

    /// Says who acts.
    pub fn set_actor(&self, actor: Actor) {
        self.facts().actor = Some(Arc::new(actor));
    }

    /// Says for which tenant.
    pub fn set_tenant(&self, tenant: impl Into<String>) {
        self.facts().tenant = Some(tenant.into());
    }

    /// Sets the facts of the request.
    pub fn set_request(&self, request: RequestInfo) {
        self.facts().request = Some(request);
    }

    /// Sets the program that events come from.
    pub fn set_source(&self, source: Source) {
        self.facts().source = Some(Arc::new(source));
    }

    /// Sets the workflow or job that operations are steps of.
    pub fn set_operation_id(&self, operation: impl Into<String>) {
        self.facts().operation_id = Some(operation.into());
    }

    /// Who acts, as far as is known.
    #[must_use]
    pub fn actor(&self) -> Option<Arc<Actor>> {
        self.facts().actor.clone()
    }

    /// The facts of the request, where there is one.
    #[must_use]
    pub fn request(&self) -> Option<RequestInfo> {
        self.facts().request.clone()
    }

    /// Gives an event the facts that it does not say itself.
    pub(crate) fn fill(&self, mut event: EventBuilder) -> EventBuilder {
        let facts = self.facts();
        let fields = &mut event.fields;
        fill(&mut fields.actor, &facts.actor);
        fill(&mut fields.request, &facts.request);
        fill(&mut fields.source, &facts.source);
        // By their setters, which cut them where they are too long and have the event say so.
        if let (None, Some(tenant)) = (&event.fields.tenant, &facts.tenant) {
            event = event.tenant(tenant);
        }
        if let (None, Some(operation)) = (&event.fields.operation_id, &facts.operation_id) {
            event = event.operation_id(operation);
        }
        drop(facts);
        event
    }

    fn facts(&self) -> MutexGuard<'_, Facts> {
        // Facts are set whole: a panic elsewhere leaves none of them half-written.
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn fill<T: Clone>(member: &mut Option<T>, fact: &Option<T>) {
    if member.is_none() {
        member.clone_from(fact);
    }
}
