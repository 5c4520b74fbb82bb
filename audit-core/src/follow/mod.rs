//! What is in the logs and what comes, entry by entry, in recorded order.

mod stretch;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::query::{Cursor, Query, QueryError};
use crate::store::{Entry, LogId, Reader, StoreError};
use crate::verify::Span;
use stretch::Stretch;

/// Entries that are read at once, of all logs together.
const CHUNK: u32 = 512;

/// Reads the logs of a store forward, each entry once: by its index in its log, so that nothing is passed over that is
/// committed late. Where it has come to is a [`Cursor`], from which another one goes on.
///
/// It sees what its [`Reader`] sees. It reads in *rounds*. A round is what was in the logs when it began, in recorded order over all of them; what comes
/// meanwhile is left for the next. An entry whose bytes do not have the hash beside them is not given out but named, to a reader within
/// a scope as well: whose it was, nobody can tell.
///
/// While a chunk of entries is looked at, a task of the tokio runtime, if there is one, reads the next. Memory does not grow with the
/// logs, but a little with their number.
///
/// ```
/// use audit_core::follow::Follower;
/// # use audit_core::{Event, Query, Recorder, store::MemoryStore};
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// # let recorder = Recorder::builder(MemoryStore::new()).origin("billing.example/audit").start().await?;
/// # for _ in 0..5 { recorder.record_durable(Event::builder("user.login")).await?; }
/// let mut follower = Follower::new(recorder.reader(), Query::new().action("user.login"));
/// let mut seen = 0;
/// while let Some(entries) = follower.read().await? {
///     seen += entries.len();
/// }
/// assert_eq!(seen, 5);
/// // Keep this, and go on from here another time, with `Query::cursor`.
/// let here = follower.cursor();
///
/// recorder.record_durable(Event::builder("user.login")).await?;
/// let mut follower = Follower::new(recorder.reader(), Query::new().action("user.login").cursor(here));
/// assert_eq!(follower.read().await?.map(|entries| entries.len()), Some(1));
/// assert!(follower.read().await?.is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Follower {
    reader: Reader,
    query: Query,
    places: BTreeMap<i64, u64>,
    round: Option<Round>,
}

/// What is read until the logs are looked at again.
#[derive(Debug)]
struct Round {
    stretches: Vec<Stretch>,
    all: u64,
}

/// Why a follower does not go on.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FollowError {
    /// The store, or the head of a log, cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The query is not answered as it is.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// Entries that are not what was appended. The next call goes on behind them.
    #[error("{log} {entries} is {what}: run `audit verify`")]
    Damaged {
        /// The log's name.
        log: String,
        /// Their indices.
        entries: Span,
        /// `missing`, or `changed`.
        what: &'static str,
    },
}

impl Cursor {
    /// Comes to behind an entry that a [`Follower`] has given out, so that what was read at once can be handed on one by one.
    pub fn pass(&mut self, entry: &Entry) {
        self.set(LogId::of(&entry.log).0, entry.index.saturating_add(1));
    }
}

impl Follower {
    /// Reads what a query asks for, from its [`cursor`](Query::cursor) on, or from the first entry of all logs. Its limit and its order
    /// say nothing here.
    #[must_use]
    pub fn new(reader: Reader, query: Query) -> Self {
        // A cursor that does not belong to it is an error of each round.
        let places = query.places(query.bond(reader.scope())).ok().flatten();
        Self { places: places.cloned().unwrap_or_default(), reader, query, round: None }
    }

    /// The next entries of this round, perhaps none where others were read that the query does not ask for; nothing where
    /// the round is over. The next call then begins another round.
    ///
    /// # Errors
    /// [`FollowError`]; it can be called again.
    ///
    /// # Cancel safety
    /// Dropped half-way, it has lost nothing: the next call goes on.
    pub async fn read(&mut self) -> Result<Option<Vec<Entry>>, FollowError> {
        let round = match self.round.take() {
            Some(round) => round,
            None => self.begin().await?,
        };
        let chunk = CHUNK / u32::try_from(round.stretches.len()).unwrap_or(CHUNK).max(1);
        let round = self.round.insert(round);
        for stretch in &mut round.stretches {
            stretch.fill(&self.reader, &self.query, chunk.max(1)).await?;
        }
        let is_over = round.stretches.iter().all(Stretch::is_over);
        // What a log still holds back may have been recorded before what others have.
        let until = round.stretches.iter().filter_map(Stretch::holds_back).min();
        let mut ready: Vec<(LogId, Entry)> = Vec::new();
        for stretch in &mut round.stretches {
            stretch.give(until, &mut ready);
            self.places.insert(stretch.log.id.0, stretch.place());
        }
        ready.sort_by_key(|(log, entry)| (entry.recorded_at, *log, entry.index));
        if is_over {
            self.round = None;
            return Ok(None);
        }
        Ok(Some(ready.into_iter().map(|(_, entry)| entry).collect()))
    }

    /// The place behind the last entry that was given out, or passed over.
    #[must_use]
    pub fn cursor(&self) -> Cursor {
        Cursor::new(self.query.bond(self.reader.scope()), self.places.clone())
    }

    /// How many entries of this round were read, and how many it has, also of those that the query does not ask for.
    #[must_use]
    pub fn progress(&self) -> (u64, u64) {
        let Some(round) = &self.round else {
            return (0, 0);
        };
        let left = round.stretches.iter().map(Stretch::left).sum();
        (round.all.saturating_sub(left), round.all)
    }

    async fn begin(&self) -> Result<Round, FollowError> {
        self.query.check()?;
        self.reader.scope().permits(&self.query)?;
        self.query.places(self.query.bond(self.reader.scope()))?;
        let mut stretches = Vec::new();
        for log in self.reader.logs().await? {
            if self.query.is_of(&log.origin) {
                let from = self.places.get(&log.id.0).copied().unwrap_or(0);
                stretches.push(Stretch::new(&self.reader, &self.query, log, from).await?);
            }
        }
        let all = stretches.iter().map(Stretch::left).sum();
        Ok(Round { stretches, all })
    }
}
