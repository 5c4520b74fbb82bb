//! The log in which it is said what was done to the logs beside it.

use super::{Leaf, LogId, Store, StoreError, first_of, number_of};
use crate::clock::Clock;
use crate::event::{AUDIT_CLASS, EventBuilder, Producer};

/// Writes an entry about a log into the log `audit` beside it. False where there is none.
pub(crate) async fn write_about(
    store: &dyn Store,
    log: &str,
    event: EventBuilder,
    producer: &str,
    clock: &dyn Clock,
) -> Result<bool, StoreError> {
    let logs = store.logs().await?;
    let is_beside = |base: &str| log.strip_prefix(base).is_some_and(|rest| rest.starts_with('/'));
    // Names of applications may be within one another, and a log may have a successor.
    let own = |origin: &str| {
        let base = base_of_own(origin).filter(|base| is_beside(base))?;
        Some((base.len(), number_of(origin)))
    };
    let beside = logs.iter().filter_map(|log| Some((own(&log.origin)?, log)));
    let Some((_, own)) = beside.max_by_key(|(place, _)| *place) else {
        return Ok(false);
    };
    let event = event.label("log", log).close(clock);
    // Without a number, as there is no boot that counts.
    let leaf = Leaf::of(&event, &Producer::new(producer), None);
    store.append(LogId::of(&own.origin), &[leaf], event.occurred_at()).await?;
    Ok(true)
}

/// With what the name of a log of the class `audit` begins, before a slash: so do the names of the logs that it speaks of.
pub(crate) fn base_of_own(origin: &str) -> Option<&str> {
    let (base, class) = first_of(origin).rsplit_once('/')?;
    (class == AUDIT_CLASS).then_some(base)
}
