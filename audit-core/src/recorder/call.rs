//! One run of an audited operation: its event, and the scope within it.

use std::any::Any;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use super::fallback::count_unrecorded;
use super::scope::enter;
use super::{Durability, NotRecorded, Pending, Recorder, Refusal, Scope, Slot, panicked};
use crate::event::{Classify, ErrorInfo, EventBuilder, Outcome, Verdict};
use crate::store::Outbox;

/// A call that is under way. Dropped, it is recorded as cancelled.
#[derive(Debug, Default)]
pub struct Call {
    /// Missing where there is no recorder, or nothing to record.
    pending: Option<Pending>,
    /// Missing where there is none.
    scope: Option<Scope>,
}

// What waits is boxed: each audited future would have the room for it, though it seldom has to.
impl Call {
    pub(crate) async fn begin(scope: Scope, event: EventBuilder) -> Self {
        let slot = match scope.recorder().slot_now() {
            Err(Refusal::QueueFull) => Box::pin(scope.recorder().slot()).await,
            slot => slot,
        };
        Self::opened(&scope, slot.ok(), event, Durability::Buffered)
    }

    pub(crate) fn begin_now(scope: &Scope, event: EventBuilder) -> Self {
        let slot = scope.recorder().slot_now().ok();
        Self::opened(scope, slot, event, Durability::Buffered)
    }

    pub(crate) async fn begin_durable(
        scope: Scope,
        event: EventBuilder,
    ) -> Result<Self, NotRecorded> {
        let slot = match scope.recorder().slot_now() {
            Err(Refusal::QueueFull) => Box::pin(scope.recorder().slot()).await,
            slot => slot,
        };
        let slot = slot.map_err(NotRecorded::NotRun)?;
        Ok(Self::opened(&scope, Some(slot), event, Durability::Durable))
    }

    pub(crate) async fn begin_strict(
        scope: Scope,
        event: EventBuilder,
    ) -> Result<Self, NotRecorded> {
        let begun = async {
            let (pending, announcing) = Pending::reserve_strict(&scope, event).await?;
            pending.announce(announcing).await.map(Self::of)
        };
        Box::pin(begun).await
    }

    fn opened(
        scope: &Scope,
        slot: Option<Slot>,
        event: EventBuilder,
        durability: Durability,
    ) -> Self {
        Self::of(Pending::opened(scope, slot, event, durability))
    }

    fn of(pending: Pending) -> Self {
        Self { scope: pending.inside(), pending: Some(pending) }
    }

    /// No call, but a place: what runs within has no event of its own.
    pub(super) fn apart(scope: Scope) -> Self {
        Self { pending: None, scope: Some(scope) }
    }

    /// A call that has no event of its own, and says nothing of that of its caller. What is called within goes where its
    /// own event would have gone.
    pub(crate) fn unheard(recorder: Option<Recorder>) -> Self {
        Self { pending: None, scope: Scope::find(recorder).map(Scope::unheard) }
    }

    /// One step of a body: with a task's context it is polled, without one it is dropped.
    fn step<T>(
        &mut self,
        mut body: Pin<&mut dyn Body<T>>,
        mut cx: Option<&mut Context<'_>>,
    ) -> Poll<(Self, T)> {
        let mut polled = Poll::Pending;
        self.run(|| polled = body.as_mut().step(cx.take()));
        polled.map(|output| (std::mem::take(self), output))
    }

    /// Runs a piece of the operation, or all of it, within its event. A panic in it is recorded and goes on.
    pub fn run<R>(&mut self, run: impl FnOnce() -> R) -> R {
        if self.scope.is_none() {
            return run();
        }
        match catch_unwind(AssertUnwindSafe(|| enter(&mut self.scope, run))) {
            Ok(returned) => returned,
            Err(panic) => self.panicked(panic),
        }
    }

    fn panicked(&mut self, panic: Box<dyn Any + Send>) -> ! {
        if let Some(pending) = self.pending.take() {
            drop(pending.with(|event| panicked(event, &*panic)));
        }
        resume_unwind(panic)
    }

    /// Names the resource, once it is known.
    pub fn resource_id(&mut self, ask: &mut dyn FnMut() -> Option<String>) {
        // Not generic, as what follows: code for it is made once, and not for each function.
        let id = self.run(ask);
        if let (Some(pending), Some(id)) = (&mut self.pending, id) {
            pending.set_resource_id(id);
        }
    }

    /// Asks how the call went. Who is asked is still part of it.
    pub fn verdict(&mut self, ask: &mut dyn FnMut() -> Verdict) -> Verdict {
        self.run(ask)
    }

    /// Finishes the event, or leaves it to the layer around it.
    pub fn finish(self, verdict: Verdict) {
        if let Some(pending) = self.judged(verdict) {
            pending.finish();
        }
    }

    /// Finishes the event and waits until it is committed, or leaves that to the layer around it, or to
    /// the transaction that it is in.
    pub fn finish_durable(self, verdict: Verdict) -> impl Future<Output = Result<(), NotRecorded>> {
        // Before there is a future: what it need not hold is no part of each durable function's future.
        let waiting = match self.judged(verdict) {
            Some(pending) if pending.is_awaited() => Some(Box::pin(pending.finish_durable())),
            Some(pending) => {
                pending.finish();
                None
            }
            None => None,
        };
        async {
            match waiting {
                Some(committed) => committed.await.map(drop),
                None => Ok(()),
            }
        }
    }

