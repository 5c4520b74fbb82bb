//! How a recorder does: for a readiness route, and for meters.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;

/// How a recorder does, from [`Recorder::health`](crate::Recorder::health): numbers of a moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Health {
    /// Places taken in the queue: by events, and by operations that are still running.
    pub queue_used: usize,
    /// Places that the queue has.
    pub queue_capacity: usize,
    /// About how many bytes of events are on their way into their logs.
    pub queue_bytes: usize,
    /// How many there may be before the queue is full for operations that begin.
    pub queue_bytes_capacity: usize,
    /// Events that wait in the spool, as far as is known.
    pub spooled: u64,
    /// Events that were appended since the start.
    pub appended: u64,
    /// Events that were lost since the start, each of which a gap event tells of.
    pub lost: u64,
    /// Logs that take nothing, as they are quarantined, frozen or damaged, and why: somebody must look.
    pub closed: BTreeMap<String, String>,
    /// When something was appended last.
    pub last_append: Option<DateTime<Utc>>,
    /// Since when a log has not taken what came, if it does not: the oldest event that waits is about as old.
    pub behind_since: Option<DateTime<Utc>>,
    /// Why, in the words of the last try. It names the database as the application does, without a password.
    pub last_error: Option<String>,
}

impl Health {
    /// Whether what is recorded now goes into its log at once: nothing has failed since the last append, each log takes entries,
    /// nothing waits in the spool, and the queue has places.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.behind_since.is_none()
            && self.closed.is_empty()
            && self.spooled == 0
            && self.queue_used < self.queue_capacity
            && self.queue_bytes < self.queue_bytes_capacity
    }
}

/// What is counted while the appender works.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    appended: AtomicU64,
    lost: AtomicU64,
    last: Mutex<Last>,
}

#[derive(Debug, Default)]
struct Last {
    append: Option<DateTime<Utc>>,
    behind_since: Option<DateTime<Utc>>,
    error: Option<String>,
}

impl Meter {
    /// Events are in their log, for which that took so long; `is_clear` says that none wait elsewhere.
    pub(crate) fn appended(
        &self,
        events: usize,
        took: Duration,
        now: DateTime<Utc>,
        is_clear: bool,
    ) {
        let events = events.try_into().unwrap_or(u64::MAX);
        self.appended.fetch_add(events, Ordering::Relaxed);
        let mut last = self.last();
        last.append = Some(now);
        if is_clear {
            (last.behind_since, last.error) = (None, None);
        }
        drop(last);
        #[cfg(feature = "metrics")]
        metrics::counter!("audit_events_appended_total").increment(events);
        #[cfg(feature = "metrics")]
        metrics::histogram!("audit_append_seconds").record(took.as_secs_f64());
        #[cfg(not(feature = "metrics"))]
        let _ = took;
    }

    /// A log does not take what came, or the spool does not.
    pub(crate) fn failed(&self, now: DateTime<Utc>, why: String) {
        let mut last = self.last();
        last.behind_since.get_or_insert(now);
        last.error = Some(why);
        drop(last);
        #[cfg(feature = "metrics")]
        metrics::counter!("audit_append_failures_total").increment(1);
    }

    pub(crate) fn lost(&self) {
        self.lost.fetch_add(1, Ordering::Relaxed);
        #[cfg(feature = "metrics")]
        metrics::counter!("audit_events_lost_total").increment(1);
    }

    /// So many events wait in the spool.
    pub(crate) fn spooled(&self, events: u64) {
        let events = u32::try_from(events).unwrap_or(u32::MAX);
        #[cfg(feature = "metrics")]
        metrics::gauge!("audit_spooled_events").set(f64::from(events));
        #[cfg(not(feature = "metrics"))]
        let _ = events;
    }

    /// Whether a log does not take what comes.
    pub(crate) fn is_behind(&self) -> bool {
        self.last().behind_since.is_some()
    }

    /// What went wrong the last time, if nothing has gone well since.
    pub(crate) fn last_error(&self) -> Option<String> {
        self.last().error.clone()
    }

    /// What waits elsewhere is all in its log.
    pub(crate) fn is_clear(&self) {
        let mut last = self.last();
        (last.behind_since, last.error) = (None, None);
    }

    /// With what only others know: of the queue's places and of its bytes, those that are taken, and all of them; and the
    /// events in the spool; and the logs that take nothing.
    pub(crate) fn health(
        &self,
        (queue_used, queue_capacity): (usize, usize),
        (queue_bytes, queue_bytes_capacity): (usize, usize),
        spooled: u64,
        closed: BTreeMap<String, String>,
    ) -> Health {
        let last = self.last();
        Health {
            queue_used,
            queue_capacity,
            queue_bytes,
            queue_bytes_capacity,
            spooled,
            appended: self.appended.load(Ordering::Relaxed),
            lost: self.lost.load(Ordering::Relaxed),
            closed,
            last_append: last.append,
            behind_since: last.behind_since,
            last_error: last.error.clone(),
        }
    }

    fn last(&self) -> MutexGuard<'_, Last> {
        // Set whole, or nearly: a panic elsewhere leaves nothing that misleads.
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
