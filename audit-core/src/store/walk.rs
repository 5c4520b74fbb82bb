//! A walk over what a query finds in all logs.

use std::collections::{BTreeMap, VecDeque};

use chrono::{DateTime, Utc};

use super::{Entry, LogId, LogInfo, Reader, Start, StoreError};
use crate::query::{Condition, Filter, MAX_LIMIT, Query, Scope};

/// Entries that are held of all logs together, as long as each can have the few that are read at least.
const MOST_HELD: usize = 16_384;
const LEAST_READ: u32 = 16;

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
        let mut held = 0;
        for stretch in &mut self.stretches {
            if stretch.reached.is_none() && !stretch.is_over {
                let read = stretch.fill(self.reader, &self.filter, &self.rest, held).await?;
                self.left = self.left.saturating_sub(read);
                held += stretch.ahead.len();
            }
        }
        let mut given = 0;
        loop {
            let held = self.stretches.iter().map(|it| it.ahead.len()).sum();
            let next = self.stretches.iter_mut().filter_map(|it| Some((it.next()?, it)));
            let next = next.min_by(|(a, _), (b, _)| match self.is_oldest_first {
                true => a.cmp(b),
                false => b.cmp(a),
            });
            let Some(((.., index), stretch)) = next else {
                return Ok(true);
            };
            if stretch.ahead.is_empty() {
                // What another log has may come after what is not known of this one.
                if self.left == 0 {
                    stretch.place = stretch.start;
                    return Ok(false);
                }
                let read = stretch.fill(self.reader, &self.filter, &self.rest, held).await?;
                self.left = self.left.saturating_sub(read);
                continue;
            }
            if given == most {
                if !self.reader.scope().is_everything() {
                    self.look_on(held).await?;
                }
                return Ok(false);
            }
            stretch.place = stretch.place.behind(index);
            stretch.ahead.pop_front().into_iter().for_each(&mut take);
            given = given.saturating_add(1);
        }
    }

    /// Goes on to the next of each log, so that where this ends tells nothing of what is out of scope.
    async fn look_on(&mut self, held: usize) -> Result<(), StoreError> {
        for stretch in &mut self.stretches {
            while stretch.ahead.is_empty() && !stretch.is_over && self.left > 0 {
                let read = stretch.fill(self.reader, &self.filter, &self.rest, held).await?;
                self.left = self.left.saturating_sub(read);
            }
        }
        Ok(())
    }

    /// Where it goes on in each log, but for those in which that is at 0.
    pub(super) fn places(&self) -> BTreeMap<i64, u64> {
        let places = self.stretches.iter().map(|it| (it.log.id.0, it.place(self.reader.scope())));
        places.filter(|(_, place)| *place > 0).collect()
    }
}

impl Stretch {
    /// Reads on, beside so many entries that are held, and says how many rows were looked at one by one.
    async fn fill(
        &mut self,
        reader: &Reader,
        filter: &Filter,
        rest: &[&Condition],
        held: usize,
    ) -> Result<usize, StoreError> {
        let room = u32::try_from(MOST_HELD.saturating_sub(held)).unwrap_or(MAX_LIMIT);
        let chunk = self.chunk.min(room.max(LEAST_READ));
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

    /// Where it goes on: before the next one to give out, so that what comes later than the first page stands before that; or where there is
    /// none, behind all that was looked at. Within a scope, that is told of no log but the one at which the walk had to stop.
    fn place(&self, scope: &Scope) -> u64 {
        match (self.place, self.ahead.front()) {
            (Start::Before(_), Some(entry)) => entry.index.saturating_add(1),
            (Start::At(_), Some(entry)) => entry.index,
            (Start::Before(_), None) if self.is_over => 0,
            (Start::END, None) => self.start.index(),
            (place, None) if !scope.is_everything() => place.index(),
            (_, None) => self.start.index(),
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
