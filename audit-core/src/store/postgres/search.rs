//! Searches, each along the index that its filter asks for, and that of the entries.

use std::ops::Range;

use chrono::{DateTime, Utc};
use sqlx::postgres::PgConnection;

use super::append::integer;
use super::moment::{EARLIEST, LATEST};
use super::read::{all_readable, head, row, select};
use super::terms;
use crate::event::Term;
use crate::query::Filter;
use crate::store::doing::Doing;
use crate::store::search_path::{NEAR, SearchPath, in_order, near_and_far};
use crate::store::{LogId, Row, SEGMENT_SIZE, Start, StoreError};

/// A search along one index, newest first and oldest first. Segments outside, in their order, and in each of them the index from
/// one end, so that rows come in the right order and the search ends at its limit. Where it does not go along the
/// terms, they are compared in words that the index on them does not know.
macro_rules! search {
    ($along:literal, $terms:literal, $index:literal) => {
        [search!($along, $terms, $index, "DESC"), search!($along, $terms, $index, "ASC")]
    };
    ($along:literal, $terms:literal, $index:literal, $order:literal) => {
        concat!(
            "SELECT e.* FROM (SELECT seg, ARRAY(SELECT encode(int4send(seg) || term, 'hex')::uuid \
                 FROM UNNEST($8::bytea[]) AS t (term)) AS terms \
             FROM audit.segment WHERE log_id = $1 AND seg <= $3 AND seg >= $12::bigint / 32768 \
             AND ($9::timestamptz IS NULL OR latest >= $9) \
             AND ($10::timestamptz IS NULL OR earliest < $10) ORDER BY seg ",
            $order,
            ") s CROSS JOIN LATERAL (",
            select!(),
            "FROM audit.entry e WHERE ",
            $along,
            " AND ",
            $index,
            " < $2 AND ",
            $index,
            " >= $12 AND ",
            $terms,
            " AND ($4::text IS NULL OR e.actor = $4) AND ($5::text IS NULL OR e.action = $5) \
             AND ($6::text IS NULL OR e.resource_type = $6) AND ($7::text IS NULL OR e.resource_id = $7) \
             AND ($9::timestamptz IS NULL OR e.occurred_at >= $9) \
             AND ($10::timestamptz IS NULL OR e.occurred_at < $10) \
             AND ($13::bytea IS NULL OR e.ip >= $13) AND ($14::bytea IS NULL OR e.ip <= $14) \
             AND ($15::uuid IS NULL OR e.event_id = $15) \
             ORDER BY ",
            $index,
            " ",
            $order,
            " LIMIT $11) e LIMIT $11"
        )
    };
    ($along:literal) => {
        search!($along, "(cardinality(s.terms) = 0 OR e.terms @> s.terms)", "e.idx")
    };
}

/// One entry at the most: `+ 0` keeps the planner from looking for it along the other indexes.
pub(super) const BY_EVENT: [&str; 2] = search!(
    "e.log_id = $1 AND e.seg + 0 = s.seg AND e.event_id = $15",
    "(cardinality(s.terms) = 0 OR e.terms @> s.terms)",
    "e.idx + 0"
);

pub(super) const BY_RESOURCE: [&str; 2] =
    search!("e.log_id = $1 AND e.seg = s.seg AND e.resource_type = $6 AND e.resource_id = $7");

pub(super) const BY_ADDRESS: [&str; 2] = search!("e.log_id = $1 AND e.seg = s.seg AND e.ip = $13");

pub(super) const BY_ACTOR: [&str; 2] = search!("e.log_id = $1 AND e.seg = s.seg AND e.actor = $4");

pub(super) const BY_ACTION: [&str; 2] =
    search!("e.log_id = $1 AND e.seg = s.seg AND e.action = $5");

/// Nothing to look up: the entries of each segment, from its last one. 32768 is [`SEGMENT_SIZE`].
pub(super) const BY_INDEX: [&str; 2] = search!(
    "e.log_id = $1 AND e.idx >= s.seg::bigint * 32768 AND e.idx < (s.seg::bigint + 1) * 32768"
);

/// All addresses of a network in a segment, which have to be sorted: `+ 0` keeps the planner from
/// reading along the indexes that are sorted already.
pub(super) const BY_NETWORK: [&str; 2] = search!(
    "e.log_id = $1 AND e.seg = s.seg AND e.ip >= $13 AND e.ip <= $14",
    "(cardinality(s.terms) = 0 OR e.terms @> s.terms)",
    "e.idx + 0"
);

/// The stored terms name segment and log already. `+ 0` keeps all other indexes out of it: where the
/// planner does not know how rare a term is, it likes to read a whole segment, or the whole log, beside.
pub(super) const BY_TERMS: [&str; 2] =
    search!("e.log_id + 0 = $1", "e.terms @> s.terms", "e.idx + 0");

/// The same in a short range, with the index on these as well: of a whole segment only what is in the range is fetched.
pub(super) const BY_TERMS_IN_RANGE: [&str; 2] = search!(
    "e.log_id = $1 AND e.idx >= GREATEST($12, s.seg::bigint * 32768) AND e.idx < LEAST($2, (s.seg::bigint + 1) * 32768)",
    "e.terms @> s.terms",
    "e.idx + 0"
);

