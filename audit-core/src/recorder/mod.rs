//! The handle that applications hold: events go in here.

mod draft;
mod pending;
mod fallback;
mod scope;
mod current;
mod call;
mod task;
mod builder;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::mpsc::OwnedPermit;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::{Mutex, mpsc, oneshot};
use tokio::task::JoinHandle;
use tokio::time::error::Elapsed;
use tokio::time::timeout;
use uuid::Uuid;

pub use builder::{
    DEFAULT_DEADLINE, DEFAULT_HEARTBEAT, DEFAULT_ORPHANED_AFTER, DEFAULT_QUEUE_BYTES,
    DEFAULT_QUEUE_CAPACITY, DEFAULT_QUEUE_WAIT, RecorderBuilder, StartError,
};
#[doc(hidden)]
pub use call::{Call, Run};
pub use call::{audited, audited_by};
pub use current::{Current, current};
use draft::Operation;
pub use fallback::unrecorded;
pub(crate) use fallback::{Place, count_unrecorded};
pub use pending::{Durability, Pending, panicked};
pub use scope::{Edge, Held, Inside};
pub(crate) use scope::{Scope, unheard};
pub use task::{apart, spawn};

use crate::actions::Catalogue;
use crate::appender::{Accepted, Content, Health, Intake, Receipt, Refusal, Reply};
use crate::clock::Clock;
use crate::event::{AUDIT_CLASS, Event, EventBuilder, Outcome, error_text};
use crate::store::{Outbox, Reader, Store};

/// Records events into the logs of one store. Cheap to clone; all clones share one queue.
///
/// A log has one name, its origin, and one recorder or several, in any number of processes, write to it.
///
/// ```
/// use std::time::Duration;
/// use audit_core::{Actor, Event, Outcome, Recorder, store::MemoryStore};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let recorder = Recorder::builder(MemoryStore::new()).origin("billing.example/audit").start().await?;
/// recorder.record(Event::builder("user.login").actor(Actor::user("u-17")).outcome(Outcome::Success)).await;
/// recorder.shutdown(Duration::from_secs(10)).await?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Recorder {
    shared: Arc<Shared>,
}

/// Without its store, which may hold the log.
impl fmt::Debug for Recorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder").finish_non_exhaustive()
    }
}

struct Shared {
    queue: mpsc::Sender<Accepted>,
    /// Into the spool, where there is one.
    ring: Option<mpsc::Sender<Accepted>>,
    /// For denials that find no place elsewhere.
    reserve: mpsc::Sender<Accepted>,
    intake: Arc<Intake>,
    store: Arc<dyn Store>,
    catalogue: Catalogue,
    queue_bytes: usize,
    queue_wait: Duration,
    /// Whether an edge waits for events that do not ask for it.
    is_durable: bool,
    deadline: Duration,
    runtime: Handle,
    worker: Mutex<Worker>,
}

/// The appender's task, and how it is told to come to an end.
#[derive(Debug)]
struct Worker {
    task: JoinHandle<u64>,
    /// Taken by the first shutdown.
    stop: Option<oneshot::Sender<()>>,
    /// How many events were left when the task came to its end by itself, once it is over.
    ended: Option<Option<u64>>,
}

/// A place in the queue. Whoever has one sends an event: that is counted on.
type Slot = OwnedPermit<Accepted>;

/// An operation whose entry is not in the log as it was asked to be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotRecorded {
    /// It was not run, because it could not have been recorded.
    #[error("the operation was not run, as it could not have been recorded: {0}")]
    NotRun(Refusal),
    /// It was run, and its effects stand.
    #[error(
        "the operation was run, but its audit entry {event_id} is not known to be recorded: {why}"
    )]
    RanButUnrecorded {
        /// The event's id.
        event_id: Uuid,
        /// Why.
        why: Refusal,
    },
    /// Its entry could not be written in the application's transaction, which must be rolled back.
    #[error("the audit entry could not be written in the transaction, roll it back: {0}")]
    NotInTransaction(Refusal),
}

/// A recorder that was told to stop and has not brought all events into the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{left} events have not been recorded by the end of the shutdown")]
pub struct ShutdownError {
    /// Events that were on their way, and operations that were still running.
    pub left: u64,
}

impl Recorder {
    /// A recorder for the logs of a store.
    pub fn builder(store: impl Store) -> RecorderBuilder {
        RecorderBuilder::new(Arc::new(store))
    }

