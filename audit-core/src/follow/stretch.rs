//! What a round has to read of one log.

use std::collections::VecDeque;

use chrono::{DateTime, Utc};
use tokio::runtime::Handle;
use tokio::task::JoinSet;

use super::FollowError;
use crate::merkle::leaf_hash;
use crate::query::{Filter, Query};
use crate::store::{Entry, LogId, LogInfo, Reader, Row, SEGMENT_SIZE, Segment, StoreError};
use crate::verify::Span;

/// The order over all logs.
type Moment = (DateTime<Utc>, LogId, u64);

#[derive(Debug)]
pub(super) struct Stretch {
    pub(super) log: LogInfo,
    /// The index that is read next.
    next: u64,
    end: u64,
    /// Those of its segments in which nothing is, by the times that are asked for.
    empty: Vec<u64>,
    /// What was read and is asked for.
    ahead: VecDeque<Entry>,
    /// The last one that was read.
    read: Option<Moment>,
    /// What is read while that is looked at.
    coming: Option<Coming>,
}

/// The rows from an index on, which a task reads. It ends when this is dropped.
#[derive(Debug)]
struct Coming {
    first: u64,
    reading: JoinSet<Result<Vec<Row>, StoreError>>,
}

impl Stretch {
    pub(super) async fn new(
        reader: &Reader,
        query: &Query,
        log: LogInfo,
        from: u64,
    ) -> Result<Self, StoreError> {
        let end = reader.head(log.id).await?.frontier.size();
        let Filter { since, until, .. } = query.filter();
        let lies_outside = |segment: &Segment| {
            since.is_some_and(|since| segment.latest < since)
                || until.is_some_and(|until| segment.earliest >= until)
        };
        let mut empty = Vec::new();
        if since.is_some() || until.is_some() {
            let segments = reader.store().segments(log.id).await?;
            empty.extend(segments.iter().filter(|it| lies_outside(it)).map(|it| it.number));
        }
        let (next, ahead) = (from.min(end), VecDeque::new());
        Ok(Self { log, next, end, empty, ahead, read: None, coming: None })
    }

    /// Reads on, where nothing is left of what was read before.
    pub(super) async fn fill(
        &mut self,
        reader: &Reader,
        query: &Query,
        chunk: u32,
    ) -> Result<(), FollowError> {
        while self.is_empty(self.next) && self.next < self.end {
            let behind = (self.next / SEGMENT_SIZE).saturating_add(1).saturating_mul(SEGMENT_SIZE);
            self.next = behind.min(self.end);
        }
        if !self.ahead.is_empty() || self.next == self.end {
            return Ok(());
        }
        let first = self.next;
        let rows = self.rows(reader, chunk).await?;
        let there = rows.first().map_or(self.end, |row| row.index.min(self.end));
        if there > first {
            self.next = there;
            return Err(self.damaged("missing", first, there));
        }
        for row in rows {
            let (index, recorded_at) = (row.index, row.recorded_at);
            if index != self.next || index == self.end {
                break;
            }
            match self.entry(row, reader, query) {
                Some(found) => {
                    self.ahead.extend(found);
                    self.next = index.saturating_add(1);
                    // Somebody may have changed one: what is read now is not held back for ever by it.
                    self.read = self.read.max(recorded_at.map(|at| (at, self.log.id, index)));
                }
                // What was read before it is given out first.
                None if index > first => break,
                None => {
                    self.next = index.saturating_add(1);
                    return Err(self.damaged("changed", index, self.next));
                }
            }
        }
        Ok(())
    }

    /// The next rows. Those behind them are read from now on.
    async fn rows(&mut self, reader: &Reader, chunk: u32) -> Result<Vec<Row>, StoreError> {
        let (log, next) = (self.log.id, self.next);
        let read = match self.coming.take().filter(|coming| coming.first == next) {
            Some(mut coming) => coming.reading.join_next().await.and_then(Result::ok),
            None => None,
        };
        let rows = match read {
            Some(rows) => rows?,
            None => reader.store().entries(log, next, chunk).await?,
        };
        let first = rows.last().map_or(self.end, |row| row.index.saturating_add(1));
        if let Ok(runtime) = Handle::try_current()
            && first < self.end
            && !self.is_empty(first)
        {
            let (reader, mut reading) = (reader.clone(), JoinSet::new());
            let read = async move { reader.store().entries(log, first, chunk).await };
            reading.spawn_on(read, &runtime);
            self.coming = Some(Coming { first, reading });
        }
        Ok(rows)
    }

    /// Whether nothing that is asked for is in the segment of an index.
    fn is_empty(&self, index: u64) -> bool {
        self.empty.binary_search(&(index / SEGMENT_SIZE)).is_ok()
    }

    /// The entry, if it is asked for; nothing at all where it is not what was appended.
    fn entry(&self, row: Row, reader: &Reader, query: &Query) -> Option<Option<Entry>> {
        if row.leaf != Some(leaf_hash(&row.canon)) {
            return None;
        }
        // By its bytes, not by the columns beside them.
        let entry = Entry::new(&self.log.origin, row).ok()?;
        if query.is_everything() && reader.scope().is_everything() {
            return Some(Some(entry));
        }
        let event = reader.scope().view(entry.known());
        let is_asked_for = reader.scope().sees(&event) && query.matches(&entry.log, &event);
        (!event.is_null()).then_some(is_asked_for.then_some(entry))
    }

    fn damaged(&self, what: &'static str, first: u64, end: u64) -> FollowError {
        let (log, last) = (self.log.origin.clone(), end.saturating_sub(1));
        FollowError::Damaged { log, entries: Span { first, last }, what }
    }

    /// Gives out what was recorded until then.
    pub(super) fn give(&mut self, until: Option<Moment>, ready: &mut Vec<(LogId, Entry)>) {
        let log = self.log.id;
        let is_due = |entry: &mut Entry| {
            until.is_none_or(|until| (entry.recorded_at, log, entry.index) <= until)
        };
        while let Some(entry) = self.ahead.pop_front_if(is_due) {
            ready.push((log, entry));
        }
    }

    /// Nothing that is left to read was recorded before this.
    pub(super) fn holds_back(&self) -> Option<Moment> {
        if self.next < self.end { self.read } else { None }
    }

    pub(super) fn is_over(&self) -> bool {
        self.next == self.end && self.ahead.is_empty()
    }

    /// The index of the first one that was not given out.
    pub(super) fn place(&self) -> u64 {
        self.ahead.front().map_or(self.next, |entry| entry.index)
    }

    pub(super) fn left(&self) -> u64 {
        self.end.saturating_sub(self.next)
    }
}
