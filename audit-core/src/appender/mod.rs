//! The task that writes: accepted events into their logs, a batch at a time.

mod batch;
mod intake;
mod names;
mod outbox;

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, timeout};

pub(crate) use batch::{Accepted, Content};
pub use batch::{Receipt, Refusal};
pub(crate) use intake::Intake;
pub(crate) use names::{LogName, Names, Shard};

use crate::event::{AUDIT_CLASS, EncodedEvent, Event, EventBuilder, MAX_MESSAGE, error_text, line};
use crate::merkle::{Hash, leaf_hash};
use crate::store::{Appended, Leaf, LogId, Placement, Store, StoreError, StoreErrorKind};
use batch::{Batch, by_log};
use outbox::Looked;

/// Most events of one append.
const MAX_BATCH: usize = 1_000;

/// First and longest pause before a call is tried again.
const PAUSE: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

pub(crate) struct Appender {
    store: Arc<dyn Store>,
    /// Logs that are there.
    open: BTreeMap<LogId, LogName>,
    intake: Arc<Intake>,
    queue: mpsc::Receiver<Accepted>,
    deadline: Duration,
    /// The log's own events about what came up while writing.
    reports: Vec<Leaf>,
}

/// What came of a batch.
#[derive(Debug, Clone, Copy)]
struct Written {
    /// Events with which nobody had dealt before.
    new: usize,
    /// Whether nothing of it was left.
    whole: bool,
}

/// What to do about events while their log cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meanwhile {
    /// Try again, without end: they are nowhere else.
    Wait,
    /// Leave them where they are.
    Leave,
}

