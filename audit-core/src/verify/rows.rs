//! The rows of a log as a stream, and what is noted of their indices.

use std::collections::VecDeque;
use std::iter::Take;
use std::ops::Range;

use super::examined::{Depth, Examined};
use super::finding::Span;
use super::leaves::Leaves;
use super::report::MAX_FINDINGS;
use crate::store::{Fetched, LogId, Row, Store, StoreError};

/// Rows that are fetched at once: few enough to hold, enough that the way to the database does not count.
const CHUNK: u32 = 1_024;

/// Rows that were fetched at once.
pub(super) struct Chunk {
    pub(super) rows: Take<Fetched>,
    /// Where the next chunk begins; nothing at the end.
    pub(super) next: Option<u64>,
}

impl Chunk {
    /// Those from `from` on.
    pub(super) async fn fetch(
        store: &dyn Store,
        log: LogId,
        from: u64,
        depth: Depth,
    ) -> Result<Self, StoreError> {
        let rows = store.fetch(log, from, CHUNK, depth == Depth::Leaves).await?;
        let indices = rows.indices();
        let full = u32::try_from(indices.len()).is_ok_and(|count| count >= CHUNK);
        let (count, next) = match (indices.first(), indices.last()) {
            // In a table that was rebuilt without its key several rows can have one index. A full
            // chunk may end between them, so its last index is left for the next one.
            (Some(first), Some(last)) if full && first < last => {
                (indices.partition_point(|index| index < last), Some(*last))
            }
            (_, Some(last)) if full => (indices.len(), last.checked_add(1)),
            _ => (indices.len(), None),
        };
        Ok(Self { rows: rows.take(count), next })
    }

    /// Where the chunk that begins at `from` ends, if no index is missing.
    pub(super) fn after(from: u64) -> u64 {
        from.saturating_add(u64::from(CHUNK) - 1)
    }
}

/// The rows of a log by index, read in chunks: what the tree is made of.
#[derive(Debug)]
pub(super) struct Rows<'a> {
    store: &'a dyn Store,
    log: LogId,
    from: Option<u64>,
    read: VecDeque<Row>,
}

impl<'a> Rows<'a> {
    pub(super) fn new(store: &'a dyn Store, log: LogId, from: u64) -> Self {
        Self { store, log, from: Some(from), read: VecDeque::new() }
    }

    /// The next row, if its index is below `end`.
    pub(super) async fn next_below(&mut self, end: u64) -> Result<Option<Row>, StoreError> {
        if let Some(from) = self.from.filter(|_| self.read.is_empty()) {
            let chunk = Chunk::fetch(self.store, self.log, from, Depth::Leaves).await?;
            (self.read, self.from) = (chunk.rows.collect(), chunk.next);
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
