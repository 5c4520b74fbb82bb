//! A store of one's own, around another one: it counts the entries that go into the log.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use audit_core::event::EncodedEvent;
use audit_core::merkle::{Tile, TileId};
use audit_core::query::Filter;
use audit_core::store::{
    Anchor, Appended, Head, Leaf, Lease, LogId, LogInfo, LogState, OutboxRow, Placement, Row,
    Segment, SignedCheckpoint, Start, Store, StoreError,
};
use chrono::{DateTime, Utc};

/// Counts what another store takes. Clones share the count.
#[derive(Debug, Clone)]
pub struct CountingStore<S> {
    inner: S,
    entries: Arc<AtomicU64>,
}

impl<S: Store> CountingStore<S> {
    /// Stands around a store.
    #[must_use]
    pub fn new(inner: S) -> Self {
        Self { inner, entries: Arc::default() }
    }

    /// Entries that have come into the log through this store. One that was there already is none.
    #[must_use]
    pub fn entries(&self) -> u64 {
        self.entries.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl<S: Store> Store for CountingStore<S> {
    async fn open_log(&self, origin: &str, class: &str) -> Result<LogId, StoreError> {
        self.inner.open_log(origin, class).await
    }

    async fn logs(&self) -> Result<Vec<LogInfo>, StoreError> {
        self.inner.logs().await
    }

    async fn head(&self, log: LogId) -> Result<Head, StoreError> {
        self.inner.head(log).await
    }

    async fn append(
        &self,
        log: LogId,
        batch: &[Leaf],
        now: DateTime<Utc>,
    ) -> Result<Appended, StoreError> {
        let appended = self.inner.append(log, batch, now).await?;
        for placement in &appended.placements {
            if let Placement::Appended(_) = placement {
                self.entries.fetch_add(1, Ordering::Relaxed);
            }
        }
        Ok(appended)
    }

    async fn close_log(&self, log: LogId, state: LogState) -> Result<(), StoreError> {
        self.inner.close_log(log, state).await
    }

    async fn set_aside(
        &self,
        log: LogId,
        event: &EncodedEvent,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.inner.set_aside(log, event, reason, now).await
    }

    // This one has an answer of its own where a store gives none: one that stands around another store must hand
    // it on all the same, or events of the application's transactions stay where they are.
    async fn outbox(&self, from: i64, limit: u32) -> Result<Vec<OutboxRow>, StoreError> {
        self.inner.outbox(from, limit).await
    }

    async fn reject(
        &self,
        log: LogId,
        key: i64,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<bool, StoreError> {
        self.inner.reject(log, key, reason, now).await
    }

    async fn read(&self, log: LogId, from: u64, limit: u32) -> Result<Vec<Row>, StoreError> {
        self.inner.read(log, from, limit).await
    }

    async fn search(
        &self,
        log: LogId,
        filter: &Filter,
        start: Start,
        limit: u32,
    ) -> Result<Vec<Row>, StoreError> {
        self.inner.search(log, filter, start, limit).await
    }

    async fn tile(&self, log: LogId, id: TileId) -> Result<Option<Tile>, StoreError> {
        self.inner.tile(log, id).await
    }

    async fn replace_tiles(&self, log: LogId, tiles: &[(TileId, Tile)]) -> Result<(), StoreError> {
        self.inner.replace_tiles(log, tiles).await
    }

    async fn segments(&self, log: LogId) -> Result<Vec<Segment>, StoreError> {
        self.inner.segments(log).await
    }

    async fn keep_checkpoint(
        &self,
        log: LogId,
        checkpoint: &SignedCheckpoint,
    ) -> Result<(), StoreError> {
        self.inner.keep_checkpoint(log, checkpoint).await
    }

    async fn checkpoints(
        &self,
        log: LogId,
        from: u64,
        limit: u32,
    ) -> Result<Vec<SignedCheckpoint>, StoreError> {
        self.inner.checkpoints(log, from, limit).await
    }

    async fn keep_anchor(&self, log: LogId, anchor: &Anchor) -> Result<(), StoreError> {
        self.inner.keep_anchor(log, anchor).await
    }

    async fn anchors(&self, log: LogId) -> Result<Vec<Anchor>, StoreError> {
        self.inner.anchors(log).await
    }

    async fn lease(
        &self,
        log: LogId,
        lease: &Lease,
        now: DateTime<Utc>,
    ) -> Result<Option<Lease>, StoreError> {
        self.inner.lease(log, lease, now).await
    }

    async fn latest_checkpoint(&self, log: LogId) -> Result<Option<SignedCheckpoint>, StoreError> {
        self.inner.latest_checkpoint(log).await
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use audit_core::store::MemoryStore;
    use audit_core::{Event, Recorder};

    use super::*;

    audit_core::testing::store_conformance!(counting, async {
        Some((CountingStore::new(MemoryStore::new()), ()))
    });

    #[tokio::test]
    async fn each_entry_counts_once() {
        let store = CountingStore::new(MemoryStore::new());
        let recorder = Recorder::builder(store.clone()).origin("counted.example/audit");
        let recorder = recorder.start().await.unwrap();
        for _ in 0..3 {
            recorder.record(Event::builder("user.login")).await;
        }
        recorder.shutdown(Duration::from_secs(10)).await.unwrap();
        // A recorder says that it begins, and that it stops.
        assert_eq!(store.entries(), 1 + 3 + 1);
    }
}
