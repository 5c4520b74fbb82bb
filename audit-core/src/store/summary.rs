//! What can be said of all that a query finds, without giving it out.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};
use serde::Serialize;

use super::walk::Walk;
use super::{Entry, Reader, SearchError, StoreError};
use crate::query::{Field, MAX_LIMIT, Query, QueryError};

/// Most entries that are looked at for a histogram, or for facets.
const MOST_SUMMED_UP: u64 = 100_000;

/// Most rows that are looked at one by one to find these.
const MOST_READ: usize = 200_000;

/// Most buckets of a histogram.
const MAX_BUCKETS: u32 = 1_000;

/// How many entries a query finds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Count {
    /// So many, or at least so many.
    pub entries: u64,
    /// Whether these are all.
    pub is_complete: bool,
}

/// How many entries of what a query finds happened when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Histogram {
    /// One behind the other, each as long as the others, to the microsecond.
    pub buckets: Vec<Bucket>,
    /// Whether all entries were counted. If not, the newest by when they were recorded were.
    pub is_complete: bool,
}

/// A time, and how many entries happened in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Bucket {
    /// When it begins. It ends where the next one begins.
    pub from: DateTime<Utc>,
    /// How many happened in it.
    pub entries: u64,
}

/// What is most frequent among what a query finds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Facets {
    /// The most frequent values first; of those that are as frequent, the one that comes first as a text.
    pub values: Vec<Facet>,
    /// Whether all entries were counted. If not, the newest by when they were recorded were.
    pub is_complete: bool,
}

/// A value of a field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Facet {
    /// As it is written in a [`Condition`](crate::query::Condition).
    pub value: String,
    /// How many entries have it.
    pub entries: u64,
}

/// Of a query, none of these minds the limit, the order and the cursor.
impl Reader {
    /// How many entries a query finds, up to so many. It reads as many as it counts; where what is asked for is not what an index
    /// knows, it looks at 200,000 at the most. Safe to drop.
    ///
    /// ```
    /// # use audit_core::{Event, Query, Recorder, store::MemoryStore};
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # let recorder = Recorder::builder(MemoryStore::new()).origin("billing.example/audit").start().await?;
    /// # for _ in 0..5 { recorder.record_durable(Event::builder("user.login")).await?; }
    /// let (reader, query) = (recorder.reader(), Query::new().action("user.login"));
    /// let count = reader.count(&query, 1_000).await?;
    /// assert_eq!((count.entries, count.is_complete), (5, true));
    /// let count = reader.count(&query, 3).await?;
    /// assert_eq!((count.entries, count.is_complete), (3, false));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`SearchError`] where the store cannot be read, or the query is none that can be answered.
    pub async fn count(&self, query: &Query, at_most: u64) -> Result<Count, SearchError> {
        self.check(query)?;
        let mut entries: u64 = 0;
        let is_complete =
            self.each(query, at_most, |_| entries = entries.saturating_add(1)).await?;
        Ok(Count { entries, is_complete })
    }

