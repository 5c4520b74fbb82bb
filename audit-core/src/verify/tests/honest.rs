//! What is no finding.

use std::collections::BTreeSet;

use async_trait::async_trait;

use super::*;
use crate::event::EncodedEvent;
use crate::merkle::{Tile, TileId};
use crate::query::Filter;
use crate::store::{
    Appended, Head, Lease, LogId, LogInfo, LogState, Row, Segment, SignedCheckpoint, StoreError,
};

#[test]
fn an_honest_log_of_any_size_yields_no_finding() {
    for size in [0, 1, 2, 7, 100, 255, 256, 257, 300, 511, 512, 1000, 1025] {
        assert_eq!(found(&log(size)), [], "{size} entries");
    }
}

#[test]
fn what_is_appended_meanwhile_is_no_finding() {
    run(async {
        let store = MemoryStore::new();
        append(&store, 0..700, 50, leaf).await;
        let writing = async {
            for next in (700..1_300).step_by(10) {
                append(&store, next..next + 10, 10, leaf).await;
                tokio::task::yield_now().await;
            }
        };
        let reading = async {
            let mut sizes = BTreeSet::new();
            while sizes.last() != Some(&Some(1_300)) {
                let report = verify(&Reader::new(Busy(store.clone()))).await.unwrap();
                assert!(report.is_clean(), "{report}");
                sizes.insert(report.logs[0].size);
            }
            assert!(sizes.len() > 3, "{sizes:?}");
        };
        tokio::join!(writing, reading);
    });
}

/// A store that lets others go first, and refuses to hand out a whole log.
#[derive(Debug)]
struct Busy(MemoryStore);

#[async_trait]
impl Store for Busy {
    async fn open_log(&self, origin: &str, class: &str) -> Result<LogId, StoreError> {
        self.0.open_log(origin, class).await
    }

    async fn logs(&self) -> Result<Vec<LogInfo>, StoreError> {
        self.0.logs().await
    }

    async fn head(&self, log: LogId) -> Result<Head, StoreError> {
        tokio::task::yield_now().await;
        self.0.head(log).await
    }

    async fn append(
        &self,
        log: LogId,
        batch: &[Leaf],
        now: DateTime<Utc>,
    ) -> Result<Appended, StoreError> {
        self.0.append(log, batch, now).await
    }

    async fn close_log(&self, log: LogId, state: LogState) -> Result<(), StoreError> {
        self.0.close_log(log, state).await
    }

    async fn set_aside(
        &self,
        log: LogId,
        event: &EncodedEvent,
        reason: &str,
        now: DateTime<Utc>,
    ) -> Result<(), StoreError> {
        self.0.set_aside(log, event, reason, now).await
    }

    async fn read(&self, log: LogId, from: u64, limit: u32) -> Result<Vec<Row>, StoreError> {
        assert!(limit <= 1_024, "memory holds a chunk of rows, not the log");
        tokio::task::yield_now().await;
        self.0.read(log, from, limit).await
    }

    async fn search(
        &self,
        log: LogId,
        filter: &Filter,
        before: Option<u64>,
        limit: u32,
    ) -> Result<Vec<Row>, StoreError> {
        self.0.search(log, filter, before, limit).await
    }

    async fn tile(&self, log: LogId, id: TileId) -> Result<Option<Tile>, StoreError> {
        tokio::task::yield_now().await;
        self.0.tile(log, id).await
    }

    async fn segments(&self, log: LogId) -> Result<Vec<Segment>, StoreError> {
        tokio::task::yield_now().await;
        self.0.segments(log).await
    }

    async fn keep_checkpoint(
        &self,
        log: LogId,
        checkpoint: &SignedCheckpoint,
    ) -> Result<(), StoreError> {
        self.0.keep_checkpoint(log, checkpoint).await
    }

    async fn checkpoints(
        &self,
        log: LogId,
        from: u64,
        limit: u32,
    ) -> Result<Vec<SignedCheckpoint>, StoreError> {
        self.0.checkpoints(log, from, limit).await
    }

    async fn lease(
        &self,
        log: LogId,
        lease: &Lease,
        now: DateTime<Utc>,
    ) -> Result<Option<Lease>, StoreError> {
        self.0.lease(log, lease, now).await
    }

    async fn latest_checkpoint(&self, log: LogId) -> Result<Option<SignedCheckpoint>, StoreError> {
        self.0.latest_checkpoint(log).await
    }
}