    /// Records an event that is complete, with the facts of the current context. Buffered: when this
    /// returns, the event is in the queue, or counted as lost.
    ///
    /// What is wrong with the event never reaches the caller: see [`EventBuilder::build`] for how to
    /// know. Dropped half-way, it has recorded the event or not.
    pub async fn record(&self, event: EventBuilder) {
        Pending::begin(self, event).await.untimed().finish();
    }

    /// Records an event that is complete, and waits until it is committed in the log; or in the
    /// [spool](RecorderBuilder::spool), and then without an index.
    ///
    /// Dropped half-way, it has recorded the event or not.
    ///
    /// ```
    /// # use audit_core::{Event, Recorder, store::MemoryStore};
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # let recorder = Recorder::builder(MemoryStore::new()).origin("billing.example/audit").start().await?;
    /// let receipt = recorder.record_durable(Event::builder("key.rotate").resource("key", "k-3")).await?;
    /// assert_eq!((&*receipt.log, receipt.index), ("billing.example/audit/standard", Some(0)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`NotRecorded`] where the event was not committed within the deadline, or never will be, as where its action is refused.
    pub async fn record_durable(&self, event: EventBuilder) -> Result<Receipt, NotRecorded> {
        let pending = Pending::begin_durable(self, event).await?;
        pending.untimed().finish_durable().await
    }

    /// Writes an event that is complete, with the facts of the current context, into the transaction that is
    /// open on a connection of the application's: the entry will be in the log if and only if that transaction
    /// commits. The connection must be to the database in which this recorder's store is.
    ///
    /// Nothing is begun, committed or rolled back, and nothing is locked but what an INSERT locks. The row waits in the outbox until a recorder moves
    /// it into the log, which takes a moment after the commit. In a transaction of the database's own that is
    /// rolled back, or back to a savepoint before this call, nothing is left of it.
    ///
    /// `transaction` is sqlx's `PgConnection`, `SqliteConnection`, or a `Transaction` of either. On a
    /// connection without an open transaction, the row is committed at once.
    ///
    /// Dropped half-way, it has written the row or not.
    ///
    /// # Errors
    /// [`NotRecorded::NotInTransaction`] where the database refuses the row, or the event's action has no valid
    /// name, or an unknown one where those are refused. PostgreSQL then takes no further statements in this transaction.
    pub async fn record_in(
        &self,
        transaction: &mut impl Outbox,
        event: EventBuilder,
    ) -> Result<Uuid, NotRecorded> {
        let event = Operation::begin(&Scope::of(self), event).untimed();
        self.post(transaction, &event).await
    }

    async fn post(
        &self,
        transaction: &mut impl Outbox,
        event: &Event,
    ) -> Result<Uuid, NotRecorded> {
        let refused = |why| NotRecorded::NotInTransaction(Refusal::Outbox(why));
        if event.class() == AUDIT_CLASS {
            return Err(refused(
                "its action has no valid name, or is not in the catalogue".to_owned(),
            ));
        }
        let intake = &self.shared.intake;
        let log = intake.names().of(event);
        if let Some(why) = intake.closed(&log) {
            return Err(NotRecorded::NotInTransaction(Refusal::Closed(why)));
        }
        // Whether it will be in the log is not known: a number would leave a hole.
        let encoded = event.encode(intake.producer(), None);
        let written = transaction.put(&log.origin, &encoded).await;
        written.map_err(|error| refused(error_text(&error)))?;
        intake.posted().notify_one();
        Ok(event.id())
    }

    /// Reads the logs of this recorder's store.
    #[must_use]
    pub fn reader(&self) -> Reader {
        Reader::shared(Arc::clone(&self.shared.store))
    }

