//! What is no finding.

use std::collections::BTreeSet;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::sync::Notify;

use super::*;
use crate::event::EncodedEvent;
use crate::merkle::{Tile, TileId};
use crate::query::Filter;
use crate::store::{
    Appended, Head, Lease, LogId, LogInfo, LogState, Row, Segment, SignedCheckpoint, Start,
    StoreError, StoreErrorKind,
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
        let (store, read) = (MemoryStore::new(), Arc::new(Notify::new()));
        append(&store, 0..700, 50, leaf).await;
        let writing = async {
            for next in (700..1_300).step_by(10) {
                append(&store, next..next + 10, 10, leaf).await;
                read.notified().await;
            }
        };
        let reading = async {
            let mut sizes = BTreeSet::new();
            while sizes.last() != Some(&Some(1_300)) {
                let report =
                    verify(&Reader::new(Busy::new(store.clone(), &read, u64::MAX))).await.unwrap();
                assert!(report.is_clean(), "{report}");
                sizes.insert(report.logs[0].size);
            }
            assert!(sizes.len() > 3, "{sizes:?}");
        };
        tokio::join!(writing, reading);
    });
}

#[test]
fn a_verification_that_is_dropped_leaves_nothing_behind_that_reads_on() {
    run(async {
        let (store, read) = (MemoryStore::new(), Arc::new(Notify::new()));
        append(&store, 0..5_000, 500, leaf).await;
        let reader = Reader::new(Busy::new(store, &read, u64::MAX));
        let begun = async {
            for _ in 0..4 {
                read.notified().await;
            }
        };
        tokio::select! {
            report = verify(&reader) => panic!("it has ended: {report:?}"),
            () = begun => {}
        }
        drop(reader);
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert_eq!(Arc::strong_count(&read), 1, "somebody still has the store");
    });
}

#[test]
fn a_store_that_cannot_be_read_on_is_an_error_and_no_finding() {
    run(async {
        let (store, read) = (MemoryStore::new(), Arc::new(Notify::new()));
        append(&store, 0..3_000, 500, leaf).await;
        let failed = verify(&Reader::new(Busy::new(store, &read, 1_000))).await;
        assert_eq!(failed.unwrap_err().kind(), StoreErrorKind::Unavailable);
    });
}

/// A store that tells others when it is read, so that they go on meanwhile, and refuses to hand out a whole log.
#[derive(Debug)]
struct Busy {
    store: MemoryStore,
    read: Arc<Notify>,
    /// From here on it cannot be read.
    end: u64,
}

impl Busy {
    fn new(store: MemoryStore, read: &Arc<Notify>, end: u64) -> Self {
        Self { store, read: Arc::clone(read), end }
    }

    async fn let_others_go_on(&self) {
        self.read.notify_one();
        tokio::task::yield_now().await;
    }
}

#[async_trait]
impl Store for Busy {
    async fn open_log(&self, origin: &str, class: &str) -> Result<LogId, StoreError> {
        self.store.open_log(origin, class).await
    }

    async fn logs(&self) -> Result<Vec<LogInfo>, StoreError> {
        self.store.logs().await
    }

    async fn head(&self, log: LogId) -> Result<Head, StoreError> {
        self.let_others_go_on().await;
        self.store.head(log).await
    }

    async fn append(
        &self,
        log: LogId,
        batch: &[Leaf],
        now: DateTime<Utc>,
    ) -> Result<Appended, StoreError> {
        self.store.append(log, batch, now).await
    }

    async fn close_log(&self, log: LogId, state: LogState) -> Result<(), StoreError> {
        self.store.close_log(log, state).await
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

    async fn read(&self, log: LogId, from: u64, limit: u32) -> Result<Vec<Row>, StoreError> {
        assert!(limit <= 1_024, "memory holds a chunk of rows, not the log");
        self.let_others_go_on().await;
        if from >= self.end {
            return Err(StoreError::new(StoreErrorKind::Unavailable, "read: the server is gone"));
        }
        self.store.read(log, from, limit).await
    }

    async fn search(
        &self,
        log: LogId,
        filter: &Filter,
        start: Start,
        limit: u32,
    ) -> Result<Vec<Row>, StoreError> {
        self.store.search(log, filter, start, limit).await
    }

    async fn tile(&self, log: LogId, id: TileId) -> Result<Option<Tile>, StoreError> {
        self.let_others_go_on().await;
        self.store.tile(log, id).await
    }

    async fn segments(&self, log: LogId) -> Result<Vec<Segment>, StoreError> {
        self.let_others_go_on().await;
        self.store.segments(log).await
    }

    async fn keep_checkpoint(
        &self,
        log: LogId,
        checkpoint: &SignedCheckpoint,
    ) -> Result<(), StoreError> {
        self.store.keep_checkpoint(log, checkpoint).await
    }

    async fn checkpoints(
        &self,
        log: LogId,
        from: u64,
        limit: u32,
    ) -> Result<Vec<SignedCheckpoint>, StoreError> {
        self.store.checkpoints(log, from, limit).await
    }

    async fn lease(
        &self,
        log: LogId,
        lease: &Lease,
        now: DateTime<Utc>,
    ) -> Result<Option<Lease>, StoreError> {
        self.store.lease(log, lease, now).await
    }

    async fn latest_checkpoint(&self, log: LogId) -> Result<Option<SignedCheckpoint>, StoreError> {
        self.store.latest_checkpoint(log).await
    }
}
