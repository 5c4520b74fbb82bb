//! The spool: where events wait while their logs cannot take them.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use super::StoreError;
use crate::event::EncodedEvent;

/// A place near by, on the local disk, in which encoded events wait while the database is away, slow, or behind.
///
/// Calls of several processes may meet in it. Order is that in which events were put there.
#[async_trait]
pub trait Spool: fmt::Debug + Send + Sync + 'static {
    /// Adds events of the recorder with this origin, each with the name of its log: all of them, so that they survive a
    /// loss of power, or none.
    async fn put(
        &self,
        recorder: &str,
        events: &[(Arc<str>, &EncodedEvent)],
    ) -> Result<(), StoreError>;

    /// The first events of a recorder, behind a key, at most so many; but for those that are held.
    async fn first(
        &self,
        recorder: &str,
        behind: i64,
        limit: u32,
    ) -> Result<Vec<Spooled>, StoreError>;

    /// How many events of a recorder there are, behind a key; but for those that are held.
    async fn count(&self, recorder: &str, behind: i64) -> Result<u64, StoreError>;

    /// Takes events out, by their keys: they are in their logs.
    async fn remove(&self, keys: &[i64]) -> Result<(), StoreError>;

    /// Puts events out of the way of others, by their keys, as their log takes nothing any more.
    async fn hold(&self, keys: &[i64]) -> Result<(), StoreError>;

    /// The logs of a recorder whose events are held.
    async fn held(&self, recorder: &str) -> Result<Vec<Held>, StoreError>;

    /// Puts the events of a log back among the others, in the order in which they came. Says how many there are.
    async fn release(&self, recorder: &str, origin: &str) -> Result<u64, StoreError>;
}

/// A log whose events are held.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Held {
    /// Its name.
    pub origin: String,
    /// Its retention class.
    pub class: String,
}

/// An event as it waits, unchecked: who can write to the spool can write anything.
#[derive(Debug, Clone)]
pub struct Spooled {
    /// Its key in the spool: above 0, and the larger, the later it came.
    pub key: i64,
    /// The name of its log.
    pub origin: String,
    /// The event.
    pub event: EncodedEvent,
}
