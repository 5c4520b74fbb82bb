//! The reading side of a log.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;
use uuid::Uuid;

use super::walk::Walk;
use super::{
    Anchor, Entry, Head, LogId, LogInfo, SignedCheckpoint, Store, StoreError, StoreErrorKind,
};
use crate::query::{Cursor, Query, QueryError, Scope};

/// Most rows that are looked at one by one for a page.
const MOST_READ: usize = 50_000;

/// Reads the logs of a store. Cheap to clone.
///
/// One that is [`within`](Self::within) a scope gives out, finds and counts only what is within it. What it says of logs is the
/// same for all: their names, and what a checkpoint says to everyone, which is how many leaves there are, and hashes.
#[derive(Debug, Clone)]
pub struct Reader {
    store: Arc<dyn Store>,
    scope: Scope,
}

/// One page of a search. As JSON: `entries`, and `next` as a text or `null`.
#[derive(Debug, Serialize)]
pub struct Page {
    /// The entries, in the order of the query.
    pub entries: Vec<Entry>,
    /// Where the next page goes on; nothing on the last one.
    pub next: Option<Cursor>,
}

/// Why there is no answer to a query.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SearchError {
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The query is not answered as it is.
    #[error(transparent)]
    Query(#[from] QueryError),
}

impl Reader {
    /// A reader of all logs in a store.
    pub fn new(store: impl Store) -> Self {
        Self::shared(Arc::new(store))
    }

    pub(crate) fn shared(store: Arc<dyn Store>) -> Self {
        Self { store, scope: Scope::everything() }
    }

    /// A reader of what is within a scope, as far as this one sees it: it never sees more than the one it was made of.
    ///
    /// What needs the whole of a log is refused to it: to verify, to sign, to write a bundle.
    ///
    /// ```
    /// # use audit_core::{Event, Query, Recorder, query::Scope, store::MemoryStore};
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # let recorder = Recorder::builder(MemoryStore::new()).origin("billing.example/audit").start().await?;
    /// recorder.record_durable(Event::builder("invoice.pay").tenant("acme")).await?;
    /// recorder.record_durable(Event::builder("invoice.pay").tenant("other")).await?;
    /// let of_acme = recorder.reader().within(Scope::everything().tenant("acme"));
    /// assert_eq!(of_acme.search(&Query::new()).await?.entries.len(), 1);
    /// assert!(of_acme.search(&Query::new().tenant("other")).await?.entries.is_empty());
    /// let of_none = of_acme.within(Scope::everything().tenant("other"));
    /// assert!(of_none.search(&Query::new()).await?.entries.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn within(&self, scope: Scope) -> Self {
        Self { store: Arc::clone(&self.store), scope: self.scope.clone().and(scope) }
    }

    /// What it may see.
    pub fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The whole store, whatever the scope: who reads entries here answers for it.
    pub(crate) fn store(&self) -> &dyn Store {
        &*self.store
    }

    /// Refuses what needs all entries to a reader that does not see them.
    pub(crate) fn must_see_everything(&self, to: &str) -> Result<(), StoreError> {
        if self.scope.is_everything() {
            return Ok(());
        }
        let what = format!("{to}: that takes a reader of all entries, and this one sees some");
        Err(StoreError::new(StoreErrorKind::Denied, what))
    }

    /// Whether an entry is within the scope, by its bytes.
    pub(crate) fn sees(&self, entry: &Entry) -> bool {
        self.scope.is_everything() || self.scope.sees(&entry.known())
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

    /// The place behind what is in the logs now, as a cursor of a query.
    ///
    /// # Errors
    /// As of [`head`](Self::head).
    pub async fn end(&self, query: &Query) -> Result<Cursor, StoreError> {
        let mut ends = BTreeMap::new();
        for log in self.store.logs().await? {
            ends.insert(log.id.0, self.store.head(log.id).await?.frontier.size());
        }
        Ok(Cursor::new(query.bond(&self.scope), ends))
    }

    /// The first `limit` entries of a log from index `from` on, as they are stored: whether they are what was appended
    /// is told by [`verify`](crate::verify::verify). Of these, those that are out of scope are left out, so that there can be
    /// fewer, and more behind them.
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
        let entries: Vec<_> =
            rows.map(|row| Entry::new(&log.origin, row)).collect::<Result<_, _>>()?;
        Ok(entries.into_iter().filter(|entry| self.sees(entry)).collect())
    }

    /// The entry of the event with this id, in whatever log; the newest one, where a log and its successor both have it.
    ///
    /// # Errors
    /// [`SearchError`] where the store cannot be read.
    pub async fn find(&self, id: Uuid) -> Result<Option<Entry>, SearchError> {
        let page = self.search(&Query::new().event_id(id).limit(1)).await?;
        Ok(page.entries.into_iter().next())
    }

    /// One page of what a query finds in all logs, in recorded order, newest or oldest first.
    ///
    /// What has been paged past does not change. Newest first, entries that come later stand before the first page. Oldest first, they
    /// come on the pages that follow: behind one that was recorded later, if it is in another log, and was there when its page was read.
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
    /// [`SearchError`] where the store cannot be read, the query is none that can be answered, or its cursor is of another one.
    pub async fn search(&self, query: &Query) -> Result<Page, SearchError> {
        self.search_reading(query, MOST_READ).await
    }

    /// Looks at so many rows one by one, and few more.
    pub(crate) async fn search_reading(
        &self,
        query: &Query,
        most: usize,
    ) -> Result<Page, SearchError> {
        query.check()?;
        let bond = query.bond(&self.scope);
        let mut walk = Walk::new(self, query, query.places(bond)?, most).await?;
        let mut entries = Vec::new();
        let is_last = walk.give(query.page_size().into(), |entry| entries.push(entry)).await?;
        let next = (!is_last).then(|| Cursor::new(bond, walk.places()));
        Ok(Page { entries, next })
    }
}
