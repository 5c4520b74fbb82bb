//! What a recorder is made of, and how it starts.

use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{Mutex, mpsc, oneshot};

use super::{Recorder, Shared, Worker};
use crate::actions::Catalogue;
use crate::appender::{
    Appender, Inlets, Intake, Lifecycle, MAX_BATCH, Names, Overflow, Reconciler, Shard,
};
use crate::clock::{Clock, SystemClock};
use crate::event::{AUDIT_CLASS, Action, DEFAULT_CLASS, Event, EventError, Producer};
use crate::store::{Spool, Store, StoreError};

/// Events that the queue holds, those included whose operation is still running.
pub const DEFAULT_QUEUE_CAPACITY: usize = 8_192;

/// Bytes of events that the queue holds, about.
pub const DEFAULT_QUEUE_BYTES: usize = 64 << 20;

/// How long an operation waits for a place in a full queue before it goes on without one.
pub const DEFAULT_QUEUE_WAIT: Duration = Duration::from_secs(1);

/// Events that find no place in the queue and are on their way into the spool, at the most.
const RING: usize = 1_024;

/// Most places of a queue.
const MOST: usize = 1 << 24;

const DAY: Duration = Duration::from_secs(86_400);

/// Denials that find no place anywhere else, at the most.
const DENIALS: usize = 256;

/// How long the database has for one call, and a durable event until it is recorded.
pub const DEFAULT_DEADLINE: Duration = Duration::from_secs(5);

/// How often a recorder says that it is still there.
pub const DEFAULT_HEARTBEAT: Duration = Duration::from_secs(300);

/// How long a strict operation may take before it is closed as one of which nobody knows how it ended.
pub const DEFAULT_ORPHANED_AFTER: Duration = Duration::from_secs(3_600);

