//! Moving events from the outbox into their logs.

use std::time::Duration;

use super::batch::sorted;
use super::{Appender, Meanwhile, Trouble, in_time};
use crate::event::error_text;
use crate::store::NoLeaf;

/// Shortest and longest pause between two looks into the outbox. The short one follows on an event that
/// this process wrote there, and on a look that found one.
pub(super) const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// Most events of one log at a look.
const LIMIT: u32 = 1_000;

/// What a look into the outbox came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Looked {
    /// There was nothing, or nothing could be done.
    Nothing,
    /// Some of what was there stays; or somebody else is moving the same, and one is enough.
    Some,
    /// What was there is in its log. There may be more.
    More,
}

impl Appender {
    /// Moves what has been committed to the outbox, up to [`LIMIT`] events of each log.
    ///
    /// Others may be at the same events: whoever comes second finds them in the log. So nothing is locked
    /// between the look and the append, and what fails stays where it is.
    pub(super) async fn look_into_outbox(&mut self) -> Looked {
        let rows = match in_time(self.deadline, self.store.outbox(LIMIT)).await {
            Ok(rows) => rows,
            Err(error) => {
                let error = error_text(&error);
                tracing::warn!(error, "audit log: could not look into the outbox");
                return Looked::Nothing;
            }
        };
        let mut whole = true;
        let mut new = 0;
        let mut leaves = Vec::with_capacity(rows.len());
        for row in rows {
            let (log, leaf) = match self.intake.names().adopt(&row.origin, &row.event.class) {
                Some(log) => (log, row.leaf()),
                None => match self.open.get(&row.log) {
                    // Nobody else would take it out from among the events of this log.
                    Some(log) => (log.clone(), Err(NoLeaf::Log)),
                    // What is for a log with another base is left to a recorder with that base.
                    None => continue,
                },
            };
            match leaf {
                Ok(leaf) => leaves.push((log, leaf, None)),
                Err(error) => {
                    let reason = &error_text(&error);
                    let trouble = Trouble { action: "audit.rejected", reason, existing: None };
                    let outbox = Some((row.log, row.key));
                    new += 1;
                    whole &=
                        self.set_aside(&log, &row.event, outbox, trouble, Meanwhile::Leave).await;
                }
            }
        }
        for (log, batch) in sorted(leaves.into_iter()) {
            let written = self.write(&log, batch, Meanwhile::Leave).await;
            whole &= written.whole;
            new += written.new;
        }
        match (new, whole) {
            (0, _) => Looked::Nothing,
            (_, false) => Looked::Some,
            (_, true) => Looked::More,
        }
    }
}
