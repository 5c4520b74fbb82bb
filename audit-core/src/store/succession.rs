//! From a log that takes nothing any more to the one that goes on in its place.

use serde::Deserialize;

use super::{Head, Leaf, LogId, LogInfo, LogState, Store, StoreError, StoreErrorKind};
use crate::clock::Clock;
use crate::event::{EventBuilder, Producer, metadata};

/// The action of the first entry of a log that goes on for another.
const CONTINUED: &str = "audit.log.continued";

/// Who writes that entry.
const PRODUCER: &str = "audit-successor";

/// In the name of a log before its number in the row: it stands in no class and in no shard.
const NUMBER: char = '@';

/// What the first entry of a successor says of the log before it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Continued {
    origin: String,
    size: u64,
    root: String,
}

/// The name without the number of a successor, and that number: 1 where it is the first of its row.
fn parts(origin: &str) -> (&str, u64) {
    let last = origin.rfind('/').map_or(0, |slash| slash + 1);
    let numbered = origin.rsplit_once(NUMBER).filter(|(name, _)| name.len() > last);
    match numbered.and_then(|(name, number)| Some((name, number.parse().ok()?))) {
        Some((name, number)) if number > 1 => (name, number),
        _ => (origin, 1),
    }
}

/// The first log of the row in which this one stands: what events name, whichever log of the row takes them.
pub(crate) fn first_of(origin: &str) -> &str {
    parts(origin).0
}

/// Where in its row this one stands, from 1.
pub(crate) fn number_of(origin: &str) -> u64 {
    parts(origin).1
}

/// The name of the log that goes on after this one, if there is one.
pub(crate) fn successor_of(origin: &str) -> String {
    let (name, number) = parts(origin);
    format!("{name}{NUMBER}{}", number.saturating_add(1))
}

/// The log before this one.
fn predecessor_of(origin: &str) -> Option<String> {
    match parts(origin) {
        (_, 1) => None,
        (name, 2) => Some(name.to_owned()),
        (name, number) => Some(format!("{name}{NUMBER}{}", number - 1)),
    }
}

/// Closes a log for good and begins the one that goes on in its place, `<name>@2`, then `@3` and so on. Recorders whose events go
/// to the old one find the new one by themselves, within seconds, and bring there what waits.
///
/// The first entry of the new log, `audit.log.continued`, names origin, size and root of the old one, as it stands now. What a quarantine
/// found in the old log is not mended by that, and verification goes on to tell of it: look into it first.
///
/// Called again, it ends what another call has begun, and changes nothing more.
///
/// ```
/// use audit_core::store::{LogState, MemoryStore, Store, continue_log};
/// use audit_core::{Event, Recorder, clock::SystemClock};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// let store = MemoryStore::new();
/// let recorder = Recorder::builder(store.clone()).origin("billing.example/audit").start().await?;
/// recorder.record_durable(Event::builder("user.login")).await?;
/// let next = continue_log(&store, "billing.example/audit/standard", &SystemClock::new()).await?;
/// let receipt = recorder.record_durable(Event::builder("user.login")).await?;
/// assert_eq!((&*next.origin, &*receipt.log), ("billing.example/audit/standard@2", &*next.origin));
/// assert_eq!(receipt.index, Some(1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`StoreError`] where there is no such log, or the store cannot be written; [`Damaged`](StoreErrorKind::Damaged) where its
/// head cannot be read, or what has the name of the new log is something else.
///
/// # Cancel safety
/// Dropped half-way, the old log may be closed and the new one not be there yet; it can be called again.
pub async fn continue_log(
    store: &dyn Store,
    origin: &str,
    clock: &dyn Clock,
) -> Result<LogInfo, StoreError> {
    let old = LogInfo { id: LogId::of(origin), origin: origin.to_owned() };
    let head = store.head(old.id).await?;
    if head.state == LogState::Open {
        // So that it does not grow while the new one is begun.
        store.close_log(old.id, LogState::Quarantined).await?;
    }
    let head = store.head(old.id).await?;
    let class = class_of(store, origin).await?;
    let next = LogInfo { id: LogId::of(&successor_of(origin)), origin: successor_of(origin) };
    store.open_log(&next.origin, &class).await?;
    if store.head(next.id).await?.frontier.size() == 0 {
        let event = EventBuilder::of_the_log(CONTINUED).label("log", origin);
        let event = event.metadata("origin", origin).metadata("size", head.frontier.size());
        let event = event.metadata("root", head.root.to_string()).close(clock);
        // Without a number, as there is no boot that counts.
        let leaf = Leaf::of(&event, &Producer::new(PRODUCER), None);
        store.append(next.id, &[leaf], event.occurred_at()).await?;
    }
    if !continues(store, &next, &old, &head).await? {
        let what =
            format!("continue {origin}: what goes by the name {} is no successor", next.origin);
        return Err(StoreError::new(StoreErrorKind::Damaged, what));
    }
    store.close_log(old.id, LogState::Frozen).await?;
    Ok(next)
}

