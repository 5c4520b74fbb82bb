//! The task that writes: accepted events into their logs, a batch at a time.

mod batch;
mod intake;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, timeout};

pub(crate) use batch::{Accepted, Content};
pub use batch::{Receipt, Refusal};
pub(crate) use intake::Intake;

use crate::event::{AUDIT_CLASS, Event, EventBuilder, MAX_MESSAGE, error_text, line};
use crate::merkle::Hash;
use crate::store::{Appended, Leaf, LogId, Placement, Store, StoreError, StoreErrorKind};
use batch::{Batch, by_class};

/// Most events of one append.
const MAX_BATCH: usize = 1_000;

/// First and longest pause before a call is tried again.
const PAUSE: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));

pub(crate) struct Appender {
    store: Arc<dyn Store>,
    /// Names of logs are this, a slash and the class.
    base: String,
    logs: BTreeMap<String, LogId>,
    intake: Arc<Intake>,
    queue: mpsc::Receiver<Accepted>,
    deadline: Duration,
    /// The log's own events about what came up while writing.
    reports: Vec<Leaf>,
}

impl Appender {
    pub(crate) fn new(
        store: Arc<dyn Store>,
        base: String,
        intake: Arc<Intake>,
        queue: mpsc::Receiver<Accepted>,
        deadline: Duration,
    ) -> Self {
        Self { store, base, logs: BTreeMap::new(), intake, queue, deadline, reports: Vec::new() }
    }

    fn origin(&self, class: &str) -> String {
        format!("{}/{class}", self.base)
    }

    /// Finds or begins the log of a class.
    pub(crate) async fn open(&mut self, class: &str) -> Result<LogId, StoreError> {
        if let Some(&log) = self.logs.get(class) {
            return Ok(log);
        }
        let log = self.store.open_log(&self.origin(class), class).await?;
        self.logs.insert(class.to_owned(), log);
        Ok(log)
    }

    /// Writes until the queue is closed, by `stop` or because no recorder is left, and empty.
    pub(crate) async fn run(mut self, mut stop: oneshot::Receiver<()>) {
        let mut accepted = Vec::new();
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
            }
            for (class, batch) in by_class(accepted.drain(..), self.intake.producer()) {
                self.write(&class, batch).await;
            }
            self.write_reports().await;
        }
        self.write_reports().await;
    }

    /// Brings a batch into its log; halves it where the database refuses it, until what is refused
    /// stands alone.
    async fn write(&mut self, class: &str, batch: Batch) {
        let mut parts = vec![batch];
        while let Some(mut part) = parts.pop() {
            match self.append(class, &part.leaves).await {
                Ok(appended) => self.answer(class, part, &appended).await,
                Err(_) if part.leaves.len() > 1 => {
                    let rest = part.split_off_half();
                    parts.push(rest);
                    parts.push(part);
                }
                Err(error) => {
                    let reason = error_text(&error);
                    for (leaf, reply) in part.into_iter() {
                        self.set_aside(class, &leaf, "audit.rejected", &reason, None).await;
                        self.intake.answer(reply, Err(Refusal::Rejected));
                    }
                }
            }
        }
    }

    /// Appends, however long it takes; the only error is that the database refuses the data.
    ///
    /// An append whose answer was lost is tried again with the same leaves: those that are in the log
    /// already are recognised by their ids and bytes.
    async fn append(&mut self, class: &str, leaves: &[Leaf]) -> Result<Appended, StoreError> {
        let (mut pause, deadline) = (PAUSE.0, self.deadline);
        loop {
            let attempt = async {
                let log = self.open(class).await?;
                self.store.append(log, leaves, self.intake.clock().now()).await
            };
            match in_time(deadline, attempt).await {
                Err(error) if error.kind() != StoreErrorKind::Rejected => {
                    wait(&mut pause, "append", &error).await
                }
                done => return done,
            }
        }
    }

    async fn answer(&mut self, class: &str, batch: Batch, appended: &Appended) {
        let origin: Arc<str> = self.origin(class).into();
        for ((leaf, reply), placement) in batch.into_iter().zip(&appended.placements) {
            let answer = match *placement {
                Placement::Appended(index) | Placement::Repeated(index) => Ok(Receipt {
                    event_id: leaf.event.id,
                    log: Arc::clone(&origin),
                    index,
                    leaf_hash: leaf.hash,
                }),
                Placement::Conflict(index, existing) => {
                    let reason =
                        format!("the entry at index {index} has this event id and other content");
                    self.set_aside(class, &leaf, "audit.id_conflict", &reason, Some(existing))
                        .await;
                    Err(Refusal::IdConflict)
                }
            };
            self.intake.answer(reply, answer);
        }
        tracing::debug!(class, entries = appended.placements.len(), "audit log: appended");
    }

    /// Keeps an event outside of its log, and has an event of the log's own say so.
    async fn set_aside(
        &mut self,
        class: &str,
        leaf: &Leaf,
        action: &'static str,
        reason: &str,
        existing: Option<Hash>,
    ) {
        let (mut pause, deadline) = (PAUSE.0, self.deadline);
        loop {
            let attempt = async {
                let log = self.open(class).await?;
                self.store.set_aside(log, &leaf.event, reason, self.intake.clock().now()).await
            };
            match in_time(deadline, attempt).await {
                Ok(()) => break,
                Err(error) if error.kind() == StoreErrorKind::Rejected => {
                    let error = error_text(&error);
                    tracing::error!(error, reason, id = %leaf.event.id, "audit log: an event is lost");
                    self.intake.count_lost(Refusal::Rejected);
                    return;
                }
                Err(error) => wait(&mut pause, "set an event aside", &error).await,
            }
        }
        if class == AUDIT_CLASS {
            // A report about a report that is refused would be refused as well, and so on.
            tracing::error!(reason, id = %leaf.event.id, "audit log: an event of its own is set aside");
            return;
        }
        let mut altered = Vec::new();
        let reason = line(reason, MAX_MESSAGE, "/metadata", &mut altered);
        let report = EventBuilder::new(action)
            .label("log", self.origin(class))
            .metadata("event_id", leaf.event.id.to_string())
            .metadata("leaf_hash", leaf.hash.to_string())
            .metadata("reason", reason);
        let report = altered.into_iter().fold(report, EventBuilder::altered);
        self.report(match existing {
            Some(existing) => report.metadata("existing_leaf_hash", existing.to_string()),
            None => report,
        });
    }

    fn report(&mut self, event: EventBuilder) {
        self.intake.begun();
        let event: Event = event.close(self.intake.clock());
        self.reports.push(self.intake.leaf(&event));
    }

    async fn write_reports(&mut self) {
        if let Some(gap) = self.intake.take_gap() {
            self.report(gap);
        }
        if !self.reports.is_empty() {
            let reports = std::mem::take(&mut self.reports);
            self.write(AUDIT_CLASS, Batch::unawaited(reports)).await;
        }
    }
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
        StoreErrorKind::Unavailable => {
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
