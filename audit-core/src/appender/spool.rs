//! The way into the spool, where a log does not take its events now, and back.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::slice;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::batch::{Accepted, Batch, MAX_BATCH, Waiting, by_log, sorted};
use super::closed::is_about_the_log;
use super::set_aside::Trouble;
use super::{Appender, Intake, LogName, PAUSE, wait};
use crate::appender::{Receipt, Refusal};
use crate::event::{AUDIT_CLASS, DEFAULT_CLASS, error_text};
use crate::store::{Leaf, LogId, NoLeaf, OutboxRow, Spool, Spooled, StoreError, StoreErrorKind};

/// Between two looks at what others may have left there.
const LOOK: Duration = Duration::from_secs(2);

/// Brings what found no place in the queue into the spool: a task of its own, as the appender may be waiting for its store.
pub(crate) struct Overflow {
    spool: Arc<dyn Spool>,
    intake: Arc<Intake>,
    ring: mpsc::Receiver<Accepted>,
    /// What the spool does not take goes to the appender, which may have a log that does.
    stranded: mpsc::Sender<(LogName, Batch)>,
}

impl Overflow {
    pub(crate) fn new(
        spool: Arc<dyn Spool>,
        intake: Arc<Intake>,
        ring: mpsc::Receiver<Accepted>,
        stranded: mpsc::Sender<(LogName, Batch)>,
    ) -> Self {
        Self { spool, intake, ring, stranded }
    }

    /// Writes until the recorder is told to stop, or is no more, and nothing is on its way.
    pub(crate) async fn run(mut self) {
        let mut accepted = Vec::new();
        loop {
            tokio::select! {
                taken = self.ring.recv_many(&mut accepted, MAX_BATCH) => {
                    if taken == 0 {
                        break;
                    }
                }
                () = self.intake.ending().notified() => {
                    self.ring.close();
                    continue;
                }
            }
            let bytes = accepted.iter().map(|accepted| accepted.bytes).sum();
            for (log, batch) in by_log(accepted.drain(..), self.intake.producer()) {
                let part = [batch];
                match put(&*self.spool, &self.intake, &log, &part).await {
                    Ok(()) => answer(&self.intake, &log, part),
                    Err(error) => {
                        let error = error_text(&error);
                        tracing::error!(error, "audit log: the spool takes nothing");
                        let [batch] = part;
                        self.hand_over(&log, batch).await;
                    }
                }
            }
            self.intake.free(bytes);
        }
    }

    async fn hand_over(&self, log: &LogName, batch: Batch) {
        if let Err(mpsc::error::SendError((_, batch))) =
            self.stranded.send((log.clone(), batch)).await
        {
            // The appender is no more: only a panic can have ended it.
            for (_, waiting) in batch.into_iter() {
                self.intake.count_lost(Refusal::Stopped);
                self.intake.settle(waiting, Err(Refusal::Stopped));
            }
        }
    }
}

/// Writes batches of one log into the spool.
async fn put(
    spool: &dyn Spool,
    intake: &Intake,
    log: &LogName,
    parts: &[Batch],
) -> Result<(), StoreError> {
    let leaves = parts.iter().flat_map(|part| &part.leaves);
    let events: Vec<_> = leaves.map(|leaf| (Arc::clone(&log.origin), &leaf.event)).collect();
    if let Err(error) = spool.put(intake.names().base(), &events).await {
        intake.meter().failed(intake.clock().now(), error_text(&error));
        return Err(error);
    }
    intake.add_spooled(events.len());
    Ok(())
}

/// Writes as many of them into the spool, from the first on, as find room there; gives back the rest.
async fn put_some(
    spool: &dyn Spool,
    intake: &Intake,
    log: &LogName,
    parts: Vec<Batch>,
) -> Vec<Batch> {
    let mut left: Vec<_> = parts.into_iter().rev().collect();
    while let Some(mut part) = left.pop() {
        match put(spool, intake, log, slice::from_ref(&part)).await {
            Ok(()) => answer(intake, log, [part]),
            Err(error) if part.leaves.len() > 1 && error.kind() != StoreErrorKind::Locked => {
                let rest = part.split_off(part.leaves.len() / 2);
                left.extend([rest, part]);
            }
            Err(_) => {
                left.push(part);
                break;
            }
        }
    }
    left.reverse();
    left
}