/// The class of a log: what stands in its name behind that with which all logs of its recorder begin.
async fn class_of(store: &dyn Store, origin: &str) -> Result<String, StoreError> {
    let logs = store.logs().await?;
    let bases = logs.iter().filter_map(|log| first_of(&log.origin).strip_suffix("/audit"));
    let name = first_of(origin);
    let inner = bases.filter_map(|base| name.strip_prefix(base)?.strip_prefix('/'));
    let rest = inner.min_by_key(|rest| rest.len());
    let class = rest.map_or_else(|| name.rsplit('/').next(), |rest| rest.split('/').next());
    Ok(class.unwrap_or_default().to_owned())
}

/// Whether the first entry of a log names another one as it stands.
async fn continues(
    store: &dyn Store,
    next: &LogInfo,
    old: &LogInfo,
    head: &Head,
) -> Result<bool, StoreError> {
    let rows = match store.read(next.id, 0, 1).await {
        // There is no such log.
        Err(error) if error.kind() == StoreErrorKind::Damaged => return Ok(false),
        rows => rows?,
    };
    let said = rows.first().filter(|row| row.index == 0).and_then(|row| metadata(&row.canon));
    let (size, root) = (head.frontier.size(), head.root.to_string());
    Ok(said == Some(Continued { origin: old.origin.clone(), size, root }))
}

/// Why a log that is closed, or that goes on for another, is not what it should be; nothing where that is in order.
pub(crate) async fn misfit(
    store: &dyn Store,
    log: &LogInfo,
    head: &Head,
) -> Result<Option<String>, StoreError> {
    if let Some(origin) = predecessor_of(&log.origin) {
        let old = LogInfo { id: LogId::of(&origin), origin };
        let fits = match store.head(old.id).await {
            Ok(before) => {
                before.state == LogState::Frozen && continues(store, log, &old, &before).await?
            }
            Err(error) if error.kind() == StoreErrorKind::Damaged => false,
            Err(error) => return Err(error),
        };
        if !fits {
            let old = old.origin;
            return Ok(Some(format!("its first entry does not name the log {old} as that is")));
        }
    }
    let next = successor_of(&log.origin);
    let next = LogInfo { id: LogId::of(&next), origin: next };
    Ok(match head.state {
        LogState::Open => None,
        LogState::Quarantined => Some(
            "the log is quarantined: its signer found that it is not what was signed".to_owned(),
        ),
        LogState::Frozen if continues(store, &next, log, head).await? => None,
        LogState::Frozen => Some("the log is frozen, and no other goes on for it".to_owned()),
    })
}

/// Begins a log whose head is gone again, so that it can be closed.
pub(crate) async fn bring_back(store: &dyn Store, origin: &str) -> Result<(), StoreError> {
    let class = class_of(store, origin).await?;
    match store.open_log(origin, &class).await {
        // Its row goes by another name.
        Err(error) if error.kind() == StoreErrorKind::Rejected => Ok(()),
        opened => opened.map(drop),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_logs_of_a_row_have_numbers_behind_the_last_part_of_their_names() {
        assert_eq!(successor_of("a@7/audit/standard"), "a@7/audit/standard@2");
        assert_eq!(successor_of("a/standard@2"), "a/standard@3");
        assert_eq!(first_of("a/standard@12"), "a/standard");
        for first in
            ["a/standard", "a@7/standard", "a/standard@1", "a/standard@x", "a/@2", "@2", ""]
        {
            assert_eq!((first_of(first), number_of(first)), (first, 1), "{first}");
            assert_eq!(predecessor_of(first), None);
        }
        assert_eq!(predecessor_of("a/standard@2").as_deref(), Some("a/standard"));
        assert_eq!(predecessor_of("a/standard@3").as_deref(), Some("a/standard@2"));
    }
}