    /// Finishes the event and waits until it is committed, also at an edge, which hears that it is finished and adds nothing to it.
    pub(crate) async fn finish_here(
        self,
        verdict: Verdict,
        status: u16,
    ) -> Result<(), NotRecorded> {
        match self.pending {
            Some(pending) => {
                let pending = pending.with(|event| event.status(status).judged(verdict));
                pending.finish_durable().await.map(drop)
            }
            None => Ok(()),
        }
    }

    /// Finishes the event in the caller's transaction, or outside of it, where the call did not go well.
    pub async fn finish_in(
        self,
        verdict: Verdict,
        transaction: &mut impl Outbox,
    ) -> Result<(), NotRecorded> {
        let mut posted = Ok(());
        if let Some(pending) = &self.pending
            && verdict.outcome() == Outcome::Success
            && pending.is_to_be_posted()
        {
            posted = pending.post(transaction).await;
        }
        let verdict = match &posted {
            Ok(()) => verdict,
            Err(error) => Verdict::failure(ErrorInfo::of(error)),
        };
        self.finish(verdict);
        posted
    }

    /// The event with its outcome, unless a layer takes it.
    fn judged(self, verdict: Verdict) -> Option<Pending> {
        self.pending?.with(|event| event.judged(verdict)).leave_to_edge()
    }
}

/// A future that is dropped as soon as it has ended; without its type, so that what is around it is compiled for
/// each type that it may return, and not for each future.
trait Body<T> {
    fn step(self: Pin<&mut Self>, cx: Option<&mut Context<'_>>) -> Poll<T>;
}

impl<F: Future> Body<F::Output> for Option<F> {
    fn step(mut self: Pin<&mut Self>, cx: Option<&mut Context<'_>>) -> Poll<F::Output> {
        if let (Some(cx), Some(future)) = (cx, self.as_mut().as_pin_mut()) {
            let Poll::Ready(output) = future.poll(cx) else { return Poll::Pending };
            self.set(None);
            return Poll::Ready(output);
        }
        self.set(None);
        Poll::Pending
    }
}

/// A body that runs, and is dropped, within a call. It comes to that call, for the end of its event, and to what the
/// body returns.
///
/// The body has its place before its event begins: whatever that waits for, what the body has with it need not be
/// moved again.
#[derive(Debug)]
#[must_use = "nothing runs before it is awaited"]
pub struct Run<'a, F: Future> {
    call: Call,
    body: Pin<&'a mut Option<F>>,
}

impl<'a, F: Future> Run<'a, F> {
    /// The body of a call that has begun.
    pub fn new(call: Call, body: Pin<&'a mut Option<F>>) -> Self {
        Self { call, body }
    }
}

impl<F: Future> Future for Run<'_, F> {
    type Output = (Call, F::Output);

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let Self { call, body } = self.get_mut();
        call.step(body.as_mut(), Some(cx))
    }
}

impl<F: Future> Drop for Run<'_, F> {
    fn drop(&mut self) {
        let _never_ready = self.call.step(self.body.as_mut(), None);
    }
}

/// Records a future that cannot be annotated, as `#[audited]` records a function: success, failure, denied,
/// panicked or cancelled, with its duration, parent and context. Buffered.
///
/// What the future returns says how it ended, by [`Classify`]; where it does not, see [`audited_by`].
///
/// Dropped half-way, it is recorded as cancelled, unless it was never polled.
///
/// ```
/// # use audit_core::{AuditContext, Event, Query, Recorder, audited, store::MemoryStore};
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// # let recorder = Recorder::builder(MemoryStore::new()).origin("billing.example/audit").start().await?;
/// # let import = |path: &'static str| async move { Err::<(), _>(format!("there is no {path}")) };
/// # let context = AuditContext::system("nightly-import");
/// # context.scope(&recorder, async {
/// let event = Event::builder("import.run").resource("file", "orders.csv");
/// let imported = audited(event, import("orders.csv")).await;
/// # assert!(imported.is_err());
/// # }).await;
/// # recorder.shutdown(std::time::Duration::from_secs(10)).await?;
/// let page = recorder.reader().search(&Query::new().action("import.run")).await?;
/// assert_eq!(page.entries[0].event()["outcome"], "failure");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[track_caller]
pub fn audited<F>(event: EventBuilder, future: F) -> impl Future<Output = F::Output>
where
    F: Future<Output: Classify>,
{
    audited_by(event, future, F::Output::classify)
}

/// As [`audited()`], with a function that tells from the value how it ended.
///
/// ```
/// # use audit_core::{ErrorInfo, Event, Verdict, audited_by};
/// # async fn answer() -> u16 { 404 }
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let status = audited_by(Event::builder("page.fetch"), answer(), |status| match status {
///     200..300 => Verdict::success(),
///     _ => Verdict::failure(ErrorInfo::new(format!("status {status}"))),
/// }).await;
/// # assert_eq!(status, 404);
/// # });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[track_caller]
pub fn audited_by<F: Future>(
    event: EventBuilder,
    future: F,
    classify: impl FnOnce(&F::Output) -> Verdict,
) -> impl Future<Output = F::Output> {
    let place = Location::caller();
    async move {
        let body = pin!(Some(future));
        let call = match Scope::find(None) {
            Some(scope) => Call::begin(scope, event).await,
            None => {
                count_unrecorded(&event.fields.action, (place.file(), place.line()));
                Call::default()
            }
        };
        let (mut call, returned) = Run::new(call, body).await;
        let verdict = call.run(|| classify(&returned));
        call.finish(verdict);
        returned
    }
}