/// A recorder that cannot be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Its logs have no usable name.
    #[error(
        "`{0}` is no origin for a log: use a name of your own without scheme, such as `billing.example/audit`, \
         1 to 200 bytes without spaces, control characters or `+`"
    )]
    Origin(String),
    /// An action of its catalogue has no valid name.
    #[error(transparent)]
    Catalogue(#[from] EventError),
    /// There is no tokio runtime for its task.
    #[error("a recorder starts a task: call `start` on a tokio runtime that has its timer enabled")]
    NoRuntime,
    /// Its store cannot be used.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What a recorder is made of; see [`Recorder::builder`].
#[must_use = "nothing is recorded before `start`"]
#[derive(Debug)]
pub struct RecorderBuilder {
    store: Arc<dyn Store>,
    spool: Option<Arc<dyn Spool>>,
    origin: String,
    producer: Option<String>,
    clock: Arc<dyn Clock>,
    shard: Option<Shard>,
    catalogue: Catalogue,
    queue_capacity: usize,
    queue_bytes: usize,
    queue_wait: Duration,
    is_durable: bool,
    deadline: Duration,
    heartbeat: Duration,
    orphaned_after: Duration,
}

impl RecorderBuilder {
    pub(super) fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            spool: None,
            origin: String::new(),
            producer: None,
            clock: Arc::new(SystemClock::new()),
            shard: None,
            catalogue: Catalogue::default(),
            queue_capacity: DEFAULT_QUEUE_CAPACITY,
            queue_bytes: DEFAULT_QUEUE_BYTES,
            queue_wait: DEFAULT_QUEUE_WAIT,
            is_durable: false,
            deadline: DEFAULT_DEADLINE,
            heartbeat: DEFAULT_HEARTBEAT,
            orphaned_after: DEFAULT_ORPHANED_AFTER,
        }
    }

    /// The name of the logs: theirs are this, a slash, and the retention class. Required.
    pub fn origin(mut self, origin: impl Into<String>) -> Self {
        self.origin = origin.into();
        self
    }

    /// The name under which this process produces events; by default the machine's host name.
    pub fn producer(mut self, id: impl Into<String>) -> Self {
        self.producer = Some(id.into());
        self
    }

    /// Where events wait that their log does not take: while the database is away, has not answered for half of the
    /// [deadline](Self::deadline), or is behind and the queue full. They go into their logs when that is possible again, in
    /// the order in which they came to the spool, each once; also those that an earlier process has left.
    ///
    /// A durable event counts as recorded when it is in the spool. A strict operation does not begin, as its log cannot say
    /// so. A store must be within reach when it is opened, spool or no spool.
    /// Without a spool, events wait in memory, durable ones fail, and what finds no place in the queue is lost, and counted.
    pub fn spool(mut self, spool: impl Spool) -> Self {
        self.spool = Some(Arc::new(spool));
        self
    }

    /// The clock; by default the machine's.
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    /// Gives each shard a log of its own in each retention class, named by a further slash and the shard: for
    /// tenants whose logs must not mix, or more writers than one log can take. By default there are no shards.
    ///
    /// `shard` must say the same for the same event, always and in all processes. What it says stands in the
    /// name of the log: no secret, and nothing that an unauthenticated request can choose, as each new word is
    /// a log for ever. Each log is an append of its own, and a
    /// search looks into all of them.
    ///
    /// ```
    /// # use audit_core::{Event, Query, Recorder, store::MemoryStore};
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// let recorder = Recorder::builder(MemoryStore::new())
    ///     .origin("billing.example/audit")
    ///     .shard_by(|event| event.tenant().map(str::to_owned))
    ///     .start()
    ///     .await?;
    /// let receipt = recorder.record_durable(Event::builder("user.login").tenant("acme")).await?;
    /// assert_eq!(&*receipt.log, "billing.example/audit/standard/acme");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn shard_by(
        mut self,
        shard: impl Fn(&Event) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.shard = Some(Shard::by(shard));
        self
    }

    /// Adds actions that are known: an event that is begun by the bare name of one of them says what that action says, as far as
    /// it does not say that itself. Of two with one name, the later one is meant. By default none are known.
    ///
    /// ```
    /// # use audit_core::{AuditAction, Event, Query, Recorder, actions, store::MemoryStore};
    /// #[derive(AuditAction)]
    /// #[audit(prefix = "invoice", category = "billing")]
    /// enum InvoiceAction {
    ///     Approve,
    /// }
    ///
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// let recorder = Recorder::builder(MemoryStore::new())
    ///     .origin("billing.example/audit")
    ///     .catalogue(actions::ALL)
    ///     .catalogue(InvoiceAction::actions())
    ///     .start()
    ///     .await?;
    /// recorder.record_durable(Event::builder("invoice.approve")).await?;
    /// let page = recorder.reader().search(&Query::new().category("billing")).await?;
    /// assert_eq!(page.entries.len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn catalogue(mut self, actions: impl IntoIterator<Item: Into<Action>>) -> Self {
        self.catalogue.add(actions.into_iter().map(Into::into));
        self
    }

    /// Refuses actions that are not in the [catalogue](Self::catalogue), such as misspelt ones. Those of the log's own
    /// (`audit.*`) always are; `http.request` and `http.call`, which `audit-tower` records, are in [`actions::ALL`](crate::actions::ALL).
    ///
    /// Who can be told is: what is durable, strict or in a transaction does not run ([`NotRecorded`](crate::NotRecorded)). What
    /// is buffered runs, and leaves an event `audit.invalid_event` that names the action, with actor, resource, outcome and
    /// request, and without values.
    ///
    /// ```
    /// # use audit_core::{Event, NotRecorded, Recorder, Refusal, actions, store::MemoryStore};
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// let recorder = Recorder::builder(MemoryStore::new())
    ///     .origin("billing.example/audit")
    ///     .catalogue(actions::ALL)
    ///     .refuse_unknown_actions()
    ///     .start()
    ///     .await?;
    /// recorder.record_durable(Event::builder("user.login")).await?;
    /// let refused = recorder.record_durable(Event::builder("user.lgoin")).await;
    /// assert!(matches!(refused, Err(NotRecorded::NotRun(Refusal::UnknownAction(_)))));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn refuse_unknown_actions(mut self) -> Self {
        self.catalogue.close();
        self
    }

    /// Events that the queue holds; by default [`DEFAULT_QUEUE_CAPACITY`], 1 to 16,777,216. A strict operation takes two
    /// places.
    pub fn queue_capacity(mut self, events: usize) -> Self {
        self.queue_capacity = events.clamp(1, MOST);
        self
    }

    /// Bytes of events that the queue holds; by default [`DEFAULT_QUEUE_BYTES`]. With more, it is full for those that begin:
    /// operations that are under way have their places, and may each add an event of up to 64 KiB.
    pub fn queue_bytes(mut self, bytes: usize) -> Self {
        self.queue_bytes = bytes.max(1);
        self
    }

    /// Holds every answer back until its entry is committed, as if each audited function and each request that a layer
    /// records were [durable](crate::Durability::Durable): where it cannot be recorded, the answer is that, and not that of the
    /// handler. By default this is so for those that say `durability = durable`.
    ///
    /// It is the edge, such as a layer, that holds back, for the outermost event that is left there. Elsewhere, what is
    /// buffered stays so: a function that returns no [`NotRecorded`](crate::NotRecorded) could not say what happened. Nor can it
    /// be told not to run. Of several audited functions in one request, the answer waits for one; nor does it wait where the
    /// function ended without its layer, by a panic, or given up by a time-out inside. A stream is judged, and waited for, at
    /// its head.
    pub fn durable_by_default(mut self) -> Self {
        self.is_durable = true;
        self
    }

    /// How long an operation waits for a place in the queue; by default [`DEFAULT_QUEUE_WAIT`].
    pub fn queue_wait(mut self, wait: Duration) -> Self {
        self.queue_wait = wait;
        self
    }

    /// How long the database has; by default [`DEFAULT_DEADLINE`].
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    /// How often the recorder says by an entry `audit.heartbeat` that it is still there; by default
    /// [`DEFAULT_HEARTBEAT`], at most a day. One that has neither said `audit.stopped` nor anything else for three times as long has come to an
    /// unclean stop, which verification reports.
    pub fn heartbeat(mut self, every: Duration) -> Self {
        self.heartbeat = every.clamp(Duration::from_millis(10), DAY);
        self
    }

    /// How long a strict operation may have begun without being completed; by default [`DEFAULT_ORPHANED_AFTER`], at
    /// least a minute. Then, or as soon as its process is known to be no more, an event completes it with the outcome `unknown` and the error code
    /// `audit.orphaned`. If it is completed after all, that stands beside it, and is what counts.
    pub fn orphaned_after(mut self, time: Duration) -> Self {
        self.orphaned_after = time.max(Duration::from_secs(60));
        self
    }

    /// Opens the logs and starts the task that writes them, on the current tokio runtime.
    ///
    /// Safe to drop: nothing is left running.
    ///
    /// # Errors
    /// [`StartError`] where the origin is missing or unusable, an action has no valid name, there is no runtime, or the store
    /// cannot be opened.
    pub async fn start(self) -> Result<Recorder, StartError> {
        let runtime = Handle::try_current().map_err(|_| StartError::NoRuntime)?;
        let usable = |c: char| !c.is_whitespace() && !c.is_control() && c != '+';
        if self.origin.is_empty() || self.origin.len() > 200 || !self.origin.chars().all(usable) {
            return Err(StartError::Origin(self.origin.escape_debug().take(200).collect()));
        }
        self.catalogue.check_names()?;
        let name = self
            .producer
            .unwrap_or_else(|| gethostname::gethostname().to_string_lossy().into_owned());
        let names = Names::new(self.origin, self.shard);
        let intake = Arc::new(Intake::new(self.clock, Producer::new(name), names));
        let (queue, accepted) = mpsc::channel(self.queue_capacity);
        let (reserve, denials) = mpsc::channel(DENIALS);
        let (hand, stranded) = mpsc::channel(1);
        let ring = if self.spool.is_some() { RING } else { 0 };
        // For logs that take nothing any more.
        let room = (self.queue_capacity, self.queue_bytes / 4);
        let in_memory = |places: usize| places.saturating_add(places.min(MAX_BATCH));
        // What comes from the ring may be at four places: there, at its task, handed over by that, and at the appender.
        let places = [self.queue_capacity, ring, ring, DENIALS].map(in_memory);
        let places = places.into_iter().fold(room.0, usize::saturating_add);
        let lifecycle = Lifecycle { places, heartbeat: self.heartbeat };
        let mut appender = Appender::new(
            Arc::clone(&self.store),
            Arc::clone(&intake),
            Inlets { queue: accepted, denials, stranded },
            self.spool.clone(),
            self.deadline,
            lifecycle,
            room,
        );
        for class in [AUDIT_CLASS, DEFAULT_CLASS] {
            appender.open(&intake.names().of_class(class)).await?;
        }
        let (ring, overflow) = match self.spool {
            None => (None, None),
            Some(spool) => {
                let left = spool.count(intake.names().base(), 0).await?;
                intake.add_spooled(left.try_into().unwrap_or(usize::MAX));
                appender.find_held().await?;
                let (ring, overflowed) = mpsc::channel(RING);
                let intake = Arc::clone(&intake);
                (Some(ring), Some(Overflow::new(spool, intake, overflowed, hand)))
            }
        };
        let reconciler = Reconciler::new(
            Arc::clone(&self.store),
            Arc::clone(&intake),
            queue.downgrade(),
            lifecycle,
            self.orphaned_after,
            self.deadline,
        );
        // Whatever is recorded, the log knows by whom, and that there was somebody.
        appender.started().await;
        let (stop, stopped) = oneshot::channel();
        let work = async move {
            let write = async {
                match overflow {
                    None => appender.run(stopped).await,
                    Some(overflow) => {
                        tokio::join!(appender.run(stopped), overflow.run());
                    }
                }
            };
            tokio::select! {
                () = write => {}
                () = reconciler.run() => {}
            }
            appender.finish().await
        };
        #[expect(clippy::disallowed_methods, reason = "the recorder owns this task")]
        let task = runtime.spawn(work);
        Ok(Recorder {
            shared: Arc::new(Shared {
                queue,
                ring,
                reserve,
                intake,
                store: self.store,
                catalogue: self.catalogue,
                queue_bytes: self.queue_bytes,
                queue_wait: self.queue_wait,
                is_durable: self.is_durable,
                deadline: self.deadline,
                runtime,
                worker: Mutex::new(Worker { task, stop: Some(stop), ended: None }),
            }),
        })
    }
}
