//! What recorder and appender both keep: names of logs, numbers given out, events on their way, events
//! lost.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, SecondsFormat, Utc};
use tokio::sync::mpsc::OwnedPermit;
use tokio::sync::{Notify, watch};

use super::batch::{Accepted, Receipt, Refusal, Waiting};
use super::health::Meter;
use super::names::{LogName, Names};
use crate::clock::Clock;
use crate::event::{Event, EventBuilder, Producer};
use crate::store::Leaf;

/// The books of one recorder.
#[derive(Debug)]
pub(crate) struct Intake {
    clock: Arc<dyn Clock>,
    producer: Producer,
    names: Names,
    /// The next `producer.seq` of each log.
    next: Mutex<BTreeMap<LogName, u64>>,
    /// Told when an event was written to the outbox, in a transaction that may commit soon.
    posted: Notify,
    /// Whether somebody else holds the store's only write lock, for too long.
    locked: watch::Sender<bool>,
    /// Of events that were accepted and are neither in their log nor in the spool.
    bytes: AtomicUsize,
    /// Told when they have become less.
    freed: Notify,
    /// Begun, and neither answered nor lost yet.
    under_way: AtomicU64,
    gap: Mutex<Option<Gap>>,
    /// Events in the spool, as far as is known.
    spooled: AtomicU64,
    /// Logs that take nothing, and why.
    closed: Mutex<BTreeMap<LogName, String>>,
    /// Told when no further events are to come.
    ending: Notify,
    meter: Meter,
}

/// Events that were lost since the last gap event.
#[derive(Debug)]
struct Gap {
    count: u64,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
    why: Refusal,
}

impl Intake {
    pub(crate) fn new(clock: Arc<dyn Clock>, producer: Producer, names: Names) -> Self {
        Self {
            clock,
            producer,
            names,
            next: Mutex::default(),
            posted: Notify::new(),
            locked: watch::Sender::new(false),
            bytes: AtomicUsize::new(0),
            freed: Notify::new(),
            under_way: AtomicU64::new(0),
            gap: Mutex::default(),
            spooled: AtomicU64::new(0),
            closed: Mutex::default(),
            ending: Notify::new(),
            meter: Meter::default(),
        }
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        &*self.clock
    }

    pub(crate) fn producer(&self) -> &Producer {
        &self.producer
    }

    pub(crate) fn names(&self) -> &Names {
        &self.names
    }

    pub(crate) fn posted(&self) -> &Notify {
        &self.posted
    }

    /// Notes whether somebody else holds the store's only write lock.
    pub(crate) fn lock_is_held(&self, held: bool) {
        self.locked.send_if_modified(|locked| std::mem::replace(locked, held) != held);
    }

    /// Waits until somebody else has been holding the store's only write lock for too long.
    pub(crate) async fn lock_held(&self) {
        // It only ends with the intake, which is borrowed here.
        let _ = self.locked.subscribe().wait_for(|locked| *locked).await;
    }

    /// Gives an event its log, and its number, which counts per log and boot: a hole in them is a loss.
    pub(crate) fn number(&self, event: &Event) -> (LogName, u64) {
        let log = self.names.of(event);
        let number = self.number_in(&log);
        (log, number)
    }

    /// The next number in a log.
    pub(crate) fn number_in(&self, log: &LogName) -> u64 {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        // Mostly it is there already.
        let next = match next.get_mut(log) {
            Some(next) => next,
            None => next.entry(log.clone()).or_default(),
        };
        let number = *next;
        *next = next.saturating_add(1);
        number
    }

    /// The last number of each log in which one was given out.
    pub(crate) fn last_numbers(&self) -> Vec<(LogName, u64)> {
        let next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        next.iter().map(|(log, next)| (log.clone(), next.saturating_sub(1))).collect()
    }

    /// Numbers and encodes an event.
    pub(crate) fn leaf(&self, event: &Event) -> (LogName, Leaf) {
        let (log, number) = self.number(event);
        (log, Leaf::of(event, &self.producer, number))
    }

    /// Sends an event into the place that was taken for it.
    pub(crate) fn send(&self, place: OwnedPermit<Accepted>, event: Accepted) {
        self.bytes.fetch_add(event.bytes, Ordering::Relaxed);
        place.send(event);
    }

    /// Bytes of events on their way.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Notes that so many bytes are no longer on their way.
    pub(super) fn free(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.freed.notify_waiters();
    }

