//! An operation that has begun and is not over.

use std::any::Any;
use std::borrow::Cow;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use uuid::Uuid;

use super::draft::{Draft, Operation};
use super::scope::{Around, Held, Scope};
use super::{Accepted, Content, NotRecorded, Recorder, Refusal, Reply, Slot};
use crate::appender::Receipt;
use crate::event::{ErrorInfo, Event, EventBuilder, Outcome, Severity, Short, Verdict};
use crate::store::Outbox;

/// The error code of an operation that was not run because it could not have been recorded.
const NOT_RUN: &str = "audit.not_run";

/// When an operation may go on without its entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Durability {
    /// When the event is in the queue: it can be read a moment later, and is lost if the process is
    /// killed before that.
    #[default]
    Buffered,
    /// When it is committed in the log, and can be read; or in the spool, where there is one and the log does not take it.
    Durable,
    /// As durable; and the operation does not run before an event that says so is committed as well.
    Strict,
}

/// An operation under way: holds its place in the queue, so that its event is delivered however it ends.
///
/// Dropped without [`finish`](Self::finish), it delivers its event all the same: as `cancelled`, or as
/// a `failure` where a panic drops it.
#[must_use = "a pending event that is dropped is recorded as cancelled"]
#[derive(Debug)]
pub struct Pending {
    /// Taken out on delivery.
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    operation: Operation,
    /// Missing where the queue was full for too long.
    slot: Option<Slot>,
    durability: Durability,
    /// The edge that finishes this event, unless it has to be delivered before.
    edge: Option<Arc<Around>>,
}

impl Pending {
    /// Begins an operation whose event is buffered: gives the event an id and a time, and takes a place in
    /// the queue, for which it waits up to the recorder's `queue_wait`. Where there is none it looks for
    /// one again when the operation is over, and the event is counted as lost if there still is none.
    ///
    /// Safe to drop: nothing has happened then.
    pub async fn begin(recorder: &Recorder, event: EventBuilder) -> Self {
        let slot = recorder.slot().await.ok();
        Self::opened(&Scope::of(recorder), slot, event, Durability::Buffered)
    }

    /// Begins an operation whose event is durable.
    ///
    /// Safe to drop: nothing has happened then.
    ///
    /// # Errors
    /// [`NotRecorded::NotRun`] where there is no place in the queue, or the action is unknown and such are refused: then the
    /// operation must not run.
    pub async fn begin_durable(
        recorder: &Recorder,
        event: EventBuilder,
    ) -> Result<Self, NotRecorded> {
        recorder.check(&event)?;
        let slot = recorder.slot().await.map_err(NotRecorded::NotRun)?;
        Ok(Self::opened(&Scope::of(recorder), Some(slot), event, Durability::Durable))
    }

    /// Begins an operation that must not run unrecorded: waits until an event of the stage `begun` is committed.
    /// The event of the operation itself will complete it, by its `begun_id`.
    ///
    /// Dropped half-way, the operation is recorded as cancelled.
    ///
    /// # Errors
    /// [`NotRecorded::NotRun`] where the event was not committed within the recorder's deadline, or the action is unknown and
    /// such are refused: then the operation must not run. Where it may be committed all the same, a further event says that it did not.
    pub async fn begin_strict(
        recorder: &Recorder,
        event: EventBuilder,
    ) -> Result<Self, NotRecorded> {
        recorder.check(&event)?;
        let (pending, announcing) = Self::reserve_strict(&Scope::of(recorder), event).await?;
        pending.announce(announcing).await
    }

    /// Takes the places for both events of a strict operation, that for the completion first.
    pub(super) async fn reserve_strict(
        scope: &Scope,
        event: EventBuilder,
    ) -> Result<(Self, Slot), NotRecorded> {
        let recorder = scope.recorder();
        let slot = recorder.slot_in_queue().await.map_err(NotRecorded::NotRun)?;
        let announcing = recorder.slot_in_queue().await.map_err(NotRecorded::NotRun)?;
        Ok((Self::opened(scope, Some(slot), event, Durability::Strict), announcing))
    }