impl Appender {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        intake: Arc<Intake>,
        queue: mpsc::Receiver<Accepted>,
        deadline: Duration,
    ) -> Self {
        Self { store, open: BTreeMap::new(), intake, queue, deadline, reports: Vec::new() }
    }

    /// Finds a log or begins it.
    pub(crate) async fn open(&mut self, log: &LogName) -> Result<LogId, StoreError> {
        let id = log.id();
        if !self.open.contains_key(&id) {
            self.store.open_log(&log.origin, &log.class).await?;
            self.open.insert(id, log.clone());
        }
        Ok(id)
    }

    /// Writes until the queue is closed, by `stop` or because no recorder is left, and empty.
    pub(crate) async fn run(mut self, mut stop: oneshot::Receiver<()>) {
        let intake = Arc::clone(&self.intake);
        let mut accepted = Vec::new();
        let mut pause = outbox::PAUSE.0;
        let mut poll = pin!(sleep(pause));
        loop {
            tokio::select! {
                // Slots that are taken keep a closed queue open until their events are in.
                taken = self.queue.recv_many(&mut accepted, MAX_BATCH) => {
                    if taken == 0 {
                        break;
                    }
                }
                stopped = &mut stop, if !stop.is_terminated() => {
                    if stopped.is_ok() {
                        self.queue.close();
                    }
                    continue;
                }
                () = intake.posted().notified(), if pause > outbox::PAUSE.0 => {
                    pause = outbox::PAUSE.0;
                    poll.set(sleep(pause));
                    continue;
                }
                () = &mut poll => {
                    let again = match self.look_into_outbox().await {
                        Looked::More => Duration::ZERO,
                        Looked::Some => outbox::PAUSE.0,
                        Looked::Nothing => pause.saturating_mul(2).min(outbox::PAUSE.1),
                    };
                    pause = again.max(outbox::PAUSE.0);
                    poll.set(sleep(again));
                    // What came into the queue meanwhile does not wait for the rest of the outbox.
                    while accepted.len() < MAX_BATCH && let Ok(next) = self.queue.try_recv() {
                        accepted.push(next);
                    }
                }
            }
            for (log, batch) in by_log(accepted.drain(..), intake.producer()) {
                self.write(&log, batch, Meanwhile::Wait).await;
            }
            self.write_reports().await;
        }
        while self.look_into_outbox().await == Looked::More {}
        self.write_reports().await;
    }

    /// Brings a batch into its log; halves it where the database refuses it, until what is refused
    /// stands alone.
    async fn write(&mut self, log: &LogName, batch: Batch, meanwhile: Meanwhile) -> Written {
        let mut written = Written { new: 0, whole: true };
        let mut parts = vec![batch];
        while let Some(mut part) = parts.pop() {
            match self.append(log, &mut part, meanwhile).await {
                Ok(appended) => {
                    let is_new =
                        |placement: &&Placement| !matches!(placement, Placement::Repeated(_));
                    written.new += appended.placements.iter().filter(is_new).count();
                    written.whole &= self.answer(log, part, &appended, meanwhile).await;
                }
                Err(error) if error.kind() != StoreErrorKind::Rejected => {
                    let error = error_text(&error);
                    tracing::warn!(
                        error,
                        log = &*log.origin,
                        "audit log: events stay in the outbox"
                    );
                    written.whole = false;
                    return written;
                }
                Err(_) if part.leaves.len() > 1 => {
                    let rest = part.split_off_half();
                    parts.push(rest);
                    parts.push(part);
                }
                Err(error) => {
                    let reason = error_text(&error);
                    for (leaf, reply) in part.into_iter() {
                        let outbox = leaf.outbox.map(|key| (log.id(), key));
                        let trouble =
                            Trouble { action: "audit.rejected", reason: &reason, existing: None };
                        written.new += 1;
                        written.whole &=
                            self.set_aside(log, &leaf.event, outbox, trouble, meanwhile).await;
                        self.intake.answer(reply, Err(Refusal::Rejected));
                    }
                }
            }
        }
        written
    }

    /// Appends, however long it takes, if it is to wait; then the only error is that the database refuses
    /// the data.
    ///
    /// An append whose answer was lost is tried again with the same leaves: those that are in the log
    /// already are recognised by their ids and bytes.
    async fn append(
        &mut self,
        log: &LogName,
        batch: &mut Batch,
        meanwhile: Meanwhile,
    ) -> Result<Appended, StoreError> {
        let (mut pause, deadline) = (PAUSE.0, self.deadline);
        loop {
            let attempt = async {
                let id = self.open(log).await?;
                self.store.append(id, &batch.leaves, self.intake.clock().now()).await
            };
            match in_time(deadline, attempt).await {
                Err(error)
                    if error.kind() != StoreErrorKind::Rejected && meanwhile == Meanwhile::Wait =>
                {
                    if error.kind() == StoreErrorKind::Locked {
                        // Whoever holds the lock may be waiting for this very event.
                        batch.refuse(&Refusal::Locked);
                    }
                    wait(&mut pause, "append", &error).await
                }
                done => return done,
            }
        }
    }

    async fn answer(
        &mut self,
        log: &LogName,
        batch: Batch,
        appended: &Appended,
        meanwhile: Meanwhile,
    ) -> bool {
        let mut whole = true;
        for ((leaf, reply), placement) in batch.into_iter().zip(&appended.placements) {
            let answer = match *placement {
                Placement::Appended(index) | Placement::Repeated(index) => Ok(Receipt {
                    event_id: leaf.event.id,
                    log: Arc::clone(&log.origin),
                    index,
                    leaf_hash: leaf.hash,
                }),
                Placement::Conflict(index, existing) => {
                    let reason =
                        format!("the entry at index {index} has this event id and other content");
                    let trouble = Trouble {
                        action: "audit.id_conflict",
                        reason: &reason,
                        existing: Some(existing),
                    };
                    let outbox = leaf.outbox.map(|key| (log.id(), key));
                    whole &= self.set_aside(log, &leaf.event, outbox, trouble, meanwhile).await;
                    Err(Refusal::IdConflict)
                }
            };
            self.intake.answer(reply, answer);
        }
        tracing::debug!(
            log = &*log.origin,
            entries = appended.placements.len(),
            "audit log: appended"
        );
        whole
    }

    /// Keeps an event outside of its log, and has an event of the log's own say so. False where it is to be
    /// left where it is. `outbox` is where it stands there, which need not be under its log.
    async fn set_aside(
        &mut self,
        log: &LogName,
        event: &EncodedEvent,
        outbox: Option<(LogId, i64)>,
        trouble: Trouble<'_>,
        meanwhile: Meanwhile,
    ) -> bool {
        let (mut pause, deadline) = (PAUSE.0, self.deadline);
        let Trouble { action, reason, existing } = trouble;
        loop {
            let attempt = async {
                let (id, key) = match outbox {
                    Some((id, key)) => (id, Some(key)),
                    None => (self.open(log).await?, None),
                };
                self.store.set_aside(id, event, key, reason, self.intake.clock().now()).await
            };
            match in_time(deadline, attempt).await {
                Ok(true) => break,
                // Somebody else did, and says so.
                Ok(false) => return true,
                Err(error) if meanwhile == Meanwhile::Leave => {
                    let error = error_text(&error);
                    tracing::error!(error, reason, id = %event.id, "audit log: an event stays in the outbox");
                    return false;
                }
                Err(error) if error.kind() == StoreErrorKind::Rejected => {
                    let error = error_text(&error);
                    tracing::error!(error, reason, id = %event.id, "audit log: an event is lost");
                    self.intake.count_lost(Refusal::Rejected);
                    return true;
                }
                Err(error) => wait(&mut pause, "set an event aside", &error).await,
            }
        }
        if &*log.class == AUDIT_CLASS && outbox.is_none() {
            // A report about a report that is refused would be refused as well, and so on.
            tracing::error!(reason, id = %event.id, "audit log: an event of its own is set aside");
            return true;
        }
        let mut altered = Vec::new();
        let reason = line(reason, MAX_MESSAGE, "/metadata", &mut altered);
        let report = EventBuilder::new(action)
            .label("log", &*log.origin)
            .metadata("event_id", event.id.to_string())
            .metadata("leaf_hash", leaf_hash(event.canon.as_bytes()).to_string())
            .metadata("reason", reason);
        let report = altered.into_iter().fold(report, EventBuilder::altered);
        self.report(match existing {
            Some(existing) => report.metadata("existing_leaf_hash", existing.to_string()),
            None => report,
        });
        true
    }

    fn report(&mut self, event: EventBuilder) {
        self.intake.begun();
        let event: Event = event.close(self.intake.clock());
        self.reports.push(self.intake.leaf(&event).1);
    }

    async fn write_reports(&mut self) {
        if let Some(gap) = self.intake.take_gap() {
            self.report(gap);
        }
        if !self.reports.is_empty() {
            let reports = std::mem::take(&mut self.reports);
            let log = self.intake.names().of_class(AUDIT_CLASS);
            self.write(&log, Batch::unawaited(reports), Meanwhile::Wait).await;
        }
    }
}

