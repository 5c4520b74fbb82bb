//! Moving events from the outbox into their logs.

use std::time::Duration;

use tokio::time::Instant;

use super::batch::{Waiting, sorted};
use super::closed::AGAIN;
use super::set_aside::Trouble;
use super::{Appender, in_time};
use crate::event::error_text;
use crate::store::StoreErrorKind;

/// Shortest and longest pause between two looks into the outbox. The short one follows on an event that
/// this process wrote there, and on a look that found one.
pub(super) const PAUSE: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// Most rows of one look.
const LIMIT: usize = 500;

/// Most looks at a shutdown.
pub(super) const LAST_LOOKS: u32 = 200;

/// What a look into the outbox came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Looked {
    /// There was nothing to do, or nothing could be done.
    Nothing,
    /// There was something.
    Some,
    /// There may be more behind it.
    More,
}

impl Appender {
    /// Moves a piece of what has been committed to the outbox. The next look goes on behind it, and from the
    /// beginning where this was the end: so what cannot be moved, or is for a recorder with another name, is
    /// in nobody's way. A log that is out of reach is passed over until the looks begin anew, so that its events keep their order; where it
    /// is the database, the next look is for the same again.
    ///
    /// Others may be at the same events: whoever comes second finds them in the log. So nothing is locked
    /// between the look and the append, and what fails stays where it is.
    pub(super) async fn look_into_outbox(&mut self) -> Looked {
        if !self.passed_over.is_empty() && Instant::now() >= self.passed_over_until {
            self.look_anew();
        }
        let limit = u32::try_from(LIMIT).unwrap_or(u32::MAX);
        let rows = match in_time(self.patience(), self.store.outbox(self.outbox_from, limit)).await
        {
            Ok(rows) => rows,
            Err(error) => {
                let error = error_text(&error);
                tracing::warn!(error, "audit log: could not look into the outbox");
                return Looked::Nothing;
            }
        };
        let last = rows.last().filter(|_| rows.len() == LIMIT).map(|last| last.key);
        let (mut new, mut is_one_stuck) = (0, false);
        let mut leaves = Vec::with_capacity(rows.len());
        for row in rows {
            let leaf = row.leaf();
            let Some(log) = self.intake.names().adopt(&row, &leaf) else {
                continue;
            };
            match leaf {
                Ok(leaf) => leaves.push((log, leaf, Waiting::Nobody)),
                Err(error) => {
                    let reason = error_text(&error);
                    let outbox = Some((row.log, row.key));
                    let trouble = Trouble::rejected(&reason);
                    match self.set_aside(&log, &row.event, outbox, trouble).await {
                        Ok(()) => new += 1,
                        Err(why) if is_out_of_reach(why) => return Looked::Nothing,
                        Err(_) => {}
                    }
                }
            }
        }
        for (log, batch) in sorted(leaves.into_iter()) {
            if self.passed_over.contains(&log) {
                continue;
            }
            let written = self.write(&log, batch).await;
            new += written.new;
            if !written.stuck.is_some_and(is_out_of_reach) {
                continue;
            }
            if is_one_stuck {
                return Looked::Nothing;
            }
            is_one_stuck = true;
            if self.passed_over.is_empty() {
                self.passed_over_until = Instant::now() + AGAIN;
            }
            self.passed_over.insert(log);
            // It has used up the time of the others, which are next.
            if self.patience().is_zero() {
                return Looked::Some;
            }
        }
        let is_idle = new == 0 && !self.passed_over.is_empty();
        match last {
            Some(last) => self.outbox_from = last.saturating_add(1),
            None => self.look_anew(),
        }
        match (last, new) {
            (Some(_), _) if !is_idle => Looked::More,
            (None, 0) => Looked::Nothing,
            _ => Looked::Some,
        }
    }

    /// Has the next look begin with the first event there.
    pub(super) fn look_anew(&mut self) {
        self.outbox_from = i64::MIN;
        self.passed_over.clear();
    }
}

/// Whether it is the database, and not one of its logs, that takes nothing; or who holds a log.
fn is_out_of_reach(why: StoreErrorKind) -> bool {
    matches!(why, StoreErrorKind::Unavailable | StoreErrorKind::Locked)
}
