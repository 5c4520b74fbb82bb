//! A store that takes its time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use audit_core::event::EncodedEvent;
use audit_core::merkle::{Tile, TileId};
use audit_core::query::Filter;
use audit_core::store::{
    Appended, Head, Leaf, LogId, LogInfo, OutboxRow, Row, Segment, SqliteStore, Store, StoreError,
};
use chrono::{DateTime, Utc};

/// The store in a SQLite file, with a pause before each append. Counts appends and what they brought.
#[derive(Debug, Clone)]
pub(crate) struct Paused {
    store: SqliteStore,
    pause: Duration,
    appends: Arc<AtomicU64>,
    leaves: Arc<AtomicU64>,
}

impl Paused {
    pub(crate) fn new(store: SqliteStore, pause: Duration) -> Self {
        Self { store, pause, appends: Arc::default(), leaves: Arc::default() }
    }

    /// Events of an append, on the average.
    pub(crate) fn batch(&self) -> f64 {
        let of = |count: &AtomicU64| u32::try_from(count.load(Ordering::Relaxed)).map(f64::from);
        match (of(&self.leaves), of(&self.appends)) {
            (Ok(leaves), Ok(appends)) => leaves / appends,
            _ => f64::NAN,
        }
    }
}

#[async_trait]
impl Store for Paused {
    async fn append(
        &self,
        log: LogId,
        batch: &[Leaf],
        now: DateTime<Utc>,
    ) -> Result<Appended, StoreError> {
        // Not even for a moment where there is none.
        if !self.pause.is_zero() {
            tokio::time::sleep(self.pause).await;
        }
        let leaves = u64::try_from(batch.len()).unwrap_or(u64::MAX);
        self.leaves.fetch_add(leaves, Ordering::Relaxed);
        self.appends.fetch_add(1, Ordering::Relaxed);
        self.store.append(log, batch, now).await
    }

    async fn open_log(&self, origin: &str, class: &str) -> Result<LogId, StoreError> {
        self.store.open_log(origin, class).await
    }

    async fn logs(&self) -> Result<Vec<LogInfo>, StoreError> {
        self.store.logs().await
    }

    async fn head(&self, log: LogId) -> Result<Head, StoreError> {
        self.store.head(log).await
    }

    async fn set_aside(
        &self,
        log: LogId,
        event: &EncodedEvent,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.store.set_aside(log, event, reason, now).await
    }

    async fn outbox(&self, from: i64, limit: u32) -> Result<Vec<OutboxRow>, StoreError> {
        self.store.outbox(from, limit).await
    }

    async fn reject(
        &self,
        log: LogId,
        key: i64,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        self.store.reject(log, key, reason, now).await
    }

    async fn read(&self, log: LogId, from: u64, limit: u32) -> Result<Vec<Row>, StoreError> {
        self.store.read(log, from, limit).await
    }

    async fn search(
        &self,
        log: LogId,
        filter: &Filter,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<Row>, StoreError> {
        self.store.search(log, filter, before, limit).await
    }

    async fn tile(&self, log: LogId, id: TileId) -> Result<Option<Tile>, StoreError> {
        self.store.tile(log, id).await
    }

    async fn segments(&self, log: LogId) -> Result<Vec<Segment>, StoreError> {
        self.store.segments(log).await
    }
}
