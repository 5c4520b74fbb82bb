//! Searches, each along the index that its filter asks for.

use std::ops::Range;

use chrono::{DateTime, Utc};
use sqlx::sqlite::SqliteConnection;

use super::append::integer;
use super::read::{all_readable, head, row, select};
use crate::event::Term;
use crate::query::Filter;
use crate::store::doing::Doing;
use crate::store::search_path::{NEAR, SearchPath, in_order, near_and_far};
use crate::store::{LogId, Row, SEGMENT_SIZE, Start, StoreError};

/// A search along one index, newest first and oldest first. `CROSS JOIN` keeps SQLite from turning the loops round: segments
/// outside, in their order, and in each of them the index from one end, so that rows come in the right order and the search
/// ends at its limit. A condition on an absent filter is `NULL IS NULL`, once per statement.
/// The terms come as a JSON array of hexadecimal texts.
macro_rules! search {
    ($along:literal, $index:literal) => {
        [search!($along, $index, "DESC"), search!($along, $index, "ASC")]
    };
    ($along:literal, $index:literal, $order:literal) => {
        concat!(
            select!(),
            "FROM audit_segment s CROSS JOIN ",
            $along,
            " WHERE s.log_id = ?1 AND s.seg <= ?3 AND s.seg >= ?12 / 32768 \
             AND (?9 IS NULL OR s.latest >= ?9) AND (?10 IS NULL OR s.earliest < ?10) AND ",
            $index,
            " < ?2 AND ",
            $index,
            " >= ?12 AND (?4 IS NULL OR e.actor = ?4) AND (?5 IS NULL OR e.action = ?5) \
             AND (?6 IS NULL OR e.resource_type = ?6) AND (?7 IS NULL OR e.resource_id = ?7) \
             AND (?8 IS NULL OR NOT EXISTS (SELECT 1 FROM json_each(?8) WHERE NOT instr(e.terms, unhex(value)))) \
             AND (?9 IS NULL OR e.occurred_at >= ?9) AND (?10 IS NULL OR e.occurred_at < ?10) \
             AND (?13 IS NULL OR e.ip >= ?13) AND (?14 IS NULL OR e.ip <= ?14) \
             AND (?15 IS NULL OR e.event_id = ?15) \
             ORDER BY s.seg ",
            $order,
            ", ",
            $index,
            " ",
            $order,
            " LIMIT ?11"
        )
    };
}

/// The index behind `UNIQUE (log_id, event_id)`.
pub(super) const BY_EVENT: [&str; 2] = search!(
    "audit_entry e INDEXED BY sqlite_autoindex_audit_entry_2 \
     ON e.log_id = ?1 AND e.event_id = ?15 AND e.seg = s.seg",
    "e.idx"
);

pub(super) const BY_RESOURCE: [&str; 2] = search!(
    "audit_entry e INDEXED BY audit_entry_resource \
     ON e.log_id = ?1 AND e.seg = s.seg AND e.resource_type = ?6 AND e.resource_id = ?7",
    "e.idx"
);

pub(super) const BY_ADDRESS: [&str; 2] = search!(
    "audit_entry e INDEXED BY audit_entry_ip ON e.log_id = ?1 AND e.seg = s.seg AND e.ip = ?13",
    "e.idx"
);

pub(super) const BY_ACTOR: [&str; 2] = search!(
    "audit_entry e INDEXED BY audit_entry_actor ON e.log_id = ?1 AND e.seg = s.seg AND e.actor = ?4",
    "e.idx"
);

pub(super) const BY_ACTION: [&str; 2] = search!(
    "audit_entry e INDEXED BY audit_entry_action ON e.log_id = ?1 AND e.seg = s.seg AND e.action = ?5",
    "e.idx"
);

/// Nothing to look up: the entries of each segment, from its last one. 32768 is [`SEGMENT_SIZE`].
pub(super) const BY_INDEX: [&str; 2] = search!(
    "audit_entry e ON e.log_id = ?1 AND e.idx >= s.seg * 32768 AND e.idx < (s.seg + 1) * 32768",
    "e.idx"
);

/// All addresses of a network in a segment, which have to be sorted.
pub(super) const BY_NETWORK: [&str; 2] = search!(
    "audit_entry e INDEXED BY audit_entry_ip \
     ON e.log_id = ?1 AND e.seg = s.seg AND e.ip >= ?13 AND e.ip <= ?14",
    "e.idx"
);

