//! Rows that are read and examined while those before them are compared.

use std::collections::VecDeque;
use std::iter::successors;
use std::ops::Range;
use std::pin::pin;

use futures_util::stream::{StreamExt as _, iter};
use tokio::runtime::Handle;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tokio::task::{JoinError, JoinHandle, JoinSet};

use super::examined::{Depth, Examined};
use super::leaves::Leaves;
use super::rows::Chunk;
use crate::store::{LogId, Reader, StoreError, StoreErrorKind};

/// Chunks that are fetched or examined, or wait to be compared: enough that no side waits for another, few enough to hold.
const AHEAD: usize = 4;

/// Chunks that are fetched at a time: while the rows of one come, the database looks for those of the next.
const AT_A_TIME: usize = 2;

/// A chunk while it is examined.
type Examining = JoinHandle<Vec<Examined>>;

/// The rows of a log by index, from one on. One task reads them, other threads examine them a chunk at a time; when this is dropped it ends, and they with the chunk that they are at.
#[derive(Debug)]
pub(super) struct Ahead {
    reading: JoinSet<Result<(), StoreError>>,
    chunks: Receiver<Examining>,
    examined: VecDeque<Examined>,
}

impl Ahead {
    pub(super) fn new(
        reader: &Reader,
        log: LogId,
        from: u64,
        depth: Depth,
    ) -> Result<Self, StoreError> {
        let runtime = Handle::try_current().map_err(|error| stopped("start").caused_by(error))?;
        let (sender, chunks) = mpsc::channel(AHEAD);
        let mut reading = JoinSet::new();
        reading.spawn_on(read(reader.clone(), log, from, depth, sender), &runtime);
        Ok(Self { reading, chunks, examined: VecDeque::new() })
    }

    /// The index of the next row.
    pub(super) async fn peek(&mut self) -> Result<Option<u64>, StoreError> {
        while self.examined.is_empty() {
            match self.chunks.recv().await {
                Some(chunk) => self.examined = chunk.await.map_err(ended)?.into(),
                // The reader has ended: by itself, or not.
                None => match self.reading.join_next().await {
                    Some(read) => read.map_err(ended)??,
                    None => break,
                },
            }
        }
        Ok(self.examined.front().map(|row| row.index))
    }

    /// The rows of a range that is not behind those that were taken before.
    pub(super) async fn take(&mut self, range: Range<u64>) -> Result<Leaves, StoreError> {
        let mut leaves = Leaves::new(range.clone());
        while self.peek().await?.is_some_and(|index| index < range.end) {
            let row = self.examined.pop_front().filter(|row| row.index >= range.start);
            row.into_iter().for_each(|row| leaves.put(row));
        }
        Ok(leaves)
    }
}

async fn read(
    reader: Reader,
    log: LogId,
    mut from: u64,
    depth: Depth,
    chunks: Sender<Examining>,
) -> Result<(), StoreError> {
    // One at a time until they follow on one another: else what is fetched beside the first is of no use.
    let mut at_a_time = 1;
    loop {
        let starts = successors(Some(from), |from| Some(Chunk::after(*from)));
        let fetch = async |from| {
            // The place for it comes first: who waits for one holds no connection that another waits for.
            let place = chunks.reserve().await.ok()?;
            // In a task of its own, which ends with this future: to take in what a database sends is work as well.
            let reader = reader.clone();
            let mut task = JoinSet::new();
            task.spawn(async move { Chunk::fetch(reader.store(), log, from, depth).await });
            let chunk = task.join_next().await?;
            Some((from, place, chunk.unwrap_or_else(|error| Err(ended(error)))))
        };
        let mut fetched = pin!(iter(starts).map(fetch).buffered(at_a_time));
        (from, at_a_time) = loop {
            // Where nobody takes it the verification was given up.
            let Some(Some((from, place, chunk))) = fetched.next().await else {
                return Ok(());
            };
            let Chunk { rows, next } = chunk?;
            let examine = move || rows.map(|row| Examined::of(row, depth)).collect();
            place.send(tokio::task::spawn_blocking(examine));
            match next {
                None => return Ok(()),
                Some(next) if next != Chunk::after(from) => break (next, 1),
                Some(next) if at_a_time < AT_A_TIME => break (next, AT_A_TIME),
                Some(_) => {}
            }
        };
    }
}

fn ended(error: JoinError) -> StoreError {
    stopped("go on").caused_by(error)
}

fn stopped(what: &str) -> StoreError {
    let what = format!("verify: cannot {what} without the tokio runtime that it runs in");
    StoreError::new(StoreErrorKind::Unavailable, what)
}