pub(super) async fn search(
    connection: &mut PgConnection,
    log: LogId,
    filter: &Filter,
    start: Start,
    limit: u32,
    doing: &Doing,
) -> Result<Vec<Row>, StoreError> {
    let mut range = start.range(head(connection, log, doing).await?.frontier.size());
    let terms: Vec<_> = filter.sought().into_iter().collect();
    let mut search = Search { connection, log, filter, terms: &terms, doing };
    let (mut rows, mut passed) = (Vec::new(), 0);
    for (statement, reach) in steps(filter, start) {
        let left = limit.saturating_sub(u32::try_from(rows.len()).unwrap_or(limit));
        if left == 0 {
            break;
        }
        let entries = match reach {
            Reach::Nearest => NEAREST.max(u64::from(limit) * 2),
            Reach::Near => NEAR,
            Reach::Estimated => estimated(rows.len(), passed, left),
            Reach::Rest => u64::MAX,
        };
        let [near, far] = near_and_far(start, range.clone(), entries);
        if !near.is_empty() {
            (passed, range) = (near.end - near.start, far);
            rows.extend(search.run(statement, near, left).await?);
        }
    }
    Ok(rows)
}

/// How many entries a step of a search goes over.
#[derive(Debug, Clone, Copy)]
pub(super) enum Reach {
    /// [`NEAREST`], or twice as many as are asked for.
    Nearest,
    /// [`NEAR`].
    Near,
    /// As many as are likely to have what is left, if these are few.
    Estimated,
    /// All that are left.
    Rest,
}

/// Entries that are looked through one by one before two indexes are read for one step: enough to estimate by.
const NEAREST: u64 = 1_000;

/// Most entries of such a step. The server may read all of them, where it knows little of the rows.
const ESTIMATED: u64 = 8_192;

/// Three times the entries that the rate of what was found up to here predicts, at most [`ESTIMATED`]; none if it predicts more.
fn estimated(found: usize, passed: u64, left: u32) -> u64 {
    let found = u64::try_from(found).unwrap_or(u64::MAX);
    let entries = passed.saturating_mul(left.into()).checked_div(found);
    let entries = entries.filter(|&entries| entries <= ESTIMATED);
    entries.map_or(0, |entries| ESTIMATED.min(entries * 3))
}

/// What a search does, one behind the other, until it has enough.
pub(super) fn steps(filter: &Filter, start: Start) -> Vec<(&'static str, Reach)> {
    // Along the index on terms alone, a statement fetches all that have them in a segment, wherever in it the page begins. That is
    // left for what is rare.
    let steps = match SearchPath::of(filter) {
        SearchPath::Terms => vec![
            (BY_INDEX, Reach::Nearest),
            (BY_TERMS_IN_RANGE, Reach::Estimated),
            (BY_TERMS, Reach::Rest),
        ],
        SearchPath::Network => vec![(BY_INDEX, Reach::Near), (BY_NETWORK, Reach::Rest)],
        SearchPath::Event => vec![(BY_EVENT, Reach::Rest)],
        SearchPath::Resource => vec![(BY_RESOURCE, Reach::Rest)],
        SearchPath::Address => vec![(BY_ADDRESS, Reach::Rest)],
        SearchPath::Actor => vec![(BY_ACTOR, Reach::Rest)],
        SearchPath::Action => vec![(BY_ACTION, Reach::Rest)],
        SearchPath::Index => vec![(BY_INDEX, Reach::Rest)],
    };
    steps.into_iter().map(|(along, reach)| (in_order(start, along), reach)).collect()
}

struct Search<'a> {
    connection: &'a mut PgConnection,
    log: LogId,
    filter: &'a Filter,
    terms: &'a [Term],
    doing: &'a Doing,
}

impl Search<'_> {
    /// The first rows within a range.
    async fn run(
        &mut self,
        statement: &'static str,
        range: Range<u64>,
        limit: u32,
    ) -> Result<Vec<Row>, StoreError> {
        let filter = self.filter;
        let terms = self.terms.iter().map(|&term| terms::of_log(self.log, term).to_vec());
        let query = sqlx::query(statement);
        let query = query.bind(self.log.0).bind(integer(range.end));
        let query = query.bind(integer(range.end / SEGMENT_SIZE));
        let query = query.bind(filter.actor.as_deref()).bind(filter.action.as_deref());
        let query = query.bind(filter.resource_type.as_deref()).bind(filter.resource_id.as_deref());
        let query = query.bind(terms.collect::<Vec<_>>());
        let query = query.bind(filter.since.map(whole_micros)).bind(filter.until.map(whole_micros));
        let query = query.bind(i64::from(limit)).bind(integer(range.start));
        let query = query.bind(filter.ip.as_ref().map(|range| range.start().as_slice()));
        let query = query.bind(filter.ip.as_ref().map(|range| range.end().as_slice()));
        let query = query.bind(filter.event_id);
        let query = query.map(|stored| row(self.log, &stored));
        let rows = query.fetch_all(&mut *self.connection).await;
        all_readable(rows.map_err(|error| self.doing.failed(error))?, self.doing)
    }
}

/// A time limit in whole microseconds, rounded up: what is stored is whole, so that `stored >= limit`
/// and `stored < limit` mean the same for the limit and for what it is rounded to.
fn whole_micros(limit: DateTime<Utc>) -> DateTime<Utc> {
    // The server refuses what is far out of the range that an event can have.
    let limit = limit.clamp(EARLIEST, LATEST);
    let down = crate::clock::to_micros(limit);
    match down == limit {
        true => down,
        false => down.checked_add_signed(chrono::TimeDelta::microseconds(1)).unwrap_or(down),
    }
}
