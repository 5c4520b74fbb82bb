//! A walk over what a query finds in all logs.

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, Utc};

use super::{Entry, LogId, LogInfo, Reader, Start, StoreError};
use crate::query::{Condition, Filter, MAX_LIMIT, Query};

/// The order over all logs.
type Moment = (DateTime<Utc>, LogId, u64);

/// Reads of each log what is needed, and gives it out in the order of the query.
pub(super) struct Walk<'a> {
    reader: &'a Reader,
    is_oldest_first: bool,
    filter: Filter,
    /// What is to be looked at on each row.
    rest: Vec<&'a Condition>,
    stretches: Vec<Stretch>,
    /// How many rows may still be looked at one by one.
    left: usize,
}

/// One log.
struct Stretch {
    log: LogInfo,
    /// Behind what was given out.
    place: Start,
    /// Behind what was read.
    start: Start,
    /// How much of it is read at once.
    chunk: u32,
    ahead: VecDeque<Entry>,
    /// What was read last.
    reached: Option<Moment>,
    is_over: bool,
}

impl<'a> Walk<'a> {
    /// From places on that a cursor names, or from where the query begins. The first time, a page and one more is read of each log.
    pub(super) async fn new(
        reader: &'a Reader,
        query: &'a Query,
        places: Option<&BTreeMap<i64, u64>>,
        left: usize,
    ) -> Result<Self, StoreError> {
        let mut stretches = Vec::new();
        for log in reader.logs().await? {
            if query.is_of(&log.origin) {
                // In a log that is younger than the cursor, nothing has been passed.
                let place = places.map(|places| places.get(&log.id.0).copied().unwrap_or(0));
                let start = match query.is_oldest_first {
                    true => Start::At(place.unwrap_or(0)),
                    false => place.map_or(Start::END, Start::Before),
                };
                let chunk = query.page_size().saturating_add(1);
                let (ahead, reached, is_over) = (VecDeque::new(), None, false);
                stretches.push(Stretch {
                    log,
                    place: start,
                    start,
                    chunk,
                    ahead,
                    reached,
                    is_over,
                });
            }
        }
        let (filter, rest) = query.split(reader.scope());
        Ok(Self { reader, is_oldest_first: query.is_oldest_first, filter, rest, stretches, left })
    }

    /// Gives out so many entries, and says whether they are all. There can be more where fewer are given out: so many rows were
    /// looked at.
    pub(super) async fn give(
        &mut self,
        most: u64,
        mut take: impl FnMut(Entry) + Send,
    ) -> Result<bool, StoreError> {
        let mut given = 0;
        loop {
            for stretch in &mut self.stretches {
                while stretch.ahead.is_empty() && !stretch.is_over {
                    if stretch.reached.is_some() && self.left == 0 {
                        break;
                    }
                    let read = stretch.fill(self.reader, &self.filter, &self.rest).await?;
                    self.left = self.left.saturating_sub(read);
                }
            }
            let next = self.stretches.iter_mut().filter_map(|it| Some((it.next()?, it)));
            let next = next.min_by(|(a, _), (b, _)| match self.is_oldest_first {
                true => a.cmp(b),
                false => b.cmp(a),
            });
            let Some(((.., index), stretch)) = next else {
                return Ok(true);
            };
            if given == most {
                return Ok(false);
            }
            stretch.place = stretch.place.behind(index);
            match stretch.ahead.pop_front() {
                Some(entry) => take(entry),
                // What another log has may come after what is not known of this one.
                None => return Ok(false),
            }
            given = given.saturating_add(1);
        }
    }

    /// Behind what was given out, in each log.
    pub(super) fn places(&self) -> BTreeMap<i64, u64> {
        self.stretches.iter().map(|it| (it.log.id.0, it.place())).collect()
    }
}

impl Stretch {
    /// Reads on, and says how many rows were looked at one by one.
    async fn fill(
        &mut self,
        reader: &Reader,
        filter: &Filter,
        rest: &[&Condition],
    ) -> Result<usize, StoreError> {
        let chunk = self.chunk;
        let rows = reader.store().search(self.log.id, filter, self.start, chunk).await?;
        self.is_over = rows.len() < usize::try_from(chunk).unwrap_or(usize::MAX);
        let looked_at = if rest.is_empty() { 0 } else { rows.len() };
        for row in rows {
            let entry = Entry::new(&self.log.origin, row)?;
            self.start = self.start.behind(entry.index);
            self.reached = Some(self.moment(&entry));
            let is_wanted = rest.is_empty() || {
                let event = reader.scope().view(entry.known());
                rest.iter().all(|condition| condition.matches(&event))
            };
            if is_wanted {
                self.ahead.push_back(entry);
            }
        }
        // Where few are wanted, the way to the database should not count.
        self.chunk = MAX_LIMIT;
        Ok(looked_at)
    }

    /// Where it goes on. Where nothing was given out, that is before the next one, so that what comes later stands before the first page; and not
    /// before the newest that was looked at, so that a cursor tells nothing of where there is something out of scope.
    fn place(&self) -> u64 {
        match (self.place, self.next()) {
            (Start::END, Some((.., index))) => index.saturating_add(1),
            (Start::END, None) => 0,
            (place, _) => place.index(),
        }
    }

    fn moment(&self, entry: &Entry) -> Moment {
        (entry.recorded_at, self.log.id, entry.index)
    }

    /// When its next entry was recorded; or, where so many rows were looked at, the last of them, behind which nothing is known.
    fn next(&self) -> Option<Moment> {
        match self.ahead.front() {
            Some(entry) => Some(self.moment(entry)),
            None if self.is_over => None,
            None => self.reached,
        }
    }
}
