//! The reading side of a log.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use super::{Entry, LogInfo, Row, Store, StoreError};
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
        for log in self.store.logs().await? {
            let start = match &query.cursor {
                // A log that is younger than the cursor has nothing that is older than its page.
                Some(cursor) => Some(cursor.before.get(&log.id.0).copied().unwrap_or(0)),
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
            next: more.then_some(Cursor { before }),
        })
    }
}