/// Tells those who wait for events that they are in the spool.
fn answer(intake: &Intake, log: &LogName, parts: impl IntoIterator<Item = Batch>) {
    for (leaf, waiting) in parts.into_iter().flat_map(Batch::into_iter) {
        let receipt = Receipt {
            event_id: leaf.event.id,
            log: Arc::clone(&log.origin),
            index: None,
            leaf_hash: leaf.hash,
        };
        let is_enough = !matches!(&waiting, Waiting::For(Some(reply)) if reply.by_log_only);
        let why = || {
            let why = intake.closed(log).or_else(|| intake.meter().last_error());
            why.unwrap_or_else(|| "others wait before it".to_owned())
        };
        intake.settle(waiting, if is_enough { Ok(receipt) } else { Err(Refusal::Spooled(why())) });
    }
}

impl Appender {
    /// Brings a batch into its log; or, where that does not take it now, or others of the spool come before it, into
    /// the spool. Without a spool it is tried until the log takes it; or it waits in memory, if it is the log that takes nothing.
    pub(super) async fn deliver(&mut self, log: &LogName, batch: Batch) {
        let Some(spool) = self.spool.clone() else {
            for part in self.write(log, batch).await.left {
                self.park(log, part);
            }
            return;
        };
        // What found no room before is not overtaken.
        let (mut parts, mut pause) = (self.unpark(log), PAUSE.0);
        parts.push(batch);
        // Who must have its event in the log is not put behind others without a try.
        let in_a_hurry = parts.iter().any(Batch::must_be_in_log);
        while in_a_hurry && self.intake.spooled() > 0 && self.replay().await {}
        loop {
            if self.intake.spooled() == 0 {
                let mut left = Vec::new();
                for part in parts {
                    match left.is_empty() {
                        true => left = self.write(log, part).await.left,
                        // They stay behind what came before them.
                        false => left.push(part),
                    }
                }
                parts = left;
            }
            if parts.is_empty() {
                return;
            }
            match put(&*spool, &self.intake, log, &parts).await {
                Ok(()) => {
                    answer(&self.intake, log, parts);
                    if self.intake.closed(log).is_some() {
                        // Out of the way at once.
                        self.replay().await;
                    }
                    return;
                }
                // Others do not wait for it.
                Err(_) if self.intake.closed(log).is_some() => {
                    let left = put_some(&*spool, &self.intake, log, parts).await;
                    if self.intake.spooled() > 0 {
                        self.replay().await;
                    }
                    return left.into_iter().for_each(|part| self.park(log, part));
                }
                Err(error) => wait(&mut pause, "write to the spool", &error).await,
            }
            self.begin_pass();
            self.replay().await;
        }
    }

    /// Brings a batch into its log, or else into the spool; gives back what neither takes now.
    pub(super) async fn try_once(&mut self, log: &LogName, batch: Batch) -> Vec<Batch> {
        let left = match self.intake.spooled() {
            0 => self.write(log, batch).await.left,
            _ => vec![batch],
        };
        let Some(spool) = self.spool.clone().filter(|_| !left.is_empty()) else {
            return left;
        };
        match put(&*spool, &self.intake, log, &left).await {
            Ok(()) => {
                if self.intake.closed(log).is_some() {
                    // Out of the way before anything else comes.
                    self.replay().await;
                }
                Vec::new()
            }
            Err(_) => left,
        }
    }

    /// Brings the first events of the spool into their logs, and says how long to wait for the next try.
    pub(super) async fn replay_and_wait(&mut self, pause: Duration) -> Duration {
        let went_well = self.replay().await;
        match went_well {
            false => pause.saturating_mul(2).clamp(PAUSE.0, PAUSE.1),
            true if self.intake.spooled() > 0 => Duration::ZERO,
            true => {
                self.look_behind().await;
                if self.intake.spooled() > 0 { Duration::ZERO } else { LOOK }
            }
        }
    }

