//! The rows of a log as a stream, and what is noted of their indices.

use std::collections::VecDeque;
use std::ops::Range;

use super::examined::{Depth, Examined};
use super::finding::Span;
use super::leaves::Leaves;
use super::report::MAX_FINDINGS;
use crate::store::{LogId, Row, Store, StoreError};

/// Rows that are read at once: few enough to hold, enough that the way to the database does not count.
const CHUNK: u32 = 1_024;

/// The rows of a log by index, read in chunks.
#[derive(Debug)]
pub(super) struct Rows<'a> {
    store: &'a dyn Store,
    log: LogId,
    depth: Depth,
    from: Option<u64>,
    read: VecDeque<Row>,
}

impl<'a> Rows<'a> {
    pub(super) fn new(store: &'a dyn Store, log: LogId, from: u64) -> Self {
        Self { store, log, depth: Depth::Everything, from: Some(from), read: VecDeque::new() }
    }

    /// The same rows, of which no more is read than is looked at.
    pub(super) fn to(self, depth: Depth) -> Self {
        Self { depth, ..self }
    }

    /// The next rows that are read at once; none at the end.
    pub(super) async fn chunk(&mut self) -> Result<Vec<Row>, StoreError> {
        let Some(from) = self.from else {
            return Ok(Vec::new());
        };
        let mut rows = match self.depth {
            Depth::Leaves => self.store.leaves(self.log, from, CHUNK).await?,
            Depth::Everything => self.store.read(self.log, from, CHUNK).await?,
        };
        let full = u32::try_from(rows.len()).is_ok_and(|count| count >= CHUNK);
        self.from = match (rows.first(), rows.last()) {
            // In a table that was rebuilt without its key several rows can have one index. A full
            // chunk may end between them, so its last index is left for the next one.
            (Some(first), Some(last)) if full && first.index < last.index => {
                let last = last.index;
                rows.retain(|row| row.index < last);
                Some(last)
            }
            (_, Some(last)) if full => last.index.checked_add(1),
            _ => None,
        };
        Ok(rows)
    }

    /// The next row, if its index is below `end`.
    pub(super) async fn next_below(&mut self, end: u64) -> Result<Option<Row>, StoreError> {
        if self.read.is_empty() {
            self.read = self.chunk().await?.into();
        }
        Ok(self.read.pop_front_if(|row| row.index < end))
    }

    /// The rows of a range that is not behind those that were taken before.
    pub(super) async fn take(&mut self, range: Range<u64>) -> Result<Leaves, StoreError> {
        let mut leaves = Leaves::new(range.clone());
        while let Some(row) = self.next_below(range.end).await? {
            if row.index >= range.start {
                leaves.put(Examined::of(row, Depth::Leaves));
            }
        }
        Ok(leaves)
    }
}

/// Indices that come in order, as few spans.
#[derive(Debug, Default)]
pub(super) struct Runs {
    pub(super) spans: Vec<Span>,
    /// Spans for which there was no room.
    pub(super) omitted: u64,
}

impl Runs {
    pub(super) fn add(&mut self, span: Span) {
        let full = self.spans.len() >= MAX_FINDINGS;
        match self.spans.last_mut() {
            Some(before) if before.last >= span.first.saturating_sub(1) => before.last = span.last,
            _ if full => self.omitted += 1,
            _ => self.spans.push(span),
        }
    }

    /// What of them is not below `index`.
    pub(super) fn starting_at(&self, index: u64) -> impl Iterator<Item = Span> {
        let rest = self.spans.iter().filter(move |span| span.last >= index);
        rest.map(move |span| Span { first: span.first.max(index), ..*span })
    }
}
