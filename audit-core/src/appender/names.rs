//! Which log an event goes to: a pure function of the event.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use crate::event::{AUDIT_CLASS, DEFAULT_CLASS, Event};
use crate::store::{Leaf, LogId, NoLeaf, OutboxRow, successor_of};

/// Longest name of a shard, as it stands in the name of a log.
const MAX_SHARD: usize = 100;

/// A log by its name. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LogName {
    pub(crate) origin: Arc<str>,
    /// Its retention class.
    pub(crate) class: Arc<str>,
}

impl LogName {
    pub(crate) fn id(&self) -> LogId {
        LogId::of(&self.origin)
    }

    /// The log that goes on after this one, if there is one.
    pub(crate) fn successor(&self) -> Self {
        Self { origin: successor_of(&self.origin).into(), class: Arc::clone(&self.class) }
    }
}

/// What an application shards its logs by.
#[derive(Clone)]
pub(crate) struct Shard(Arc<ShardFn>);

type ShardFn = dyn Fn(&Event) -> Option<String> + Send + Sync;

impl Shard {
    pub(crate) fn by(shard: impl Fn(&Event) -> Option<String> + Send + Sync + 'static) -> Self {
        Self(Arc::new(shard))
    }

    fn of(&self, event: &Event) -> Option<String> {
        // It is the application's, and events are delivered while others of its panics unwind.
        let shard = catch_unwind(AssertUnwindSafe(|| (self.0)(event))).unwrap_or_else(|_| {
            tracing::error!("audit log: the shard function panicked, and its event has no shard");
            None
        });
        shard.filter(|shard| !shard.is_empty())
    }
}

impl fmt::Debug for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Shard")
    }
}

/// The names of a recorder's logs: a base, a slash, the retention class, and a slash and the shard, if there is one.
#[derive(Debug)]
pub(crate) struct Names {
    base: String,
    shard: Option<Shard>,
    /// Of the default class, as most events are.
    default: LogName,
}

impl Names {
    pub(crate) fn new(base: String, shard: Option<Shard>) -> Self {
        Self { default: name(&base, DEFAULT_CLASS, None), base, shard }
    }

    /// The log of an event. The log's own events are not sharded.
    pub(crate) fn of(&self, event: &Event) -> LogName {
        let class = event.class();
        match self.shard.as_ref().filter(|_| class != AUDIT_CLASS) {
            None if class == DEFAULT_CLASS => self.default.clone(),
            None => self.of_class(class),
            Some(shard) => name(&self.base, class, shard.of(event).as_deref()),
        }
    }

    /// With what the names of all these logs begin, before a slash.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// The log of a class.
    pub(crate) fn of_class(&self, class: &str) -> LogName {
        name(&self.base, class, None)
    }

    /// The log that somebody else named for a row of the outbox, if that is a log of this recorder's; or if
    /// what they named is no log at all, so that no other recorder will see to it.
    pub(crate) fn adopt(&self, row: &OutboxRow, leaf: &Result<Leaf, NoLeaf>) -> Option<LogName> {
        let (origin, class) = (&*row.origin, &*row.event.class);
        let named = LogName { origin: origin.into(), class: class.into() };
        if matches!(leaf, Err(NoLeaf::Log)) {
            return Some(named);
        }
        self.is_of(origin, class).then_some(named)
    }

    /// Whether a log with this name is this recorder's log of a class, or one of its shards.
    pub(crate) fn is_of(&self, origin: &str, class: &str) -> bool {
        let shard = origin.strip_prefix(&*self.base).and_then(|rest| rest.strip_prefix('/'));
        let shard = shard.and_then(|rest| rest.strip_prefix(class));
        shard.is_some_and(|shard| shard.is_empty() || shard.strip_prefix('/').is_some_and(is_name))
    }
}

fn name(base: &str, class: &str, shard: Option<&str>) -> LogName {
    let origin = match shard {
        Some(shard) => format!("{base}/{class}/{}", in_a_name(shard)),
        None => format!("{base}/{class}"),
    };
    LogName { origin: origin.into(), class: class.into() }
}

/// A shard's name as it can stand in the name of a log: letters, digits and `-._` as they are, of
/// everything else the bytes as `%` and two digits; and where that is too long, a hash behind a character
/// that stands in no other name. No shard ends like the log in which it is told what was done to others.
/// Two shards never get one name.
fn in_a_name(shard: &str) -> String {
    if shard == AUDIT_CLASS {
        return "%61udit".to_owned();
    }
    let mut name = String::with_capacity(shard.len());
    for byte in shard.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => name.push(byte.into()),
            other => name.push_str(&format!("%{other:02X}")),
        }
    }
    if name.len() > MAX_SHARD {
        let digest = crate::merkle::leaf_hash(shard.as_bytes());
        name = format!("~{digest}");
    }
    name
}

/// Whether a shard has this name.
fn is_name(name: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || b"-._%~".contains(&b);
    (1..=MAX_SHARD).contains(&name.len()) && name.bytes().all(fits)
}
