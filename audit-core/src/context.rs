//! Who asks, and from where: the facts that all events of one undertaking share.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::event::{Actor, EventBuilder, RequestInfo, Requested, Source, SourceSystem};

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
#[derive(Debug, Clone)]
pub struct AuditContext {
    place: Arc<dyn Informed>,
}

/// What has facts: they may stand in one piece with what else lives as long.
pub(crate) trait Informed: Requested + fmt::Debug {
    fn facts(&self) -> &Facts;
}

#[derive(Debug, Default)]
pub(crate) struct Facts {
    /// Of the request that all this is kept for, if there is one: events point to it here.
    request: Option<RequestInfo>,
    others: Mutex<Others>,
}

#[derive(Clone, Default)]
struct Others {
    actor: Option<Arc<Actor>>,
    tenant: Option<String>,
    /// Of another request than that one.
    request: Option<Arc<dyn Requested>>,
    source: Option<Arc<Source>>,
    operation_id: Option<String>,
}

impl fmt::Debug for Others {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Others").field("actor", &self.actor).finish_non_exhaustive()
    }
}

impl Facts {
    /// Those of a request, beside those of a context as they are now.
    pub(crate) fn of(context: &AuditContext, request: Option<RequestInfo>) -> Self {
        let mut others = context.others().clone();
        if request.is_some() {
            others.request = None;
        } else if others.request.is_none() {
            others.request = context.first_request();
        }
        Self { request, others: Mutex::new(others) }
    }

    fn others(&self) -> MutexGuard<'_, Others> {
        // Facts are set whole: a panic elsewhere leaves none of them half-written.
        self.others.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Requested for Facts {
    fn request(&self) -> Option<&RequestInfo> {
        self.request.as_ref()
    }
}

impl Informed for Facts {
    fn facts(&self) -> &Facts {
        self
    }
}

impl Default for AuditContext {
    fn default() -> Self {
        Self::at(Arc::new(Facts::default()))
    }
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

    /// The context whose facts stand there.
    pub(crate) fn at(place: Arc<impl Informed + 'static>) -> Self {
        Self { place }
    }

    /// Whether both are one: what is said in one is said in the other.
    pub(crate) fn is(&self, other: &Self) -> bool {
        std::ptr::addr_eq(Arc::as_ptr(&self.place), Arc::as_ptr(&other.place))
    }

    /// A context of its own that begins with the facts of this one, as they are now.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self::at(Arc::new(Facts::of(self, None)))
    }

    /// Says who acts.
    pub fn set_actor(&self, actor: Actor) {
        self.others().actor = Some(Arc::new(actor));
    }

    /// Says for which tenant.
    pub fn set_tenant(&self, tenant: impl Into<String>) {
        self.others().tenant = Some(tenant.into());
    }

    /// Sets the facts of the request.
    pub fn set_request(&self, request: RequestInfo) {
        self.others().request = Some(Arc::new(request));
    }

    /// Sets the program that events come from.
    pub fn set_source(&self, source: Source) {
        self.others().source = Some(Arc::new(source));
    }

    /// Sets the workflow or job that operations are steps of.
    pub fn set_operation_id(&self, operation: impl Into<String>) {
        self.others().operation_id = Some(operation.into());
    }

    /// Who acts, as far as is known.
    #[must_use]
    pub fn actor(&self) -> Option<Arc<Actor>> {
        self.others().actor.clone()
    }

    /// The facts of the request, where there is one.
    #[must_use]
    pub fn request(&self) -> Option<RequestInfo> {
        let request = self.others().request.clone().or_else(|| self.first_request())?;
        request.request().cloned()
    }

    /// Gives an event the facts that it does not say itself.
    pub(crate) fn fill(self, mut event: EventBuilder) -> EventBuilder {
        let facts = self.others();
        let fields = &mut event.fields;
        fill(&mut fields.actor, &facts.actor);
        fill(&mut fields.source, &facts.source);
        fill(&mut fields.request, &facts.request);
        // By their setters, which cut them where they are too long and have the event say so.
        if let (None, Some(tenant)) = (&event.fields.tenant, &facts.tenant) {
            event = event.tenant(tenant);
        }
        if let (None, Some(operation)) = (&event.fields.operation_id, &facts.operation_id) {
            event = event.operation_id(operation);
        }
        drop(facts);
        if event.fields.request.is_none() && self.place.request().is_some() {
            event.fields.request = Some(self.place);
        }
        event
    }

    /// Of the request that the facts are kept for.
    fn first_request(&self) -> Option<Arc<dyn Requested>> {
        self.place.request()?;
        Some(Arc::<dyn Informed>::clone(&self.place))
    }

    fn others(&self) -> MutexGuard<'_, Others> {
        self.place.facts().others()
    }
}

fn fill<T: Clone>(member: &mut Option<T>, fact: &Option<T>) {
    if member.is_none() {
        member.clone_from(fact);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(context: &AuditContext) -> Option<String> {
        context.request()?.request_id().map(str::to_owned)
    }

    fn request(id: &str) -> RequestInfo {
        RequestInfo::new().id(id)
    }

    #[test]
    fn a_fork_keeps_its_request_until_it_is_told_of_another() {
        let of_first = || Some(request("first"));
        let first = AuditContext::at(Arc::new(Facts::of(&AuditContext::new(), of_first())));
        let fork = first.fork();
        assert_eq!((id(&first), id(&fork)), (Some("first".into()), Some("first".into())));
        first.set_request(request("second"));
        assert_eq!((id(&first), id(&fork)), (Some("second".into()), Some("first".into())));
        let further = AuditContext::at(Arc::new(Facts::of(&first, Some(request("third")))));
        assert_eq!(
            (id(&first.fork()), id(&further)),
            (Some("second".into()), Some("third".into()))
        );
    }

    #[test]
    fn an_event_takes_the_request_that_its_context_has_and_keeps_its_own() {
        let context =
            AuditContext::at(Arc::new(Facts::of(&AuditContext::new(), Some(request("r-1")))));
        let of = |event| {
            context
                .clone()
                .fill(event)
                .fields
                .request()
                .and_then(RequestInfo::request_id)
                .map(str::to_owned)
        };
        assert_eq!(of(EventBuilder::new("a.b")), Some("r-1".into()));
        assert_eq!(of(EventBuilder::new("a.b").request(request("own"))), Some("own".into()));
    }
}
