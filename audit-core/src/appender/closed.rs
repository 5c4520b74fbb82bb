//! Logs that take nothing any more, quarantined, frozen or damaged: in no other log's way.
//!
//! Their events wait in the spool, held, or in memory where there is none; those of the outbox stay there. It is tried again
//! from time to time, and a frozen log has a successor sooner or later, to which they go.

use std::time::Duration;

use super::batch::{Batch, sorted};
use super::{Appender, LogName, in_time};
use crate::appender::Refusal;
use crate::event::error_text;
use crate::store::{LogState, StoreError, StoreErrorKind};

/// Between two tries.
pub(super) const AGAIN: Duration = Duration::from_secs(5);

/// Why a log is taken for closed of which no more is known than that.
const HELD: &str = "it took nothing when events came for it";

/// Whether it is a log that takes nothing, and not its database: then others go on.
pub(super) fn is_about_the_log(kind: StoreErrorKind) -> bool {
    matches!(kind, StoreErrorKind::Closed | StoreErrorKind::Damaged)
}

impl Appender {
    /// Notes that a log takes nothing, unless another goes on in its place: then it is tried there.
    pub(super) async fn closes(&mut self, log: &LogName, error: &StoreError) -> bool {
        if error.kind() == StoreErrorKind::Closed && self.follow(log).await.unwrap_or(false) {
            return false;
        }
        let (why, origin) = (error_text(error), &*log.origin);
        tracing::error!(
            error = why,
            origin,
            "audit log: a log takes nothing any more, and needs somebody; others go on"
        );
        self.intake.close(log, why);
        true
    }

    /// Finds the log that goes on for a frozen one.
    async fn follow(&mut self, log: &LogName) -> Result<bool, StoreError> {
        let current = self.current(log);
        let head = in_time(self.patience(), self.store.head(current.id())).await?;
        if head.state != LogState::Frozen {
            return Ok(false);
        }
        let next = current.successor();
        let logs = in_time(self.patience(), self.store.logs()).await?;
        let is_there = logs.iter().any(|log| log.origin == *next.origin && log.is_itself());
        if is_there {
            let (from, to) = (&*current.origin, &*next.origin);
            tracing::info!(from, to, "audit log: another log goes on");
            self.open.insert(log.clone(), next);
        }
        Ok(is_there)
    }

    /// Keeps events in memory whose log takes nothing. Who waits for one is told; what finds no room is lost, and counted.
    pub(super) fn park(&mut self, log: &LogName, batch: Batch) {
        let why = || self.intake.closed(log).unwrap_or_default();
        for (leaf, waiting) in batch.into_iter() {
            let bytes = leaf.event.bytes();
            let (events, all) = self.parked_size;
            if events >= self.room.0 || all.saturating_add(bytes) > self.room.1 {
                self.intake.count_lost(Refusal::Closed(why()));
                self.intake.settle(waiting, Err(Refusal::Closed(why())));
                continue;
            }
            self.parked_size = (events + 1, all + bytes);
            let waiting = self.intake.answered(waiting, Err(Refusal::Closed(why())));
            self.parked.entry(log.clone()).or_default().push(leaf, waiting);
        }
    }

    /// Takes what is kept in memory for a log, in pieces that can be appended.
    pub(super) fn unpark(&mut self, log: &LogName) -> Vec<Batch> {
        let Some(parked) = self.parked.remove(log) else {
            return Vec::new();
        };
        let bytes: usize = parked.leaves.iter().map(|leaf| leaf.event.bytes()).sum();
        let (events, all) = self.parked_size;
        let events = events.saturating_sub(parked.leaves.len());
        self.parked_size = (events, all.saturating_sub(bytes));
        let leaves = parked.into_iter().map(|(leaf, waiting)| (log.clone(), leaf, waiting));
        sorted(leaves).into_iter().map(|(_, batch)| batch).collect()
    }

    /// The logs whose events another process has left in the spool, held, as far as this is not known.
    async fn held(&self) -> Result<Vec<LogName>, StoreError> {
        let Some(spool) = &self.spool else {
            return Ok(Vec::new());
        };
        let names = self.intake.names();
        let held = spool.held(names.base()).await?.into_iter();
        let held = held.map(|it| LogName { origin: it.origin.into(), class: it.class.into() });
        let is_news = |log: &LogName| {
            names.is_of(&log.origin, &log.class) && self.intake.closed(log).is_none()
        };
        Ok(held.filter(is_news).collect())
    }

    /// Takes logs for closed whose events an earlier process has left in the spool, until they have been tried.
    pub(crate) async fn find_held(&mut self) -> Result<(), StoreError> {
        for log in self.held().await? {
            self.intake.close(&log, HELD.to_owned());
        }
        Ok(())
    }

    /// Looks for what other processes have left in the spool: held, or released and not brought in.
    pub(super) async fn look_behind(&mut self) {
        if self.done.is_empty() {
            self.behind = 0;
        }
        let held = self.held().await.unwrap_or_else(|error| {
            let error = error_text(&error);
            tracing::error!(error, "audit log: the spool cannot be read");
            Vec::new()
        });
        for log in held {
            match self.takes(&log).await {
                true => self.bring_back(&log).await,
                false => self.intake.close(&log, HELD.to_owned()),
            }
        }
    }

    /// Tries logs that took nothing, and brings there what waits for them.
    pub(super) async fn reopen(&mut self) {
        for (log, _) in self.intake.all_closed() {
            if self.takes(&log).await {
                self.bring_back(&log).await;
            }
        }
    }

    /// Puts what waits for a log, which takes entries, on its way there.
    async fn bring_back(&mut self, log: &LogName) {
        if let Some(spool) = self.spool.clone() {
            match spool.release(self.intake.names().base(), &log.origin).await {
                Ok(released) => self.intake.add_spooled(released.try_into().unwrap_or(usize::MAX)),
                Err(error) => {
                    let error = error_text(&error);
                    tracing::error!(error, "audit log: what is held in the spool stays there");
                    return;
                }
            }
            // They came before what is there.
            self.behind = 0;
        }
        self.intake.reopen(log);
        tracing::info!(origin = &*log.origin, "audit log: a log takes entries again");
        for batch in self.unpark(log) {
            self.deliver(log, batch).await;
        }
    }

    /// Whether a log takes entries, or one that goes on for it does: an append of nothing checks all that an append checks.
    async fn takes(&mut self, log: &LogName) -> bool {
        loop {
            let patience = self.patience();
            let attempt = async {
                let current = self.open(log).await?;
                self.store.append(current.id(), &[], self.intake.clock().now()).await
            };
            match in_time(patience, attempt).await {
                Ok(_) => return true,
                Err(error) if error.kind() == StoreErrorKind::Closed => {
                    if !self.follow(log).await.unwrap_or(false) {
                        return false;
                    }
                }
                Err(_) => return false,
            }
        }
    }

    /// Counts as lost what is in memory when the end has come. Says how many events that are.
    pub(super) fn abandon(&mut self) -> u64 {
        let mut lost = 0;
        for (log, parked) in std::mem::take(&mut self.parked) {
            let why = self.intake.closed(&log).unwrap_or_default();
            for (_, waiting) in parked.into_iter() {
                self.intake.count_lost(Refusal::Closed(why.clone()));
                self.intake.settle(waiting, Err(Refusal::Closed(why.clone())));
                lost += 1;
            }
        }
        lost
    }
}
