//! The reading side of a log.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::{Anchor, Entry, Head, LogId, LogInfo, Row, SignedCheckpoint, Store, StoreError};
use crate::query::{Cursor, Query};

/// Reads the logs of a store. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Reader {
    store: Arc<dyn Store>,
}

/// One page of a search. As JSON: `entries`, and `next` as a text or `null`.
#[derive(Debug, Serialize)]
pub struct Page {
    /// The entries, newest first.
    pub entries: Vec<Entry>,
    /// Where the next page goes on; nothing on the last one.
    pub next: Option<Cursor>,
}

impl Reader {
    /// A reader of all logs in a store.
    pub fn new(store: impl Store) -> Self {
        Self { store: Arc::new(store) }
    }

    pub(crate) fn shared(store: Arc<dyn Store>) -> Self {
        Self { store }
    }

    pub(crate) fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// All logs, by name.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub async fn logs(&self) -> Result<Vec<LogInfo>, StoreError> {
        self.store.logs().await
    }

    /// The end of a log.
    ///
    /// # Errors
    /// [`StoreError`] where the store, or this head, cannot be read.
    pub async fn head(&self, log: LogId) -> Result<Head, StoreError> {
        self.store.head(log).await
    }

    /// The largest checkpoint of a log that was kept beside it.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub async fn latest_checkpoint(
        &self,
        log: LogId,
    ) -> Result<Option<SignedCheckpoint>, StoreError> {
        self.store.latest_checkpoint(log).await
    }

    /// Where checkpoints of a log were brought: the last one of each place, by place.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub async fn anchors(&self, log: LogId) -> Result<Vec<Anchor>, StoreError> {
        self.store.anchors(log).await
    }

    /// The first checkpoint that was kept of a log and has the entry at this index.
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub async fn covering(
        &self,
        log: LogId,
        index: u64,
    ) -> Result<Option<SignedCheckpoint>, StoreError> {
        let covering = self.store.checkpoints(log, index.saturating_add(1), 1).await?;
        Ok(covering.into_iter().next())
    }

    /// The place behind what is in the logs now.
    ///
    /// # Errors
    /// As of [`head`](Self::head).
    pub async fn end(&self) -> Result<Cursor, StoreError> {
        let mut ends = BTreeMap::new();
        for log in self.store.logs().await? {
            ends.insert(log.id.0, self.store.head(log.id).await?.frontier.size());
        }
        Ok(Cursor { places: ends })
    }

    /// The first `limit` entries of a log from index `from` on, as they are stored: whether they are what was appended
    /// is told by [`verify`](crate::verify::verify).
    ///
    /// ```
    /// # use audit_core::{Event, Recorder, store::MemoryStore};
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # let recorder = Recorder::builder(MemoryStore::new()).origin("billing.example/audit").start().await?;
    /// # for _ in 0..5 { recorder.record_durable(Event::builder("user.login")).await?; }
    /// let reader = recorder.reader();
    /// let logs = reader.logs().await?;
    /// let log = logs.iter().find(|log| log.origin == "billing.example/audit/standard").ok_or("there is none")?;
    /// assert_eq!(reader.head(log.id).await?.frontier.size(), 5);
    /// assert_eq!(reader.read(log, 3, 10).await?.len(), 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read, or an entry of these has no readable place.
    pub async fn read(
        &self,
        log: &LogInfo,
        from: u64,
        limit: u32,
    ) -> Result<Vec<Entry>, StoreError> {
        let size = self.store.head(log.id).await?.frontier.size();
        let rows = self.store.read(log.id, from, limit).await?;
        // What lies beyond the tree is no entry.
        let rows = rows.into_iter().filter(|row| row.index < size);
        rows.map(|row| Entry::new(&log.origin, row)).collect()
    }

    /// One page of what a query finds in all logs, in recorded order, newest first.
    ///
    /// What has been paged past does not change: entries that come later stand before the first page.
    /// Safe to drop.
    ///
    /// ```
    /// # use audit_core::{Event, Query, Recorder, store::MemoryStore};
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # let recorder = Recorder::builder(MemoryStore::new()).origin("billing.example/audit").start().await?;
    /// # for _ in 0..5 { recorder.record_durable(Event::builder("user.login")).await?; }
    /// let mut query = Query::new().action("user.login").limit(2);
    /// let mut found = Vec::new();
    /// loop {
    ///     let page = recorder.reader().search(&query).await?;
    ///     found.extend(page.entries);
    ///     match page.next {
    ///         Some(next) => query = query.cursor(next),
    ///         None => break,
    ///     }
    /// }
    /// assert_eq!(found.len(), 5);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`StoreError`] where the store cannot be read.
    pub async fn search(&self, query: &Query) -> Result<Page, StoreError> {
        let limit = query.page_size();
        let mut found: Vec<(LogInfo, Row)> = Vec::new();
        let mut before = BTreeMap::new();
        let logs = self.store.logs().await?;
        for log in logs.into_iter().filter(|log| query.is_of(&log.origin)) {
            let start = match &query.cursor {
                // A log that is younger than the cursor has nothing that is older than its page.
                Some(cursor) => Some(cursor.places.get(&log.id.0).copied().unwrap_or(0)),
                None => None,
            };
            let rows =
                self.store.search(log.id, &query.filter, start, limit.saturating_add(1)).await?;
            let first = rows.first().map_or(0, |row| row.index.saturating_add(1));
            before.insert(log.id.0, start.unwrap_or(first));
            found.extend(rows.into_iter().map(|row| (log.clone(), row)));
        }
        found.sort_by_key(|(log, row)| Reverse((row.recorded_at, log.id, row.index)));
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        let more = found.len() > limit;
        found.truncate(limit);
        for (log, row) in &found {
            before.insert(log.id.0, row.index);
        }
        let entries = found.into_iter().map(|(log, row)| Entry::new(&log.origin, row));
        Ok(Page {
            entries: entries.collect::<Result<_, _>>()?,
            next: more.then_some(Cursor { places: before }),
        })
    }
}
