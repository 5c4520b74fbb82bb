//! One call of an annotated function.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use super::returned::Verdict;
use crate::appender::Refusal;
use crate::event::{ErrorInfo, Event, EventBuilder, Outcome, Resource};
use crate::recorder::{NotRecorded, Pending, Scope, panicked};
use crate::store::Outbox;

/// What is the same for all calls of an annotated function.
#[derive(Debug)]
pub struct Site {
    action: &'static str,
    resource: Option<&'static str>,
    /// File and line.
    place: &'static str,
    /// Whether it was said that a call found no recorder.
    warned: AtomicBool,
}

impl Site {
    /// The facts that the attribute names, and where it stands.
    #[must_use]
    pub const fn new(
        action: &'static str,
        resource: Option<&'static str>,
        place: &'static str,
    ) -> Self {
        Self { action, resource, place, warned: AtomicBool::new(false) }
    }

    fn event(&self, resource_id: Option<String>) -> EventBuilder {
        let event = Event::builder(self.action);
        match (self.resource, resource_id) {
            (Some(kind), Some(id)) => event.resource(kind, id),
            (Some(kind), None) => event.on(Resource::of_type(kind)),
            (None, _) => event,
        }
    }
}

/// A call that is under way. Dropped, it is recorded as cancelled.
#[derive(Debug)]
pub struct Audited {
    /// Missing where there is no recorder.
    call: Option<(Pending, Scope)>,
}

/// Begins the event of a buffered function.
pub async fn begin(site: &'static Site, resource_id: Option<String>) -> Audited {
    let Some(scope) = Scope::current() else {
        if !site.warned.swap(true, Ordering::Relaxed) {
            let Site { action, place, .. } = site;
            tracing::warn!(
                action,
                place,
                "audit: calls are not recorded, as {}",
                Refusal::NoRecorder
            );
        }
        return Audited { call: None };
    };
    let event = site.event(resource_id);
    let pending = Pending::begin(&scope.recorder, event).await;
    Audited { call: Some(scope.within(pending)) }
}

/// Begins the event of a durable function, which must not run where this fails.
pub async fn begin_durable(
    site: &'static Site,
    resource_id: Option<String>,
) -> Result<Audited, NotRecorded> {
    let scope = Scope::current().ok_or(NotRecorded::NotRun(Refusal::NoRecorder))?;
    let event = site.event(resource_id);
    let pending = Pending::begin_durable(&scope.recorder, event).await?;
    Ok(Audited { call: Some(scope.within(pending)) })
}

/// Begins the event of a function that records in its caller's transaction: it must not run where this
/// fails.
pub async fn begin_in_transaction(
    site: &'static Site,
    resource_id: Option<String>,
) -> Result<Audited, NotRecorded> {
    let scope = Scope::current().ok_or(NotRecorded::NotRun(Refusal::NoRecorder))?;
    let pending = Pending::begin(&scope.recorder, site.event(resource_id)).await;
    Ok(Audited { call: Some(scope.within(pending)) })
}

impl Audited {
    /// Polls the body within the event. A panic in it is recorded and goes on.
    pub fn poll<F: Future + ?Sized>(
        &mut self,
        body: Pin<&mut F>,
        cx: &mut Context<'_>,
    ) -> Poll<F::Output> {
        let Some((_, scope)) = &self.call else {
            return body.poll(cx);
        };
        match catch_unwind(AssertUnwindSafe(|| scope.enter(|| body.poll(cx)))) {
            Ok(poll) => poll,
            Err(panic) => {
                if let Some((pending, _)) = self.call.take() {
                    pending.with(|event| panicked(event, &*panic)).finish();
                }
                resume_unwind(panic)
            }
        }
    }

    /// Names the resource, once it is known.
    pub fn resource_id(&mut self, id: String) {
        if let Some((pending, _)) = &mut self.call {
            pending.set_resource_id(id);
        }
    }

    /// Finishes the event, or leaves it to the layer around it.
    pub fn finish(self, verdict: Verdict) {
        if let Some((pending, _)) = self.call
            && let Some(pending) = pending.with(|event| judged(event, verdict)).leave_to_edge()
        {
            pending.finish();
        }
    }

    /// Finishes the event and waits until it is committed, or leaves that to the layer around it, or to
    /// the transaction that it is in.
    pub async fn finish_durable(self, verdict: Verdict) -> Result<(), NotRecorded> {
        if let Some((pending, _)) = self.call
            && let Some(pending) = pending.with(|event| judged(event, verdict)).leave_to_edge()
        {
            match pending.is_posted() {
                true => pending.finish(),
                false => {
                    pending.finish_durable().await?;
                }
            }
        }
        Ok(())
    }

    /// Finishes the event in the caller's transaction, or outside of it, where the call failed.
    pub async fn finish_in(
        self,
        verdict: Verdict,
        transaction: &mut impl Outbox,
    ) -> Result<(), NotRecorded> {
        let mut posted = Ok(());
        // The body may have written it itself.
        if let (Some((pending, _)), Verdict::Success) = (&self.call, &verdict)
            && !pending.was_posted()
        {
            posted = pending.post(transaction).await;
        }
        let verdict = match &posted {
            Ok(()) => verdict,
            Err(error) => Verdict::Failure { message: Some(error.to_string()) },
        };
        self.finish(verdict);
        posted
    }
}

fn judged(event: EventBuilder, verdict: Verdict) -> EventBuilder {
    match verdict {
        Verdict::Success => event.outcome(Outcome::Success),
        Verdict::Failure { message } => event
            .outcome(Outcome::Failure)
            .error(message.map_or_else(ErrorInfo::untold, ErrorInfo::new)),
    }
}
