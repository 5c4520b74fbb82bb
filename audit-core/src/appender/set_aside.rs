//! Events that no log takes: kept beside it, and told of by events of the log's own.

use super::batch::{Waiting, sorted};
use super::{Appender, LogName, PAUSE, in_time, wait};
use crate::appender::Refusal;
use crate::event::{
    AUDIT_CLASS, EncodedEvent, Event, EventBuilder, MAX_MESSAGE, Stamp, error_text, line,
};
use crate::merkle::{Hash, leaf_hash};
use crate::store::{LogId, StoreErrorKind};

/// Why an event is set aside, and how the report about it is called.
pub(super) struct Trouble<'a> {
    action: &'static str,
    reason: &'a str,
    /// The leaf hash of the entry that has its id.
    existing: Option<Hash>,
}

impl<'a> Trouble<'a> {
    pub(super) fn rejected(reason: &'a str) -> Self {
        Self { action: "audit.rejected", reason, existing: None }
    }

    pub(super) fn id_conflict(reason: &'a str, existing: Hash) -> Self {
        Self { action: "audit.id_conflict", reason, existing: Some(existing) }
    }
}

impl Appender {
    /// Keeps an event outside of its log, and has an event of the log's own say so. `outbox` is where it
    /// stands there, which need not be under its log; if it cannot be taken from there, it stays.
    pub(super) async fn set_aside(
        &mut self,
        log: &LogName,
        event: &EncodedEvent,
        outbox: Option<(LogId, i64)>,
        trouble: Trouble<'_>,
    ) -> Result<(), StoreErrorKind> {
        let mut altered = Vec::new();
        // It may quote what is in the event.
        let reason = line(trouble.reason, MAX_MESSAGE, "/metadata", &mut altered);
        let kept = match outbox {
            Some((log, key)) => self.rejected(log, key, &reason).await?,
            None => self.kept(log, event, &reason).await?,
        };
        if !kept {
            return Ok(());
        }
        if &*log.class == AUDIT_CLASS && outbox.is_none() {
            // A report about a report that is refused would be refused as well, and so on.
            tracing::error!(reason, id = %event.id, "audit log: an event of its own is set aside");
            return Ok(());
        }
        let report = EventBuilder::new(trouble.action)
            .label("log", &*log.origin)
            .metadata("event_id", event.id.to_string())
            .metadata("leaf_hash", leaf_hash(event.canon.as_bytes()).to_string())
            .metadata("reason", reason);
        let report = altered.into_iter().fold(report, EventBuilder::altered);
        let report = match Stamp::of(event.canon.as_bytes()) {
            Some(Stamp { boot, seq: Some(seq), .. }) => {
                let report = report.metadata("boot", boot.to_string()).metadata("seq", seq);
                // A label would be cut.
                report.metadata("origin", &*log.origin)
            }
            _ => report,
        };
        self.report(match trouble.existing {
            Some(existing) => report.metadata("existing_leaf_hash", existing.to_string()),
            None => report,
        });
        Ok(())
    }

    /// Sets a row of the outbox aside, unless somebody else has: then they say so.
    async fn rejected(&self, log: LogId, key: i64, reason: &str) -> Result<bool, StoreErrorKind> {
        let now = self.intake.clock().now();
        in_time(self.patience(), self.store.reject(log, key, reason, now)).await.map_err(|error| {
            let text = error_text(&error);
            tracing::error!(error = text, reason, key, "audit log: an event stays in the outbox");
            error.kind()
        })
    }

    /// Sets an event aside that is nowhere else, however long it takes; with a spool, in which it can wait, once. False
    /// where it is lost.
    async fn kept(
        &self,
        log: &LogName,
        event: &EncodedEvent,
        reason: &str,
    ) -> Result<bool, StoreErrorKind> {
        let mut pause = PAUSE.0;
        loop {
            let now = self.intake.clock().now();
            let attempt = self.store.set_aside(log.id(), event, reason, now);
            match in_time(self.patience(), attempt).await {
                Ok(()) => return Ok(true),
                Err(error) if error.kind() == StoreErrorKind::Rejected => {
                    let error = error_text(&error);
                    tracing::error!(error, reason, id = %event.id, "audit log: an event is lost");
                    self.intake.count_lost(Refusal::Rejected);
                    return Ok(false);
                }
                Err(error) if self.spool.is_some() => return Err(error.kind()),
                Err(error) => wait(&mut pause, "set an event aside", &error).await,
            }
        }
    }

    fn report(&mut self, event: EventBuilder) {
        self.intake.begun();
        let event: Event = event.close(self.intake.clock());
        self.reports.push(self.intake.leaf(&event).1);
    }

    /// Writes the log's own events about what came up while writing.
    pub(super) async fn write_reports(&mut self) {
        if let Some(gap) = self.intake.take_gap() {
            self.report(gap);
        }
        let log = self.intake.names().of_class(AUDIT_CLASS);
        let reports = std::mem::take(&mut self.reports);
        for (log, batch) in
            sorted(reports.into_iter().map(|leaf| (log.clone(), leaf, Waiting::For(None))))
        {
            self.deliver(&log, batch).await;
        }
    }
}