    /// How many entries of what a query finds happened when: from a moment on and before another, in so many buckets, 1 to 1,000.
    /// It looks at the newest 100,000 at the most. Safe to drop.
    ///
    /// ```
    /// # use audit_core::{Event, Query, Recorder, store::MemoryStore};
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # let recorder = Recorder::builder(MemoryStore::new()).origin("billing.example/audit").start().await?;
    /// for day in ["2026-01-01T12:00:00Z", "2026-01-02T00:00:00Z", "2026-01-02T23:59:59Z"] {
    ///     recorder.record_durable(Event::builder("user.login").occurred_at(day.parse()?)).await?;
    /// }
    /// let (from, until) = ("2026-01-01T00:00:00Z".parse()?, "2026-01-04T00:00:00Z".parse()?);
    /// let histogram = recorder.reader().histogram(&Query::new(), from, until, 3).await?;
    /// let counts: Vec<_> = histogram.buckets.iter().map(|bucket| bucket.entries).collect();
    /// assert_eq!(counts, [1, 2, 0]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`SearchError`] where the store cannot be read, the query is none that can be answered, or there is no such bucket.
    pub async fn histogram(
        &self,
        query: &Query,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
        buckets: u32,
    ) -> Result<Histogram, SearchError> {
        self.check(query)?;
        if !(1..=MAX_BUCKETS).contains(&buckets) {
            return Err(QueryError::Buckets(buckets).into());
        }
        if from >= until {
            return Err(QueryError::UpsideDown { since: from, until }.into());
        }
        let span = i128::from((until - from).num_microseconds().unwrap_or(i64::MAX).max(1));
        let count = i128::from(buckets);
        // The first microsecond of a bucket: rounded up, so that the one of a moment is what follows from rounding down.
        let begins = |bucket: u32| {
            let micros = (i128::from(bucket) * span + count - 1) / count;
            let behind = TimeDelta::microseconds(i64::try_from(micros).unwrap_or(i64::MAX));
            from.checked_add_signed(behind).unwrap_or(until)
        };
        let mut buckets: Vec<_> =
            (0..buckets).map(|bucket| Bucket { from: begins(bucket), entries: 0 }).collect();
        let window = query.clone().since(from).until(until);
        let is_complete = self.each(&window, MOST_SUMMED_UP, |entry| {
            let happened = entry.occurred_at().filter(|at| (from..until).contains(at));
            let bucket = happened.map(|at| {
                let micros = (at - from).num_microseconds().unwrap_or(i64::MAX);
                i128::from(micros) * count / span
            });
            let bucket = bucket.and_then(|bucket| usize::try_from(bucket).ok());
            if let Some(bucket) = bucket.and_then(|bucket| buckets.get_mut(bucket)) {
                bucket.entries = bucket.entries.saturating_add(1);
            }
        });
        let is_complete = is_complete.await?;
        Ok(Histogram { buckets, is_complete })
    }

    /// The `top` most frequent values of a field among what a query finds. What was erased is no value. It looks at the newest
    /// 100,000 entries at the most. Safe to drop.
    ///
    /// ```
    /// # use audit_core::{Event, Query, Recorder, query::Field, store::MemoryStore};
    /// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
    /// # let recorder = Recorder::builder(MemoryStore::new()).origin("billing.example/audit").start().await?;
    /// for action in ["user.login", "user.logout", "user.login"] {
    ///     recorder.record_durable(Event::builder(action)).await?;
    /// }
    /// let facets = recorder.reader().facets(&"action:user.*".parse()?, &Field::Action, 1).await?;
    /// assert_eq!((&*facets.values[0].value, facets.values[0].entries), ("user.login", 2));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`SearchError`] where the store cannot be read, or the query is none that can be answered.
    pub async fn facets(
        &self,
        query: &Query,
        field: &Field,
        top: usize,
    ) -> Result<Facets, SearchError> {
        self.check(query)?;
        self.scope().permits_field(field)?;
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        let is_complete = self.each(query, MOST_SUMMED_UP, |entry| {
            // Once for an entry that has it twice.
            for value in BTreeSet::from_iter(field.values(&entry.known())) {
                let count = counts.entry(value).or_default();
                *count = count.saturating_add(1);
            }
        });
        let is_complete = is_complete.await?;
        let mut values: Vec<_> =
            counts.into_iter().map(|(value, entries)| Facet { value, entries }).collect();
        // Stable: equal ones stay in the order of their texts.
        values.sort_by_key(|facet| std::cmp::Reverse(facet.entries));
        values.truncate(top);
        Ok(Facets { values, is_complete })
    }

    /// Looks at so many entries, the newest first, and says whether they are all.
    async fn each(
        &self,
        query: &Query,
        most: u64,
        mut look: impl FnMut(&Entry) + Send,
    ) -> Result<bool, StoreError> {
        let mut query = query.clone().limit(MAX_LIMIT);
        query.is_oldest_first = false;
        let mut walk = Walk::new(self, &query, None, MOST_READ).await?;
        walk.give(most, |entry| look(&entry)).await
    }
}
