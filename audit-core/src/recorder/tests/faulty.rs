//! A store in memory that refuses, fails, hangs or loses its answer when told to, and notes what it was asked.

use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use chrono::{DateTime, Utc};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::event::EncodedEvent;
use crate::merkle::{Tile, TileId};
use crate::query::Filter;
use crate::store::{
    Appended, Head, Leaf, Lease, LogId, LogInfo, LogState, MemoryStore, OutboxRow, Row, Segment,
    SignedCheckpoint, Start, Store, StoreError, StoreErrorKind,
};

/// Clones share logs and faults.
#[derive(Debug, Clone, Default)]
pub(crate) struct FaultyStore {
    log: MemoryStore,
    faults: Arc<Faults>,
}

#[derive(Debug, Default)]
struct Faults {
    refused: Mutex<Option<(String, String)>>,
    unavailable: AtomicUsize,
    answers_lost: AtomicUsize,
    unanswered: AtomicUsize,
    hanging: watch::Sender<bool>,
    latency: Mutex<Duration>,
    latency_each: Mutex<Duration>,
    /// By default what recorders say of themselves is spared, which few tests are about.
    strike_all: AtomicBool,
    /// From when on it is away, if that begins with a refusal.
    away_once_refused: AtomicBool,
    outbox: Mutex<Vec<OutboxRow>>,
    /// Somebody has it in hand.
    locked: Mutex<Option<LogId>>,
    appends: Mutex<Vec<Vec<usize>>>,
    set_aside: Mutex<Vec<(EncodedEvent, String)>>,
}

impl FaultyStore {
    /// Refuses every batch with this action in it, for a reason.
    pub(crate) fn refuse(&self, action: &str, reason: &str) {
        *self.faults.refused.lock().unwrap() = Some((action.to_owned(), reason.to_owned()));
    }

    /// Is out of reach as soon as it has refused one event by itself.
    pub(crate) fn go_away_once_refused(&self) {
        self.faults.away_once_refused.store(true, Ordering::SeqCst);
    }

    /// Answers nobody who appends to a log, until told otherwise.
    pub(crate) fn lock(&self, log: Option<LogId>) {
        *self.faults.locked.lock().unwrap() = log;
    }

    /// Puts something into the outbox.
    pub(crate) fn post(&self, row: OutboxRow) {
        self.faults.outbox.lock().unwrap().push(row);
    }

    /// Is out of reach for so many calls.
    pub(crate) fn be_unavailable(&self, calls: usize) {
        self.faults.unavailable.store(calls, Ordering::SeqCst);
    }

    /// Appends, and then cannot say so, so many times.
    pub(crate) fn lose_answers(&self, calls: usize) {
        self.faults.answers_lost.store(calls, Ordering::SeqCst);
    }

    /// Does nothing about so many calls, and never answers them.
    pub(crate) fn ignore(&self, calls: usize) {
        self.faults.unanswered.store(calls, Ordering::SeqCst);
    }

    /// Keeps all appends waiting, until told otherwise.
    pub(crate) fn hang(&self, hanging: bool) {
        self.faults.hanging.send_replace(hanging);
    }

    /// Does not spare what recorders say of themselves.
    pub(crate) fn strike_all(&self) {
        self.faults.strike_all.store(true, Ordering::SeqCst);
    }

    /// Takes so long for each append.
    pub(crate) fn take(&self, latency: Duration) {
        *self.faults.latency.lock().unwrap() = latency;
    }

    /// Takes so long for each event of an append.
    pub(crate) fn take_for_each(&self, latency: Duration) {
        *self.faults.latency_each.lock().unwrap() = latency;
    }

    /// The appends that were asked for: of each, the sizes of its canonical forms.
    pub(crate) fn appends(&self) -> Vec<Vec<usize>> {
        self.faults.appends.lock().unwrap().clone()
    }

    /// What was set aside, each with its reason.
    pub(crate) fn all_set_aside(&self) -> Vec<(EncodedEvent, String)> {
        self.faults.set_aside.lock().unwrap().clone()
    }
}

/// Whether a recorder says this of itself, unasked.
pub(crate) fn is_lifecycle(action: &str) -> bool {
    matches!(action, "audit.started" | "audit.heartbeat" | "audit.stopped")
}

/// Whether one of the faults that are left strikes now.
fn strikes(left: &AtomicUsize) -> bool {
    left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1)).is_ok()
}

fn unavailable() -> StoreError {
    StoreError::new(StoreErrorKind::Unavailable, "reach the database")
}

#[async_trait]
impl Store for FaultyStore {
    async fn open_log(&self, origin: &str, class: &str) -> Result<LogId, StoreError> {
        self.log.open_log(origin, class).await
    }

