//! A store that takes its time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use audit_core::store::{Appended, Leaf, LogId, SqliteStore, Store, StoreError};
use chrono::{DateTime, Utc};

use crate::around::Append;

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
impl Append for Paused {
    fn inner(&self) -> &dyn Store {
        &self.store
    }

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
}