    /// Waits until fewer bytes are on their way.
    pub(crate) async fn below(&self, bytes: usize) {
        loop {
            let mut freed = pin!(self.freed.notified());
            freed.as_mut().enable();
            if self.bytes() < bytes {
                return;
            }
            freed.await;
        }
    }

    /// Notes that there is an event that must arrive: its operation has begun, or it is one of the log's own.
    pub(crate) fn begun(&self) {
        self.under_way.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes that an event has arrived, or never will.
    pub(crate) fn arrived(&self) {
        self.under_way.fetch_sub(1, Ordering::Relaxed);
    }

    /// Tells who waits for an event what has come of it.
    pub(crate) fn settle(&self, waiting: Waiting, answer: Result<Receipt, Refusal>) {
        if let Waiting::For(reply) = waiting {
            self.arrived();
            if let Some(reply) = reply {
                // Who has gone away does not want to know.
                let _ = reply.sender.send(answer);
            }
        }
    }

    /// Tells who waits for an event what has come of it for now; it stays on the books.
    pub(crate) fn answered(&self, waiting: Waiting, answer: Result<Receipt, Refusal>) -> Waiting {
        if let Waiting::For(Some(reply)) = waiting {
            let _ = reply.sender.send(answer);
            return Waiting::For(None);
        }
        waiting
    }

    /// Notes that a log takes nothing.
    pub(crate) fn close(&self, log: &LogName, why: String) {
        self.closed_logs().insert(log.clone(), why);
    }

    /// Notes that it does again.
    pub(crate) fn reopen(&self, log: &LogName) {
        self.closed_logs().remove(log);
    }

    /// Why a log takes nothing, if it does not.
    pub(crate) fn closed(&self, log: &LogName) -> Option<String> {
        self.closed_logs().get(log).cloned()
    }

    pub(crate) fn all_closed(&self) -> Vec<(LogName, String)> {
        let closed = self.closed_logs();
        closed.iter().map(|(log, why)| (log.clone(), why.clone())).collect()
    }

    fn closed_logs(&self) -> MutexGuard<'_, BTreeMap<LogName, String>> {
        self.closed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many events wait in the spool, as far as is known.
    pub(crate) fn spooled(&self) -> u64 {
        self.spooled.load(Ordering::Acquire)
    }

    pub(crate) fn add_spooled(&self, events: usize) {
        let events = events.try_into().unwrap_or(u64::MAX);
        let before = self.spooled.fetch_add(events, Ordering::AcqRel);
        self.meter.spooled(before.saturating_add(events));
    }

    /// Notes how many were counted. One that comes meanwhile may be counted twice or not at all, until the next look.
    pub(crate) fn set_spooled(&self, events: u64) {
        self.spooled.store(events, Ordering::Release);
        self.meter.spooled(events);
    }

    pub(crate) fn meter(&self) -> &Meter {
        &self.meter
    }

    pub(crate) fn ending(&self) -> &Notify {
        &self.ending
    }

    /// How many events are on their way, or have operations that are still running.
    pub(crate) fn under_way(&self) -> u64 {
        self.under_way.load(Ordering::Relaxed)
    }

    /// Counts an event that will never arrive.
    pub(crate) fn lost(&self, why: Refusal) {
        self.arrived();
        self.count_lost(why);
    }

    /// Counts a loss, for the gap event that tells of it.
    pub(crate) fn count_lost(&self, why: Refusal) {
        self.meter.lost();
        let now = self.clock.now();
        let is_first = {
            let mut gap = self.gap.lock().unwrap_or_else(PoisonError::into_inner);
            let is_first = gap.is_none();
            let gap =
                gap.get_or_insert_with(|| Gap { count: 0, from: now, to: now, why: why.clone() });
            gap.count = gap.count.saturating_add(1);
            gap.to = now;
            is_first
        };
        // Not under the lock: whoever listens to errors may be recording them here.
        if why == Refusal::Stopped {
            tracing::error!(
                "audit log: an event came after the shutdown of its recorder, and is lost"
            );
        } else if is_first {
            tracing::error!(%why, "audit log: events are being lost; a gap event will count them");
        }
    }

    /// The event that says what was lost since the last one.
    pub(crate) fn take_gap(&self) -> Option<EventBuilder> {
        let gap = self.gap.lock().unwrap_or_else(PoisonError::into_inner).take()?;
        let time = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Micros, true);
        Some(
            EventBuilder::new("audit.gap")
                .metadata("count", gap.count)
                .metadata("from", time(gap.from))
                .metadata("to", time(gap.to))
                .metadata("reason", gap.why.to_string()),
        )
    }
}