    /// Waits until it is committed that the operation begins.
    pub(super) async fn announce(mut self, slot: Slot) -> Result<Self, NotRecorded> {
        let Some(operation) = self.open.as_ref().map(|open| open.operation.clone()) else {
            return Err(NotRecorded::NotRun(Refusal::Stopped));
        };
        let begun = operation.announce();
        let recorder = operation.recorder();
        recorder.shared.intake.begun();
        let Err(why) = commit(recorder, Ok(slot), &begun, true).await else {
            return Ok(self);
        };
        let refused = NotRecorded::NotRun(why);
        let error = ErrorInfo::new(refused.to_string()).code(NOT_RUN);
        // Nothing depends on this event: nobody need wait for it.
        if let Some(open) = &mut self.open {
            open.durability = Durability::Buffered;
        }
        let pending = self.with(|event| event.judged(Verdict::failure(error)));
        if let Some(pending) = pending.leave_to_edge() {
            pending.finish();
        }
        Err(refused)
    }

    /// Begins the event of an operation that began at a moment of the clock's steady scale, without
    /// waiting for a place.
    pub(super) fn begun_at(scope: &Scope, event: EventBuilder, begun: Duration) -> Self {
        let pending = Self::opened(scope, None, event, Durability::Buffered);
        pending.draft(|draft| draft.begun = Some(begun));
        pending
    }

    pub(super) fn opened(
        scope: &Scope,
        slot: Option<Slot>,
        event: EventBuilder,
        durability: Durability,
    ) -> Self {
        let operation = Operation::begin(scope, event);
        operation.recorder().shared.intake.begun();
        let edge = scope.edge().cloned();
        let is_left = edge.is_some();
        let pending = Self { open: Some(Open { operation, slot, durability, edge }) };
        if is_left { pending.by_default() } else { pending }
    }

    /// Does something with what the event says so far, if it has not been delivered.
    fn draft<T>(&self, work: impl FnOnce(&mut Draft) -> T) -> Option<T> {
        self.open.as_ref().map(|open| work(&mut open.operation.draft()))
    }

    /// The scope of what runs within the operation.
    pub(super) fn inside(&self) -> Option<Scope> {
        self.open.as_ref().map(|open| Scope::within(open.operation.clone()))
    }

    /// The event's id.
    #[must_use]
    pub fn id(&self) -> Uuid {
        self.open.as_ref().map_or_else(Uuid::nil, |open| open.operation.id())
    }