/// In each segment along the rarest of the terms: that which the fewest entries have, or of those which a hundred have the
/// one whose hundredth newest stands furthest back. Whatever else stands in `audit_term`, an entry is found in its segment
/// only, and by its own terms.
pub(super) const BY_TERMS: [&str; 2] = search!(
    "audit_term t ON t.log_id = ?1 AND t.seg = s.seg AND t.term = (SELECT term FROM (\
         SELECT unhex(j.value) AS term, (\
             SELECT iif(count(*) < 100, count(*), 100 + min(idx)) FROM (\
                 SELECT c.idx FROM audit_term c WHERE c.log_id = ?1 AND c.seg = s.seg AND c.term = unhex(j.value) \
                 ORDER BY c.idx DESC LIMIT 100)\
         ) AS frequency FROM json_each(?8) j\
     ) ORDER BY frequency LIMIT 1) \
     CROSS JOIN audit_entry e ON e.log_id = ?1 AND e.idx = t.idx AND e.seg = s.seg",
    "t.idx"
);

pub(super) async fn search(
    connection: &mut SqliteConnection,
    log: LogId,
    filter: &Filter,
    start: Start,
    limit: u32,
    doing: &Doing,
) -> Result<Vec<Row>, StoreError> {
    let range = start.range(head(connection, log, doing).await?.frontier.size());
    let terms: Vec<_> = filter.sought().into_iter().collect();
    let mut search = Search { connection, log, filter, terms: &terms, doing };
    let mut rows = Vec::new();
    for (statement, range) in steps(filter, &terms, start, range) {
        let left = limit.saturating_sub(u32::try_from(rows.len()).unwrap_or(limit));
        if left > 0 && !range.is_empty() {
            rows.extend(search.run(statement, range, left).await?);
        }
    }
    Ok(rows)
}

/// What a search does, one behind the other, until it has enough, and over which range each goes.
pub(super) fn steps(
    filter: &Filter,
    terms: &[Term],
    start: Start,
    range: Range<u64>,
) -> Vec<(&'static str, Range<u64>)> {
    let along = match SearchPath::of(filter, terms) {
        SearchPath::Event => BY_EVENT,
        SearchPath::Resource => BY_RESOURCE,
        SearchPath::Address => BY_ADDRESS,
        SearchPath::Actor => BY_ACTOR,
        SearchPath::Terms => BY_TERMS,
        SearchPath::Action => BY_ACTION,
        SearchPath::Index => BY_INDEX,
        SearchPath::Network => {
            // A network that most of the entries are from fills a page with the nearest of them.
            let [near, far] = near_and_far(start, range, NEAR);
            return vec![(in_order(start, BY_INDEX), near), (in_order(start, BY_NETWORK), far)];
        }
    };
    vec![(in_order(start, along), range)]
}

struct Search<'a> {
    connection: &'a mut SqliteConnection,
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
        let terms: Vec<_> = self.terms.iter().map(|term| hex::encode(term.as_bytes())).collect();
        let query = sqlx::query(statement);
        let query = query.bind(self.log.0).bind(integer(range.end));
        let query = query.bind(integer(range.end / SEGMENT_SIZE));
        let query = query.bind(filter.actor.as_deref()).bind(filter.action.as_deref());
        let query = query.bind(filter.resource_type.as_deref()).bind(filter.resource_id.as_deref());
        let query =
            query.bind((!terms.is_empty()).then(|| format!("[\"{}\"]", terms.join("\",\""))));
        let query = query.bind(filter.since.map(micros_from)).bind(filter.until.map(micros_from));
        let query = query.bind(i64::from(limit)).bind(integer(range.start));
        let query = query.bind(filter.ip.as_ref().map(|range| range.start().as_slice()));
        let query = query.bind(filter.ip.as_ref().map(|range| range.end().as_slice()));
        let query = query.bind(filter.event_id.map(|id| id.as_bytes().to_vec()));
        let query = query.map(|stored| row(&stored));
        let rows = query.fetch_all(&mut *self.connection).await;
        all_readable(rows.map_err(|error| self.doing.failed(error))?, self.doing)
    }
}

/// A time limit in whole microseconds, rounded up: what is stored is whole, so that `stored >= limit`
/// and `stored < limit` mean the same for the limit and for what it is rounded to.
fn micros_from(limit: DateTime<Utc>) -> i64 {
    let micros = limit.timestamp_micros();
    if limit.timestamp_subsec_nanos().is_multiple_of(1_000) {
        micros
    } else {
        micros.saturating_add(1)
    }
}
