//! One run of an audited operation: its event, and the scope within it.

use std::any::Any;
use std::panic::{AssertUnwindSafe, Location, catch_unwind, resume_unwind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::fallback::count_unrecorded;
use super::{Durability, NotRecorded, Pending, Refusal, Scope, Slot, panicked};
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
        match scope.recorder.slot_now() {
            Err(Refusal::QueueFull) => {
                let pending = Box::pin(Pending::begin(&scope.recorder, event)).await;
                Self::within_scope(scope, pending)
            }
            slot => Self::opened(scope, slot.ok(), event, Durability::Buffered),
        }
    }

    pub(crate) fn begin_now(scope: Scope, event: EventBuilder) -> Self {
        let slot = scope.recorder.slot_now().ok();
        Self::opened(scope, slot, event, Durability::Buffered)
    }

    pub(crate) async fn begin_durable(
        scope: Scope,
        event: EventBuilder,
    ) -> Result<Self, NotRecorded> {
        match scope.recorder.slot_now() {
            Err(Refusal::QueueFull) => {
                let pending = Box::pin(Pending::begin_durable(&scope.recorder, event)).await?;
                Ok(Self::within_scope(scope, pending))
            }
            Err(why) => Err(NotRecorded::NotRun(why)),
            Ok(slot) => Ok(Self::opened(scope, Some(slot), event, Durability::Durable)),
        }
    }

    pub(crate) async fn begin_strict(
        scope: Scope,
        event: EventBuilder,
    ) -> Result<Self, NotRecorded> {
        let begun = async {
            let (pending, announcing) = Pending::reserve_strict(&scope.recorder, event).await?;
            // A layer around it hears of it also where it must not run.
            let (pending, scope) = scope.within(pending);
            let pending = pending.announce(announcing).await?;
            Ok(Self { pending: Some(pending), scope: Some(scope) })
        };
        Box::pin(begun).await
    }

    fn opened(
        scope: Scope,
        slot: Option<Slot>,
        event: EventBuilder,
        durability: Durability,
    ) -> Self {
        let pending = Pending::opened(&scope.recorder, slot, event, durability);
        Self::within_scope(scope, pending)
    }

    fn within_scope(scope: Scope, pending: Pending) -> Self {
        let (pending, scope) = scope.within(pending);
        Self { pending: Some(pending), scope: Some(scope) }
    }

    /// A call that has no event of its own, and says nothing of that of its caller.
    pub(crate) fn unheard() -> Self {
        Self { pending: None, scope: Scope::current().map(Scope::unheard) }
    }

    /// One step of a future. What it is does not matter here: this is compiled once, and not for each of them.
    fn within(&mut self, step: &mut dyn FnMut()) {
        self.run(step);
    }

    /// Runs a piece of the operation, or all of it, within its event. A panic in it is recorded and goes on.
    pub fn run<R>(&mut self, run: impl FnOnce() -> R) -> R {
        let Some(scope) = &self.scope else {
            return run();
        };
        match catch_unwind(AssertUnwindSafe(|| scope.enter(run))) {
            Ok(returned) => returned,
            Err(panic) => self.panicked(panic),
        }
    }

    fn panicked(&mut self, panic: Box<dyn Any + Send>) -> ! {
        if let Some(pending) = self.pending.take() {
            pending.with(|event| panicked(event, &*panic)).finish();
        }
        resume_unwind(panic)
    }

    /// Asks what follows from the returned value, of code of the user's: it is still part of the call.
    pub fn asked<T>(&mut self, ask: impl Fn() -> T) -> T {
        let mut answer = None;
        self.within(&mut || answer = Some(ask()));
        // It was asked, or this is a panic on its way.
        answer.unwrap_or_else(ask)
    }

    /// Names the resource, once it is known.
    pub fn resource_id(&mut self, id: String) {
        if let Some(pending) = &mut self.pending {
            pending.set_resource_id(id);
        }
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

    /// Finishes the event, which says its outcome already.
    pub(crate) fn finish_as_it_is(self) {
        if let Some(pending) = self.pending {
            pending.finish();
        }
    }

    /// The event with its outcome, unless a layer takes it.
    fn judged(self, verdict: Verdict) -> Option<Pending> {
        self.pending?.with(|event| event.judged(verdict)).leave_to_edge()
    }
}

pin_project! {
    /// A future that runs, and is dropped, within a call.
    #[derive(Debug)]
    #[must_use = "nothing runs before it is awaited"]
    pub struct Run<F> {
        // Missing when it is over.
        #[pin]
        future: Option<F>,
        call: Call,
    }

    impl<F> PinnedDrop for Run<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.future.is_some() {
                this.call.within(&mut || this.future.set(None));
            }
        }
    }
}

impl<F> Run<F> {
    /// A future that belongs to no call yet. It takes its place before its event does: whatever the event waits
    /// for, what the future has with it need not be moved again.
    pub fn new(future: F) -> Self {
        Self { future: Some(future), call: Call::default() }
    }

    /// Says to which call it belongs.
    pub fn begin(self: Pin<&mut Self>, call: Call) {
        *self.project().call = call;
    }

    /// The call, to finish it.
    pub fn call(self: Pin<&mut Self>) -> Call {
        std::mem::take(self.project().call)
    }
}

impl<F: Future> Future for Run<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        let mut polled = Poll::Pending;
        this.call.within(&mut || {
            if let Some(future) = this.future.as_mut().as_pin_mut() {
                polled = future.poll(cx);
            }
            if polled.is_ready() {
                this.future.set(None);
            }
        });
        polled
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
        let mut run = pin!(Run::new(future));
        match Scope::find(None) {
            Some(scope) => run.as_mut().begin(Call::begin(scope, event).await),
            None => count_unrecorded(&event.fields.action, (place.file(), place.line())),
        }
        let returned = run.as_mut().await;
        let mut call = run.call();
        let verdict = call.run(|| classify(&returned));
        call.finish(verdict);
        returned
    }
}