    async fn logs(&self) -> Result<Vec<LogInfo>, StoreError> {
        self.log.logs().await
    }

    async fn head(&self, log: LogId) -> Result<Head, StoreError> {
        self.log.head(log).await
    }

    async fn append(
        &self,
        log: LogId,
        batch: &[Leaf],
        now: DateTime<Utc>,
    ) -> Result<Appended, StoreError> {
        let faults = &self.faults;
        let is_spared = !faults.strike_all.load(Ordering::SeqCst);
        if is_spared && batch.iter().all(|leaf| is_lifecycle(&leaf.columns.action)) {
            return self.log.append(log, batch, now).await;
        }
        faults
            .appends
            .lock()
            .unwrap()
            .push(batch.iter().map(|leaf| leaf.event.canon.len()).collect());
        faults.hanging.subscribe().wait_for(|hanging| !hanging).await.unwrap();
        if strikes(&faults.unanswered) {
            std::future::pending::<()>().await;
        }
        let each = *faults.latency_each.lock().unwrap();
        let latency = *faults.latency.lock().unwrap();
        let latency = latency + each * u32::try_from(batch.len()).unwrap();
        if !latency.is_zero() {
            sleep(latency).await;
        }
        let is_locked = *faults.locked.lock().unwrap() == Some(log);
        if is_locked {
            std::future::pending::<()>().await;
        }
        if strikes(&faults.unavailable) {
            return Err(unavailable());
        }
        let refused = faults.refused.lock().unwrap().clone();
        if let Some((action, reason)) = refused
            && batch.iter().any(|leaf| leaf.columns.action == action)
        {
            if batch.len() == 1 && faults.away_once_refused.swap(false, Ordering::SeqCst) {
                self.be_unavailable(usize::MAX);
            }
            return Err(
                StoreError::new(StoreErrorKind::Rejected, "insert a batch").caused_by(reason)
            );
        }
        let appended = self.log.append(log, batch, now).await?;
        let moved =
            |row: &OutboxRow| batch.iter().any(|leaf| leaf.outbox == Some((row.log, row.key)));
        faults.outbox.lock().unwrap().retain(|row| !moved(row));
        if strikes(&faults.answers_lost) { Err(unavailable()) } else { Ok(appended) }
    }

    async fn outbox(&self, from: i64, limit: u32) -> Result<Vec<OutboxRow>, StoreError> {
        let rows = self.faults.outbox.lock().unwrap();
        let rows = rows.iter().filter(|row| row.key >= from).take(limit.try_into().unwrap());
        Ok(rows.cloned().collect())
    }

    async fn close_log(&self, log: LogId, state: LogState) -> Result<(), StoreError> {
        self.log.close_log(log, state).await
    }

    async fn set_aside(
        &self,
        log: LogId,
        event: &EncodedEvent,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        if strikes(&self.faults.unavailable) {
            return Err(unavailable());
        }
        self.faults.set_aside.lock().unwrap().push((event.clone(), reason.to_owned()));
        self.log.set_aside(log, event, reason, now).await
    }

    async fn read(&self, log: LogId, from: u64, limit: u32) -> Result<Vec<Row>, StoreError> {
        self.log.read(log, from, limit).await
    }

    async fn search(
        &self,
        log: LogId,
        filter: &Filter,
        start: Start,
        limit: u32,
    ) -> Result<Vec<Row>, StoreError> {
        self.log.search(log, filter, start, limit).await
    }

    async fn tile(&self, log: LogId, id: TileId) -> Result<Option<Tile>, StoreError> {
        self.log.tile(log, id).await
    }

    async fn segments(&self, log: LogId) -> Result<Vec<Segment>, StoreError> {
        self.log.segments(log).await
    }

    async fn keep_checkpoint(
        &self,
        log: LogId,
        checkpoint: &SignedCheckpoint,
    ) -> Result<(), StoreError> {
        self.log.keep_checkpoint(log, checkpoint).await
    }

    async fn checkpoints(
        &self,
        log: LogId,
        from: u64,
        limit: u32,
    ) -> Result<Vec<SignedCheckpoint>, StoreError> {
        self.log.checkpoints(log, from, limit).await
    }

    async fn lease(
        &self,
        log: LogId,
        lease: &Lease,
        now: DateTime<Utc>,
    ) -> Result<Option<Lease>, StoreError> {
        self.log.lease(log, lease, now).await
    }

    async fn latest_checkpoint(&self, log: LogId) -> Result<Option<SignedCheckpoint>, StoreError> {
        self.log.latest_checkpoint(log).await
    }
}