    /// How this recorder does now: for a readiness route, beside meters of its own (feature `metrics`).
    ///
    /// ```
    /// # use audit_core::{Event, Recorder, store::MemoryStore};
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # let recorder = Recorder::builder(MemoryStore::new()).origin("billing.example/audit").start().await?;
    /// recorder.record_durable(Event::builder("key.rotate")).await?;
    /// let health = recorder.health();
    /// assert!(health.is_good());
    /// assert!(health.appended > 0 && health.lost == 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn health(&self) -> Health {
        let Shared { queue, queue_bytes, intake, .. } = &*self.shared;
        let used = queue.max_capacity().saturating_sub(queue.capacity());
        let bytes = (intake.bytes(), *queue_bytes);
        let closed = intake.all_closed().into_iter();
        let closed = closed.map(|(log, why)| (log.origin.to_string(), why)).collect();
        intake.meter().health((used, queue.max_capacity()), bytes, intake.spooled(), closed)
    }

    /// Stops taking events and waits until those that are on their way are in the log.
    ///
    /// Stop whatever records first, such as the server: what comes after a shutdown is lost, which is said
    /// in an error message and nowhere else. Operations that are still running keep their place in the
    /// queue, and are waited for. Whether this is dropped half-way or runs out of time, the shutdown goes on,
    /// and a further call waits for the same end.
    ///
    /// # Errors
    /// [`ShutdownError`] with the number of events that were left when the time ran out.
    pub async fn shutdown(&self, within: Duration) -> Result<(), ShutdownError> {
        let ended = async {
            let mut worker = self.shared.worker.lock().await;
            if let Some(stop) = worker.stop.take() {
                // An appender that has ended already needs no telling.
                let _ = stop.send(());
            }
            if worker.ended.is_none() {
                worker.ended = Some((&mut worker.task).await.ok());
            }
            worker.ended.flatten()
        };
        match self.within(within, ended).await {
            Ok(Some(0)) => Ok(()),
            Ok(Some(left)) => Err(ShutdownError { left }),
            // With a spool, what is left there is safe.
            Err(_) if self.shared.ring.is_some() && self.shared.intake.under_way() == 0 => Ok(()),
            Ok(None) | Err(_) => Err(ShutdownError { left: self.shared.intake.under_way() }),
        }
    }

    /// Refuses what would be recorded under an action that is not known, and need not run.
    pub(crate) fn check(&self, event: &EventBuilder) -> Result<(), NotRecorded> {
        let known = self.shared.catalogue.check(&event.fields.action);
        known.map_err(|unknown| NotRecorded::NotRun(Refusal::UnknownAction(unknown.to_string())))
    }

    fn clock(&self) -> &dyn Clock {
        self.shared.intake.clock()
    }

    /// A place in the queue; waits for one, but not for long. Then one on the way into the spool.
    async fn slot(&self) -> Result<Slot, Refusal> {
        match self.slot_in_queue().await {
            Err(Refusal::QueueFull) => self.slot_beside(),
            slot => slot,
        }
    }

    /// A place in the queue, and nowhere else; waits for one, but not for long.
    async fn slot_in_queue(&self) -> Result<Slot, Refusal> {
        match self.slot_now() {
            Err(Refusal::QueueFull) => {
                let Shared { queue, queue_bytes, queue_wait, intake, .. } = &*self.shared;
                let slot = async {
                    intake.below(*queue_bytes).await;
                    queue.clone().reserve_owned().await
                };
                let slot = self.within(*queue_wait, slot).await;
                slot.map_err(|_| Refusal::QueueFull)?.map_err(|_| Refusal::Stopped)
            }
            now => now,
        }
    }

    /// A place in the queue, or on the way into the spool, if there is one now.
    fn slot_beside(&self) -> Result<Slot, Refusal> {
        match (self.slot_now(), &self.shared.ring) {
            (Err(Refusal::QueueFull), Some(ring)) => self.slot_in(ring, 5),
            (now, _) => now,
        }
    }

    /// A place for an event of which all is known, if there is one now: a denial has some that no other can take.
    fn slot_at_last(&self, event: &Event) -> Result<Slot, Refusal> {
        match self.slot_beside() {
            Err(Refusal::QueueFull) if event.fields.outcome == Some(Outcome::Denied) => {
                self.slot_in(&self.shared.reserve, 6)
            }
            slot => slot,
        }
    }

    /// Waits for a future by the timer of the recorder's own runtime: whoever calls may be on one without, or on none.
    async fn within<F: Future>(&self, time: Duration, future: F) -> Result<F::Output, Elapsed> {
        let waiting = {
            let _on_runtime = self.shared.runtime.enter();
            timeout(time, future)
        };
        waiting.await
    }

    /// A place in the queue, if there is one now.
    fn slot_now(&self) -> Result<Slot, Refusal> {
        self.slot_in(&self.shared.queue, 4)
    }

    /// A place somewhere, if there is one now, and events take no more than so many quarters of the bytes that they may.
    fn slot_in(&self, queue: &mpsc::Sender<Accepted>, quarters: usize) -> Result<Slot, Refusal> {
        let Shared { intake, queue_bytes, .. } = &*self.shared;
        if intake.bytes() / quarters >= (queue_bytes / 4).max(1) && !queue.is_closed() {
            return Err(Refusal::QueueFull);
        }
        queue.clone().try_reserve_owned().map_err(|error| match error {
            TrySendError::Closed(_) => Refusal::Stopped,
            TrySendError::Full(_) => Refusal::QueueFull,
        })
    }
}