    /// The name of the event's action.
    #[must_use]
    pub fn action(&self) -> Cow<'static, str> {
        self.draft(|draft| draft.action.clone()).unwrap_or_default()
    }

    /// What the event's action asks for.
    #[must_use]
    pub fn durability(&self) -> Durability {
        self.open.as_ref().map_or_else(Durability::default, |open| open.durability)
    }

    /// Whether the answer must wait for the commit: see [`finish_durable`](Self::finish_durable).
    #[must_use]
    pub fn is_awaited(&self) -> bool {
        self.durability() != Durability::Buffered && !self.is_settled()
    }

    /// Adds to the event. If `add` panics, the event is delivered without what it said so far, as that of
    /// an operation that panicked.
    pub fn with(self, add: impl FnOnce(EventBuilder) -> EventBuilder) -> Self {
        let added = self.draft(|draft| catch_unwind(AssertUnwindSafe(|| draft.add(add))));
        if let Some(Err(panic)) = added {
            self.draft(|draft| draft.add(|event| panicked(event, &*panic)));
            drop(self);
            resume_unwind(panic);
        }
        self
    }

    /// Sets the id of the resource whose type the event names.
    pub(crate) fn set_resource_id(&mut self, id: String) {
        let id = Short::Far(id);
        self.draft(|draft| draft.add(|event| event.resource_id(id)));
    }

    /// The id of the actor that the event names itself, in place of that of its context.
    #[must_use]
    pub fn own_actor(&self) -> Option<String> {
        self.draft(|draft| draft.own_actor().map(str::to_owned)).flatten()
    }

    /// The id with which the event will be delivered; nothing where none will be, and where that is not known yet, as another event
    /// may stand in a transaction of the application's.
    #[must_use]
    pub fn delivered_id(&self) -> Option<Uuid> {
        self.draft(|draft| draft.delivered_id()).flatten()
    }

    /// How the operation ended, as far as has been said.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        self.draft(|draft| draft.outcome()).flatten()
    }

    pub(super) fn untimed(self) -> Self {
        self.draft(|draft| draft.begun = None);
        self
    }

    /// Whether nothing is to be delivered: the event is in a transaction of the application's, or discarded.
    fn is_settled(&self) -> bool {
        self.draft(|draft| draft.is_posted() || draft.is_discarded()).unwrap_or(false)
    }

    fn is_posted(&self) -> bool {
        self.draft(|draft| draft.is_posted()).unwrap_or(false)
    }

    /// Whether the operation has said that nothing is to be delivered, and went well.
    #[must_use]
    pub fn is_discarded(&self) -> bool {
        self.draft(|draft| draft.is_discarded()).unwrap_or(false)
    }

    /// Whether the event of an operation that went well belongs into its transaction, and is not there: its body
    /// may have written it itself, or have said that it is a denial, or nothing at all.
    pub(crate) fn is_to_be_posted(&self) -> bool {
        self.draft(|draft| !draft.posted && !draft.discarded && draft.outcome().is_none())
            .unwrap_or(false)
    }

    /// Writes the event, as that of an operation that went well, into a transaction of the application's.
    pub(crate) async fn post(&self, transaction: &mut impl Outbox) -> Result<(), NotRecorded> {
        match &self.open {
            Some(open) => open.operation.post(transaction).await.map(drop),
            None => Ok(()),
        }
    }

    /// Makes a buffered event durable, if that is what its recorder does by default: at an edge, which can hold its answer
    /// back.
    pub(super) fn by_default(mut self) -> Self {
        if let Some(open) = self.open.as_mut()
            && open.operation.recorder().shared.is_durable
            && open.durability == Durability::Buffered
        {
            open.durability = Durability::Durable;
        }
        self
    }

    /// Leaves the event to its edge; gives it back where there is none any more, or where the edge holds a durable
    /// event already: that one must be waited for before the answer leaves.
    pub(crate) fn leave_to_edge(mut self) -> Option<Self> {
        if self.is_posted() {
            return Some(self);
        }
        let Some(edge) = self.open.as_mut().and_then(|open| open.edge.take()) else {
            return Some(self);
        };
        let mut held = lock(&edge.held);
        if held.as_ref().is_none_or(Held::must_be_waited_for) {
            return Some(self);
        }
        let earlier = held.replace(Held::Waiting(self));
        drop(held);
        if let Some(Held::Waiting(earlier)) = earlier {
            // Two operations, one after the other: only the last one can be what was answered.
            earlier.finish();
        }
        None
    }

    /// Delivers the event into the queue.
    pub fn finish(mut self) {
        if let Some(open) = self.open.take() {
            open.deliver(Held::Finished);
        }
    }

    /// Delivers the event and waits until it is committed in the log.
    ///
    /// Dropped half-way, the event is on its way all the same.
    ///
    /// # Errors
    /// [`NotRecorded::RanButUnrecorded`] where it was not committed within the recorder's deadline, or
    /// never will be.
    pub async fn finish_durable(mut self) -> Result<Receipt, NotRecorded> {
        let id = self.id();
        let unrecorded = |why| NotRecorded::RanButUnrecorded { event_id: id, why };
        if let Some(open) = self.open.as_mut().filter(|open| open.slot.is_none()) {
            // Dropped here, it is delivered as a pending event that is dropped.
            let slot = open.recorder().slot().await;
            open.slot = slot.ok();
        }
        let Some(mut open) = self.open.take() else {
            return Err(unrecorded(Refusal::Stopped));
        };
        open.tell_edge(Held::Finished);
        let (slot, event) = open.seal();
        commit(open.recorder(), slot, &event, false).await.map_err(unrecorded)
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        let Some(open) = self.open.take() else {
            return;
        };
        open.operation.draft().add(|event| match event.fields.outcome {
            Some(_) => event,
            None if std::thread::panicking() => panicked(event, &()),
            None => event.outcome(Outcome::Cancelled),
        });
        open.deliver(Held::Left);
    }
}

