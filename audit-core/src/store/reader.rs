//! The reading side of a log.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::{Anchor, Entry, Head, LogId, LogInfo, Row, SignedCheckpoint, Store, StoreError};
use crate::query::{Cursor, MAX_LIMIT, Query};

/// Most rows that are looked at one by one for a page.
const MOST_READ: usize = 50_000;

/// The order over all logs.
type Moment = (Option<DateTime<Utc>>, LogId, u64);

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
    /// Where what is asked for is not what an index knows, so many entries are looked at (50,000), and then the page ends, however few
    /// are on it; `next` goes on. Safe to drop.
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
        self.search_reading(query, MOST_READ).await
    }

    /// Looks at so many rows one by one, and few more.
    pub(crate) async fn search_reading(
        &self,
        query: &Query,
        most: usize,
    ) -> Result<Page, StoreError> {
        let limit = usize::try_from(query.page_size()).unwrap_or(usize::MAX);
        let mut found: Vec<(LogInfo, Row)> = Vec::new();
        let mut before = BTreeMap::new();
        // Where a search has stopped before it knew all that belongs to this page, the page ends.
        let mut stopped: Option<Moment> = None;
        let mut left = most;
        let logs = self.store.logs().await?;
        for log in logs.into_iter().filter(|log| query.is_of(&log.origin)) {
            let start = match &query.cursor {
                // A log that is younger than the cursor has nothing that is older than its page.
                Some(cursor) => Some(cursor.places.get(&log.id.0).copied().unwrap_or(0)),
                None => None,
            };
            let Searched { rows, first, reached } =
                self.searched(&log, query, start, limit.saturating_add(1), &mut left).await?;
            before.insert(log.id.0, start.or(first).unwrap_or(0));
            stopped = stopped.max(reached.map(|(recorded_at, index)| (recorded_at, log.id, index)));
            found.extend(rows.into_iter().map(|row| (log.clone(), row)));
        }
        let moment = |(log, row): &(LogInfo, Row)| (row.recorded_at, log.id, row.index);
        found.sort_by_key(|found| Reverse(moment(found)));
        let known = found.iter().filter(|found| stopped.is_none_or(|stop| moment(found) >= stop));
        let known = known.count().min(limit);
        let more = found.len() > known || stopped.is_some();
        found.truncate(known);
        for (log, row) in &found {
            before.insert(log.id.0, row.index);
        }
        if let Some((_, log, index)) = stopped.filter(|_| known < limit) {
            before.insert(log.0, index);
        }
        let entries = found.into_iter().map(|(log, row)| Entry::new(&log.origin, row));
        Ok(Page {
            entries: entries.collect::<Result<_, _>>()?,
            next: more.then_some(Cursor { places: before }),
        })
    }

    /// The first rows of a log that are asked for, below an index, or from the end on.
    async fn searched(
        &self,
        log: &LogInfo,
        query: &Query,
        start: Option<u64>,
        limit: usize,
        left: &mut usize,
    ) -> Result<Searched, StoreError> {
        let (filter, rest) = query.split();
        let mut chunk = u32::try_from(limit).unwrap_or(u32::MAX);
        let mut searched = Searched::default();
        if rest.is_empty() {
            searched.rows = self.store.search(log.id, &filter, start, chunk).await?;
            searched.first = searched.rows.first().map(|row| row.index.saturating_add(1));
            return Ok(searched);
        }
        let mut before = start;
        loop {
            let rows = self.store.search(log.id, &filter, before, chunk).await?;
            let is_last = rows.len() < usize::try_from(chunk).unwrap_or(usize::MAX);
            searched.first = searched.first.or(rows.first().map(|row| row.index.saturating_add(1)));
            *left = left.saturating_sub(rows.len());
            let reached = rows.last().map(|row| (row.recorded_at, row.index));
            for row in rows {
                let entry = Entry::new(&log.origin, row.clone())?;
                let event = entry.known();
                if rest.iter().all(|condition| condition.matches(&event)) {
                    searched.rows.push(row);
                }
            }
            searched.rows.truncate(limit);
            if is_last || searched.rows.len() == limit {
                return Ok(searched);
            }
            if *left == 0 {
                searched.reached = reached;
                return Ok(searched);
            }
            before = reached.map(|(_, index)| index);
            // Where few are such, the way to the database should not count.
            chunk = MAX_LIMIT;
        }
    }
}

/// What a search of one log has come to.
#[derive(Debug, Default)]
struct Searched {
    rows: Vec<Row>,
    /// The index behind the first row that was looked at.
    first: Option<u64>,
    /// The last row that was looked at, where there are more.
    reached: Option<(Option<DateTime<Utc>>, u64)>,
}
