//! A batch on its way into its log: appended, halved where the database refuses it, in smaller pieces where it is slow.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::batch::{Batch, MAX_BATCH, Receipt, Refusal, Waiting};
use super::closed::is_about_the_log;
use super::set_aside::Trouble;
use super::{Appender, LogName, PAUSE, in_time, wait};
use crate::event::error_text;
use crate::store::{Appended, Leaf, Placement, StoreError, StoreErrorKind};

/// Fewest events that are appended at once where a store is slow.
const FEWEST: usize = 64;

/// What came of a batch.
#[derive(Default)]
pub(super) struct Written {
    /// Events with which nobody had dealt before.
    pub(super) new: usize,
    /// Why some of it stay where they are, if they do.
    pub(super) stuck: Option<StoreErrorKind>,
    /// Those.
    pub(super) left: Vec<Batch>,
}

impl Written {
    /// An event that could not even be set aside stays where it is, or has to wait.
    fn wait(&mut self, why: StoreErrorKind, leaf: Leaf, waiting: Waiting) {
        self.stuck = self.stuck.or(Some(why));
        self.left.push(Batch::one(leaf, waiting));
    }
}

impl Appender {
    /// Brings a batch into its log; halves it where the database refuses it, until what is refused
    /// stands alone.
    pub(super) async fn write(&mut self, log: &LogName, batch: Batch) -> Written {
        let mut written = Written::default();
        let mut parts = vec![batch];
        while let Some(mut part) = parts.pop() {
            if part.leaves.len() > self.portion {
                parts.push(part.split_off(self.portion));
            }
            match self.append(log, &part).await {
                Ok(appended) => {
                    let is_new =
                        |placement: &&Placement| !matches!(placement, Placement::Repeated(_));
                    written.new += appended.placements.iter().filter(is_new).count();
                    self.answer(log, part, &appended, &mut written).await;
                }
                // What took too long is not tried again as a whole.
                Err(_) if part.leaves.len() > self.portion && !self.may_leave(&part) => {
                    parts.push(part);
                }
                Err(error) if error.kind() != StoreErrorKind::Rejected => {
                    if !is_about_the_log(error.kind()) {
                        let (error, origin) = (error_text(&error), &*log.origin);
                        tracing::warn!(
                            error,
                            origin,
                            "audit log: could not append; nothing of it is lost"
                        );
                    }
                    written.stuck = Some(error.kind());
                    parts.push(part);
                    written.left.extend(parts.into_iter().rev());
                    return written;
                }
                Err(_) if part.leaves.len() > 1 => {
                    let rest = part.split_off(part.leaves.len() / 2);
                    parts.push(rest);
                    parts.push(part);
                }
                Err(error) => {
                    let reason = error_text(&error);
                    for (leaf, waiting) in part.into_iter() {
                        let trouble = Trouble::rejected(&reason);
                        let aside = self.set_aside(log, &leaf.event, leaf.outbox, trouble);
                        match aside.await {
                            Ok(()) => {
                                written.new += 1;
                                self.intake.settle(waiting, Err(Refusal::Rejected));
                            }
                            Err(why) => written.wait(why, leaf, waiting),
                        }
                    }
                }
            }
        }
        written
    }

    /// Appends. Without a spool, what comes from the queue is nowhere else: it is tried however long that takes, and the
    /// only errors are that the database refuses the data, and that the log takes nothing. What comes from the outbox stays there, and what the recorder
    /// says of itself can be said later.
    ///
    /// An append whose answer was lost is tried again with the same leaves: those that are in the log
    /// already are recognised by their ids and bytes.
    async fn append(&mut self, log: &LogName, batch: &Batch) -> Result<Appended, StoreError> {
        let (mut pause, mut was_locked) = (PAUSE.0, false);
        let may_leave = self.may_leave(batch);
        loop {
            if let Some(why) = self.intake.closed(log) {
                return Err(StoreError::new(StoreErrorKind::Closed, why));
            }
            let (begun, patience) = (Instant::now(), self.patience());
            let attempt = async {
                let current = self.open(log).await?;
                self.store.append(current.id(), &batch.leaves, self.intake.clock().now()).await
            };
            let done = in_time(patience, attempt).await;
            let (took, events) = (begun.elapsed(), batch.leaves.len());
            self.adapt(events, took, patience, done.is_ok());
            self.measure(&done, took);
            // Once may be bad luck among many writers; twice is somebody who does not let go.
            let locked = matches!(&done, Err(error) if error.kind() == StoreErrorKind::Locked);
            self.intake.lock_is_held(locked && was_locked);
            was_locked = locked;
            match done {
                Err(error) if is_about_the_log(error.kind()) => {
                    if self.closes(log, &error).await {
                        return Err(error);
                    }
                }
                Err(error)
                    if error.kind() != StoreErrorKind::Rejected
                        && !may_leave
                        && events <= self.portion =>
                {
                    wait(&mut pause, "append", &error).await;
                }
                done => return done,
            }
        }
    }

    /// Whether a batch that its log does not take now waits elsewhere.
    fn may_leave(&self, batch: &Batch) -> bool {
        self.spool.is_some() || batch.is_nobodys()
    }

    /// Lets a store that is slow, or far away, have fewer events at once, as with more it would never be done.
    fn adapt(&mut self, events: usize, took: Duration, patience: Duration, is_done: bool) {
        let had_time = patience >= self.deadline / 2;
        if had_time && took >= patience && events > FEWEST {
            self.portion = self.portion.min(events / 4).max(FEWEST);
        } else if is_done && took < self.deadline / 2 && events.saturating_mul(2) >= self.portion {
            self.portion = self.portion.saturating_mul(2).min(MAX_BATCH);
        }
    }

    /// Notes what came of an append.
    fn measure(&self, done: &Result<Appended, StoreError>, took: Duration) {
        let (meter, clock) = (self.intake.meter(), self.intake.clock());
        match done {
            Ok(appended) => {
                let is_clear = self.intake.spooled() == 0;
                meter.appended(appended.placements.len(), took, clock.now(), is_clear);
            }
            Err(error)
                if error.kind() == StoreErrorKind::Rejected || is_about_the_log(error.kind()) => {}
            Err(error) => meter.failed(clock.now(), error_text(error)),
        }
    }

    async fn answer(
        &mut self,
        log: &LogName,
        batch: Batch,
        appended: &Appended,
        written: &mut Written,
    ) {
        let taken_by = self.current(log).origin;
        for ((leaf, waiting), placement) in batch.into_iter().zip(&appended.placements) {
            let answer = match *placement {
                Placement::Appended(index) | Placement::Repeated(index) => Ok(Receipt {
                    event_id: leaf.event.id,
                    log: Arc::clone(&taken_by),
                    index: Some(index),
                    leaf_hash: leaf.hash,
                }),
                Placement::Conflict(index, existing) => {
                    let reason =
                        format!("the entry at index {index} has this event id and other content");
                    let trouble = Trouble::id_conflict(&reason, existing);
                    let aside = self.set_aside(log, &leaf.event, leaf.outbox, trouble);
                    if let Err(why) = aside.await {
                        written.wait(why, leaf, waiting);
                        continue;
                    }
                    Err(Refusal::IdConflict)
                }
            };
            self.intake.settle(waiting, answer);
        }
        let (origin, entries) = (&*taken_by, appended.placements.len());
        tracing::debug!(origin, entries, "audit log: appended");
    }
}