/// Says of an event that its operation panicked, with the message, where the panic has one.
pub fn panicked(event: EventBuilder, panic: &(dyn Any + Send)) -> EventBuilder {
    let message = panic.downcast_ref::<&str>().copied();
    let message = message.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    let error = message.map_or_else(ErrorInfo::untold, ErrorInfo::new).kind("panic");
    event.outcome(Outcome::Failure).at_least(Severity::Error).error(error)
}

impl Open {
    fn recorder(&self) -> &Recorder {
        self.operation.recorder()
    }

    /// Closes the event, and tells the place for it.
    fn seal(&mut self) -> (Result<Slot, Refusal>, Event) {
        let event = self.operation.close();
        let slot = self.slot.take().map_or_else(|| self.recorder().slot_at_last(&event), Ok);
        (slot, event)
    }

    fn tell_edge(&self, done: Held) {
        if let Some(edge) = &self.edge {
            let mut held = lock(&edge.held);
            match (&*held, &done) {
                // Of several, the last one can be what is answered.
                (Some(Held::Nothing | Held::Left), _)
                | (Some(Held::Posted(_)), Held::Posted(_)) => {
                    *held = Some(done);
                }
                // What waited here cannot be what is answered now.
                (Some(earlier @ Held::Waiting(_)), Held::Posted(_))
                    if !earlier.must_be_waited_for() =>
                {
                    let earlier = held.replace(done);
                    drop(held);
                    drop(earlier);
                }
                _ => {}
            }
        }
    }

    /// Delivers the event; the edge hears what is `done` by that.
    fn deliver(mut self, done: Held) {
        let (posted, discarded) = {
            let draft = self.operation.draft();
            (draft.is_posted().then(|| draft.action.clone()), draft.is_discarded())
        };
        let is_over = posted.is_some() || discarded;
        self.tell_edge(posted.map_or(done, Held::Posted));
        if is_over {
            return self.recorder().shared.intake.arrived();
        }
        let (slot, event) = self.seal();
        let intake = &self.recorder().shared.intake;
        match slot {
            Ok(slot) => {
                let (log, number) = intake.number(&event);
                intake.send(slot, Accepted::new(log, Content::Event(event, number), None));
            }
            Err(why) => intake.lost(why),
        }
    }
}

/// Sends an event and waits until it is committed, in its log or, unless it must be that, in the spool.
async fn commit(
    recorder: &Recorder,
    slot: Result<Slot, Refusal>,
    event: &Event,
    by_log_only: bool,
) -> Result<Receipt, Refusal> {
    let intake = &recorder.shared.intake;
    let slot = slot.inspect_err(|why| intake.lost(why.clone()))?;
    let (log, leaf) = intake.leaf(event);
    let (sender, answer) = oneshot::channel();
    let reply = Some(Reply { sender, by_log_only });
    intake.send(slot, Accepted::new(log, Content::Leaf(Box::new(leaf)), reply));
    let deadline = recorder.shared.deadline;
    let answered = async {
        tokio::select! {
            biased;
            answer = answer => answer.unwrap_or(Err(Refusal::Stopped)),
            // Whoever holds the lock may be waiting for this very event.
            () = intake.lock_held() => Err(Refusal::Locked),
        }
    };
    recorder.within(deadline, answered).await.unwrap_or(Err(Refusal::Deadline(deadline)))
}

pub(super) fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}