/// Why an event is set aside, and how the report about it is called.
struct Trouble<'a> {
    action: &'static str,
    reason: &'a str,
    /// The leaf hash of the entry that has its id.
    existing: Option<Hash>,
}

impl Drop for Appender {
    fn drop(&mut self) {
        let left = self.intake.under_way();
        if left > 0 {
            tracing::error!(
                left,
                "audit log: the runtime ended without a shutdown of the recorder"
            );
        }
    }
}

/// Gives a call of the store so long: a store that hangs must not stop the appender for ever.
async fn in_time<T>(
    deadline: Duration,
    call: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let late = |_| {
        Err(StoreError::new(StoreErrorKind::Unavailable, format!("no answer within {deadline:?}")))
    };
    timeout(deadline, call).await.unwrap_or_else(late)
}

async fn wait(pause: &mut Duration, what: &str, error: &StoreError) {
    let text = error_text(error);
    match error.kind() {
        StoreErrorKind::Unavailable | StoreErrorKind::Locked => {
            tracing::warn!(error = text, "audit log: could not {what}, trying again in {pause:?}");
        }
        // Nothing gets better by itself, and all logs of this recorder wait.
        _ => tracing::error!(
            error = text,
            "audit log: cannot {what}, nothing is recorded until that is mended"
        ),
    }
    sleep(*pause).await;
    *pause = pause.saturating_mul(2).min(PAUSE.1);
}
