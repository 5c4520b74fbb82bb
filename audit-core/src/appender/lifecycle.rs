//! What a recorder says of itself: that it begins, that it is still there, that it has come to its end.
//!
//! Between them, silence shows: who was killed does not say that it stops.

use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::Instant;

use super::batch::{Batch, Waiting, sorted};
use super::{Appender, Lifecycle};
use crate::event::{AUDIT_CLASS, EventBuilder};

/// Between two tries to say the same.
const AGAIN: Duration = Duration::from_secs(5);

/// Logs that one event names.
pub(super) const LOGS_OF_ONE: usize = 100;

/// How often a producer may be silent where it should give a sign of life: then it is no more.
pub(crate) const MISSED_BEATS: u32 = 3;

impl Appender {
    /// Says that a recorder begins, and what there is to know when it should end without a word: how many events it may
    /// have in memory, and how long it is silent at the most.
    pub(crate) async fn started(&mut self) {
        let Lifecycle { places, heartbeat } = self.lifecycle;
        let event = self.of_itself("audit.started").metadata("places", places);
        let event = event.metadata("heartbeat_ms", millis(heartbeat));
        self.add(event.metadata("version", env!("CARGO_PKG_VERSION")));
        self.say().await;
    }

    pub(super) async fn still_there(&mut self) {
        // Who has not been heard yet need not repeat it.
        if self.words.is_empty() {
            self.add(self.of_itself("audit.heartbeat"));
        }
        self.say().await;
    }

    /// Says that all is in the logs, or in the spool, and how far the numbers of each log go.
    pub(super) async fn stopped(&mut self) {
        let mut last = self.intake.last_numbers();
        last.retain(|(log, _)| &*log.class != AUDIT_CLASS);
        let mut parts: Vec<_> = last.chunks(LOGS_OF_ONE).collect();
        if parts.is_empty() {
            parts.push(&[]);
        }
        for part in parts {
            let last = part.iter().map(|(log, last)| (log.origin.to_string(), (*last).into()));
            let last: Map<String, Value> = last.collect();
            self.add(self.of_itself("audit.stopped").metadata("last_seq", last));
        }
        self.say().await;
    }

    /// An event that can be found by the boot that it tells of.
    fn of_itself(&self, action: &'static str) -> EventBuilder {
        EventBuilder::new(action).label("boot", self.intake.producer().boot().to_string())
    }

    fn add(&mut self, event: EventBuilder) {
        let event = event.close(self.intake.clock());
        self.words.push(self.intake.leaf(&event).1);
    }

    /// Says what has not been said yet. A log that does not take it now is not waited for, nor is an end held up by it:
    /// nothing else depends on it.
    pub(super) async fn say(&mut self) {
        let log = self.intake.names().of_class(AUDIT_CLASS);
        let words = std::mem::take(&mut self.words).into_iter();
        for (log, batch) in sorted(words.map(|leaf| (log.clone(), leaf, Waiting::Nobody))) {
            let left = self.try_once(&log, batch).await;
            self.words.extend(left.into_iter().flat_map(Batch::into_iter).map(|(leaf, _)| leaf));
        }
        self.words_at = Instant::now() + AGAIN;
    }

    /// Says what has not been said yet, unless that was tried just now.
    pub(super) async fn say_later(&mut self) {
        if !self.words.is_empty() && Instant::now() >= self.words_at {
            self.say().await;
        }
    }
}

fn millis(time: Duration) -> u64 {
    time.as_millis().try_into().unwrap_or(u64::MAX)
}
