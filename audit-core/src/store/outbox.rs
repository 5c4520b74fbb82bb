//! The outbox: where events wait that were written in a transaction of the application's.

use async_trait::async_trait;
use serde_json::Value;

use super::{Leaf, LeafError, LogId, StoreError};
use crate::event::{AUDIT_CLASS, EncodedEvent};

/// A connection of the application's, with a transaction open on it, into which an event can be written:
/// sqlx's `PgConnection`, `SqliteConnection`, or a `Transaction` of either.
///
/// It is implemented for these and nothing else.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no connection into which an event can be written",
    note = "name `&mut PgConnection`, `&mut SqliteConnection`, or a `&mut Transaction` of either, and turn on the \
            feature `postgres` or `sqlite` of audit-core"
)]
#[async_trait]
pub trait Outbox: sealed::Sealed + Send {
    /// Writes one row. Begins, commits and rolls back nothing.
    #[doc(hidden)]
    async fn put(&mut self, origin: &str, event: &EncodedEvent) -> Result<(), StoreError>;
}

pub(super) mod sealed {
    pub trait Sealed {}
}

/// An event that waits to be moved into its log: unchecked, as whoever may write to the outbox may write
/// anything.
#[derive(Debug, Clone)]
pub struct OutboxRow {
    /// Its key within the outbox of its log.
    pub key: i64,
    /// The log that it is for.
    pub log: LogId,
    /// The name of that log.
    pub origin: String,
    /// The event.
    pub event: EncodedEvent,
}

impl OutboxRow {
    /// The leaf that it becomes; an error says why it can be none.
    pub(crate) fn leaf(&self) -> Result<Leaf, NoLeaf> {
        let is_of_class = self.origin.split('/').any(|part| part == self.event.class);
        if self.log != LogId::of(&self.origin) || !is_of_class {
            return Err(NoLeaf::Log);
        }
        if self.event.class == AUDIT_CLASS {
            return Err(NoLeaf::Reserved);
        }
        let leaf = Leaf::new(self.event.clone())?;
        let event: Value = serde_json::from_str(&self.event.canon).map_err(LeafError::Canon)?;
        // Numbers are given on acceptance, and a hole in them is a loss.
        if event.pointer("/producer/seq").is_some() {
            return Err(NoLeaf::Numbered);
        }
        Ok(Leaf { outbox: Some((self.log, self.key)), ..leaf })
    }
}

/// Why a row of the outbox is no leaf.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NoLeaf {
    #[error(transparent)]
    Leaf(#[from] LeafError),
    #[error("its log is not the one that stands beside it")]
    Log,
    #[error("only a recorder writes the log's own events")]
    Reserved,
    #[error("only a recorder numbers events")]
    Numbered,
}
