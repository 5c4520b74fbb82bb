//! Accepted events on their way into a log, with those who wait for an answer.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use uuid::Uuid;

use super::names::LogName;
use crate::event::{Event, Producer};
use crate::merkle::Hash;
use crate::store::Leaf;

/// Most events of one append.
pub(crate) const MAX_BATCH: usize = 4_096;

/// Most bytes of canonical text in one append, but for a single event.
const MAX_BATCH_BYTES: usize = 4 << 20;

/// Where an event stands, or will stand: the answer to a durable record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The event's id.
    pub event_id: Uuid,
    /// The name of its log.
    pub log: Arc<str>,
    /// Its index in the log; none while it waits in the spool.
    pub index: Option<u64>,
    /// Its leaf hash: SHA-256(0x00 || canonical bytes).
    pub leaf_hash: Hash,
}

/// Why an event was not recorded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// Nothing here says where events go.
    #[error(
        "there is no recorder here: add an `AuditLayer`, or call it within `AuditContext::scope`"
    )]
    NoRecorder,
    /// There is no audited function, or it is over.
    #[error(
        "no audited function is running here: use `record_in` of a recorder, or call this within the function \
         that has `#[audited]`, not in a task that it spawns"
    )]
    NoOperation,
    /// The recorder's catalogue is closed and does not have the action.
    #[error("{0}")]
    UnknownAction(String),
    /// The queue stayed full.
    #[error("the recorder's queue is full: the database does not keep up")]
    QueueFull,
    /// The recorder does not take events any more.
    #[error("the recorder has been shut down")]
    Stopped,
    /// The event is in the spool, which is not enough for an operation that must not run unrecorded.
    #[error("the log does not take the entry, which waits in the spool: {0}")]
    Spooled(String),
    /// The log is quarantined or frozen, or is not what it was.
    #[error("the log takes no entries: {0}")]
    Closed(String),
    /// The database did not answer in time.
    #[error("the database gave no answer within {0:?}; the entry may be recorded yet")]
    Deadline(Duration),
    /// The store's one write lock is held by another transaction.
    #[error(
        "another transaction holds the database's only write lock; if it is the caller's own, commit it first, \
         or write the event in it by `record_in`; the entry may be recorded yet"
    )]
    Locked,
    /// The database did not take it into the outbox.
    #[error("{0}")]
    Outbox(String),
    /// The database refused it for good.
    #[error("the database refused the entry, which is kept among the rejected events")]
    Rejected,
    /// An entry with the same id and other content is there already.
    #[error("another event has the same id; the entry is kept among the rejected events")]
    IdConflict,
}

/// How the answer about one event reaches who waits for it.
pub(crate) struct Reply {
    pub(crate) sender: oneshot::Sender<Result<Receipt, Refusal>>,
    /// Whether the event must be in its log: the spool is not enough.
    pub(crate) by_log_only: bool,
}

/// Who waits for an event.
pub(crate) enum Waiting {
    /// Nobody: it comes from the outbox, or from the spool, or the recorder says it of itself.
    Nobody,
    /// The recorder, on whose books it is; and somebody, if there is one.
    For(Option<Reply>),
}

// It is moved into the queue and out of it.
const _: () = assert!(size_of::<Accepted>() <= 128);

/// An event that the queue has accepted. Small, as the queue is full of them.
pub(crate) struct Accepted {
    log: LogName,
    content: Content,
    reply: Option<Reply>,
    /// What it takes of the queue's bytes.
    pub(super) bytes: usize,
}

impl Accepted {
    pub(crate) fn new(log: LogName, content: Content, reply: Option<Reply>) -> Self {
        let bytes = match &content {
            Content::Event(event, _) => event.held,
            Content::Leaf(leaf) => leaf.event.bytes(),
        };
        Self { log, content, reply, bytes }
    }

    pub(super) fn is_awaited(&self) -> bool {
        self.reply.is_some()
    }
}

pub(crate) enum Content {
    /// With its number in the log, to be encoded by the appender.
    Event(Event, u64),
    /// Encoded by a caller who waits for it.
    Leaf(Box<Leaf>),
}

/// Leaves of one log, and who waits for each.
#[derive(Default)]
pub(crate) struct Batch {
    pub(crate) leaves: Vec<Leaf>,
    waiting: Vec<Waiting>,
}

impl Batch {
    /// A single event.
    pub(crate) fn one(leaf: Leaf, waiting: Waiting) -> Self {
        Self { leaves: vec![leaf], waiting: vec![waiting] }
    }

    /// Whether nobody waits for it: it stands elsewhere, too, or can be said later.
    pub(crate) fn is_nobodys(&self) -> bool {
        self.waiting.iter().all(|waiting| matches!(waiting, Waiting::Nobody))
    }

    /// Whether the spool is not enough for somebody who waits.
    pub(crate) fn must_be_in_log(&self) -> bool {
        let must =
            |waiting: &Waiting| matches!(waiting, Waiting::For(Some(reply)) if reply.by_log_only);
        self.waiting.iter().any(must)
    }

    pub(crate) fn push(&mut self, leaf: Leaf, waiting: Waiting) {
        self.leaves.push(leaf);
        self.waiting.push(waiting);
    }

    /// Takes out what is behind so many.
    pub(crate) fn split_off(&mut self, events: usize) -> Self {
        Self { leaves: self.leaves.split_off(events), waiting: self.waiting.split_off(events) }
    }

    pub(crate) fn into_iter(self) -> impl Iterator<Item = (Leaf, Waiting)> {
        self.leaves.into_iter().zip(self.waiting)
    }
}

/// Sorts accepted events into batches of one log each, in the order in which they came.
pub(crate) fn by_log(
    accepted: impl Iterator<Item = Accepted>,
    producer: &Producer,
) -> Vec<(LogName, Batch)> {
    let leaves = accepted.map(|Accepted { log, content, reply, bytes: _ }| {
        let leaf = match content {
            Content::Event(event, seq) => Leaf::of(&event, producer, seq),
            Content::Leaf(leaf) => *leaf,
        };
        (log, leaf, Waiting::For(reply))
    });
    sorted(leaves)
}

/// Sorts leaves into batches of one log each, in the order in which they come.
pub(crate) fn sorted(
    leaves: impl Iterator<Item = (LogName, Leaf, Waiting)>,
) -> Vec<(LogName, Batch)> {
    let mut full = Vec::new();
    let mut open: BTreeMap<LogName, (Batch, usize)> = BTreeMap::new();
    for (log, leaf, waiting) in leaves {
        let size = leaf.event.canon.len();
        let (batch, bytes) = open.entry(log.clone()).or_default();
        let too_large = !batch.leaves.is_empty() && bytes.saturating_add(size) > MAX_BATCH_BYTES;
        if too_large || batch.leaves.len() == MAX_BATCH {
            full.push((log, std::mem::take(batch)));
            *bytes = 0;
        }
        *bytes = bytes.saturating_add(size);
        batch.push(leaf, waiting);
    }
    full.extend(open.into_iter().map(|(log, (batch, _))| (log, batch)));
    full
}
