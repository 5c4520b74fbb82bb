//! The way into the spool, where a log does not take its events now, and back.

use std::sync::Arc;

use tokio::sync::mpsc;

use super::batch::{Accepted, Batch, MAX_BATCH, Waiting, by_log, sorted};
use super::set_aside::Trouble;
use super::{Appender, Intake, LogName, PAUSE, wait};
use crate::appender::{Receipt, Refusal};
use crate::event::{DEFAULT_CLASS, error_text};
use crate::store::{Leaf, LogId, NoLeaf, OutboxRow, Spool, Spooled, StoreError};

/// Most events that are taken back at once.
const CHUNK: u32 = 1_000;

/// Brings what found no place in the queue into the spool: a task of its own, as the appender may be waiting for its store.
pub(crate) struct Overflow {
    spool: Arc<dyn Spool>,
    intake: Arc<Intake>,
    ring: mpsc::Receiver<Accepted>,
}

impl Overflow {
    pub(crate) fn new(
        spool: Arc<dyn Spool>,
        intake: Arc<Intake>,
        ring: mpsc::Receiver<Accepted>,
    ) -> Self {
        Self { spool, intake, ring }
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
            for (log, batch) in by_log(accepted.drain(..), self.intake.producer()) {
                let mut pause = PAUSE.0;
                let parts = [batch];
                while let Err(error) = put(&*self.spool, &self.intake, &log, &parts).await {
                    wait(&mut pause, "write to the spool", &error).await;
                }
                self.intake.overflowed().notify_one();
                answer(&self.intake, &log, parts);
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
    if let Err(error) = spool.put(&events).await {
        intake.meter().failed(intake.clock().now(), error_text(&error));
        return Err(error);
    }
    intake.add_spooled(events.len());
    Ok(())
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
        intake.settle(waiting, if is_enough { Ok(receipt) } else { Err(Refusal::Spooled) });
    }
}

impl Appender {
    /// Brings a batch into its log; or, where that does not take it now, or others of the spool come before it, into
    /// the spool. Without a spool it is tried until the log takes it.
    pub(super) async fn deliver(&mut self, log: &LogName, batch: Batch) {
        let Some(spool) = self.spool.clone() else {
            self.write(log, batch).await;
            return;
        };
        let (mut parts, mut pause) = (vec![batch], PAUSE.0);
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
                Ok(()) => return answer(&self.intake, log, parts),
                Err(error) => wait(&mut pause, "write to the spool", &error).await,
            }
            self.replay().await;
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
        let before = self.intake.spooled();
        let rows = match spool.first(self.intake.names().beginning(), CHUNK).await {
            Ok(rows) => rows,
            Err(error) => {
                let error = error_text(&error);
                tracing::error!(error, "audit log: the spool cannot be read");
                return false;
            }
        };
        if rows.is_empty() {
            // Another process has seen to them.
            self.intake.forget_spooled(before);
            self.intake.meter().is_clear();
            return true;
        }
        let keys: Vec<_> = rows.iter().map(|row| row.key).collect();
        let mut leaves = Vec::with_capacity(rows.len());
        for row in rows {
            match self.leaf(row).await {
                Ok(Some((log, leaf))) => leaves.push((log, leaf, Waiting::Nobody)),
                Ok(None) => {}
                Err(()) => return false,
            }
        }
        for (log, batch) in sorted(leaves.into_iter()) {
            if self.write(&log, batch).await.stuck.is_some() {
                return false;
            }
        }
        if let Err(error) = spool.remove(&keys).await {
            let error = error_text(&error);
            tracing::error!(
                error,
                "audit log: what is in the log cannot be taken out of the spool"
            );
            return false;
        }
        self.intake.remove_spooled(keys.len());
        if self.intake.spooled() == 0 {
            self.intake.meter().is_clear();
        }
        true
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
