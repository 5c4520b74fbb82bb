//! A store that appends in a way of its own, and otherwise does what the one within does.

use std::fmt;

use async_trait::async_trait;
use audit_core::event::EncodedEvent;
use audit_core::merkle::{Tile, TileId};
use audit_core::query::Filter;
use audit_core::store::{
    Appended, Head, Leaf, Lease, LogId, LogInfo, LogState, OutboxRow, Row, Segment,
    SignedCheckpoint, Start, Store, StoreError,
};
use chrono::{DateTime, Utc};

/// How a store appends.
#[async_trait]
pub(crate) trait Append: fmt::Debug + Send + Sync + 'static {
    /// The store within.
    fn inner(&self) -> &dyn Store;

    async fn append(
        &self,
        log: LogId,
        batch: &[Leaf],
        now: DateTime<Utc>,
    ) -> Result<Appended, StoreError>;
}

/// A store that appends so.
#[derive(Debug)]
pub(crate) struct Around<A>(pub(crate) A);

#[async_trait]
impl<A: Append> Store for Around<A> {
    async fn append(
        &self,
        log: LogId,
        batch: &[Leaf],
        now: DateTime<Utc>,
    ) -> Result<Appended, StoreError> {
        self.0.append(log, batch, now).await
    }

    async fn open_log(&self, origin: &str, class: &str) -> Result<LogId, StoreError> {
        self.0.inner().open_log(origin, class).await
    }

    async fn logs(&self) -> Result<Vec<LogInfo>, StoreError> {
        self.0.inner().logs().await
    }

    async fn head(&self, log: LogId) -> Result<Head, StoreError> {
        self.0.inner().head(log).await
    }

    async fn close_log(&self, log: LogId, state: LogState) -> Result<(), StoreError> {
        self.0.inner().close_log(log, state).await
    }

    async fn set_aside(
        &self,
        log: LogId,
        event: &EncodedEvent,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.0.inner().set_aside(log, event, reason, now).await
    }

    async fn outbox(&self, from: i64, limit: u32) -> Result<Vec<OutboxRow>, StoreError> {
        self.0.inner().outbox(from, limit).await
    }

    async fn reject(
        &self,
        log: LogId,
        key: i64,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        self.0.inner().reject(log, key, reason, now).await
    }

    async fn read(&self, log: LogId, from: u64, limit: u32) -> Result<Vec<Row>, StoreError> {
        self.0.inner().read(log, from, limit).await
    }

    async fn search(
        &self,
        log: LogId,
        filter: &Filter,
        start: Start,
        limit: u32,
    ) -> Result<Vec<Row>, StoreError> {
        self.0.inner().search(log, filter, start, limit).await
    }

    async fn tile(&self, log: LogId, id: TileId) -> Result<Option<Tile>, StoreError> {
        self.0.inner().tile(log, id).await
    }

    async fn segments(&self, log: LogId) -> Result<Vec<Segment>, StoreError> {
        self.0.inner().segments(log).await
    }

    async fn keep_checkpoint(
        &self,
        log: LogId,
        checkpoint: &SignedCheckpoint,
    ) -> Result<(), StoreError> {
        self.0.inner().keep_checkpoint(log, checkpoint).await
    }

    async fn checkpoints(
        &self,
        log: LogId,
        from: u64,
        limit: u32,
    ) -> Result<Vec<SignedCheckpoint>, StoreError> {
        self.0.inner().checkpoints(log, from, limit).await
    }

    async fn lease(
        &self,
        log: LogId,
        lease: &Lease,
        now: DateTime<Utc>,
    ) -> Result<Option<Lease>, StoreError> {
        self.0.inner().lease(log, lease, now).await
    }

    async fn latest_checkpoint(&self, log: LogId) -> Result<Option<SignedCheckpoint>, StoreError> {
        self.0.inner().latest_checkpoint(log).await
    }
}