    /// Brings the first events of the spool into their logs. False where some stay there, for now.
    ///
    /// They are taken out when they are in the log: who is killed in between, or comes second, finds them there by their
    /// ids and bytes.
    pub(super) async fn replay(&mut self) -> bool {
        let Some(spool) = self.spool.clone() else {
            return true;
        };
        let intake = Arc::clone(&self.intake);
        let recorder = intake.names().base();
        let limit = self.portion.try_into().unwrap_or(u32::MAX);
        let rows = match spool.first(recorder, self.behind, limit).await {
            Ok(rows) => rows,
            Err(error) => {
                let error = error_text(&error);
                tracing::error!(error, "audit log: the spool cannot be read");
                return false;
            }
        };
        let mut left: BTreeSet<i64> = rows.iter().map(|row| row.key).collect();
        let last = left.last().copied();
        let mut keys: BTreeMap<LogName, VecDeque<i64>> = BTreeMap::new();
        let mut leaves = Vec::with_capacity(rows.len());
        for row in rows {
            let key = row.key;
            match self.leaf(row).await {
                Ok(Some((log, leaf))) => {
                    keys.entry(log.clone()).or_default().push_back(key);
                    leaves.push((log, leaf, Waiting::Nobody));
                }
                Ok(None) => {
                    left.remove(&key);
                    self.done.push(key);
                }
                Err(()) => {}
            }
        }
        // What a recorder says of others comes behind them: it counts them, or closes them.
        let mut batches = sorted(leaves.into_iter());
        batches.sort_by_key(|(log, _)| &*log.class == AUDIT_CLASS);
        let (mut is_behind, mut held) = (false, Vec::new());
        let mut at_rest = BTreeMap::new();
        for (log, batch) in batches {
            if is_behind && &*log.class == AUDIT_CLASS {
                continue;
            }
            // In the order of its events, as its batches are.
            let of_log = keys.entry(log.clone()).or_default();
            let keys: Vec<_> = of_log.drain(..batch.leaves.len().min(of_log.len())).collect();
            // A log that takes nothing is in no other's way; nor does what is behind overtake what it did not take.
            let stuck = match at_rest.get(&log) {
                Some(why) => Some(*why),
                None => self.write(&log, batch).await.stuck,
            };
            is_behind |=
                matches!(stuck, Some(StoreErrorKind::Unavailable | StoreErrorKind::Locked));
            at_rest.extend(stuck.map(|why| (log, why)));
            match stuck {
                None => {
                    for key in keys {
                        left.remove(&key);
                        self.done.push(key);
                    }
                }
                Some(why) if is_about_the_log(why) => held.extend(keys),
                Some(_) => {}
            }
        }
        let kept = if held.is_empty() { Ok(()) } else { spool.hold(&held).await };
        match kept {
            Ok(()) => held.iter().for_each(|key| {
                left.remove(key);
            }),
            Err(error) => {
                let error = error_text(&error);
                tracing::error!(
                    error,
                    "audit log: events of a log that takes nothing are in the way"
                );
            }
        }
        // Where the disk is full, what is done stays in the file, and is not looked at again.
        let before = |first: &i64| first.saturating_sub(1);
        self.behind = left.first().map(before).or(last).unwrap_or(self.behind);
        if !self.done.is_empty() {
            match spool.remove(&self.done).await {
                Ok(()) => self.done.clear(),
                Err(error) => {
                    let error = error_text(&error);
                    tracing::error!(error, "audit log: what is in the log stays in the spool");
                }
            }
        }
        match spool.count(recorder, self.behind).await {
            Ok(0) => {
                intake.set_spooled(0);
                intake.meter().is_clear();
            }
            Ok(waiting) => intake.set_spooled(waiting),
            Err(_) => return false,
        }
        left.is_empty()
    }

    /// The leaf that an event of the spool is; nothing where it is none, and is set aside.
    async fn leaf(&mut self, row: Spooled) -> Result<Option<(LogName, Leaf)>, ()> {
        let Spooled { key, origin, event } = row;
        let row = OutboxRow { key, log: LogId::of(&origin), origin, event };
        let leaf = Leaf::new(row.event.clone()).map_err(NoLeaf::from);
        let named = self.intake.names().adopt(&row, &leaf);
        let reason = match (named, leaf) {
            (Some(log), Ok(leaf)) => return Ok(Some((log, leaf))),
            (_, Err(error)) => error_text(&error),
            (None, Ok(_)) => "its log is none of this recorder's".to_owned(),
        };
        // Whatever it names need not be there.
        let log = self.intake.names().of_class(DEFAULT_CLASS);
        let aside = self.set_aside(&log, &row.event, None, Trouble::rejected(&reason)).await;
        aside.map(|()| None).map_err(|_| ())
    }
}
