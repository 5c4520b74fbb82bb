//! Searches, each along the index that its filter asks for.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sqlx::sqlite::SqliteConnection;
use tokio::time::Instant;

use super::append::integer;
use super::read::{all_readable, head, row, select};
use crate::event::Term;
use crate::query::Filter;
use crate::store::doing::Doing;
use crate::store::search_path::{NEAR, SearchPath, in_order, near_and_far};
use crate::store::{LogId, Row, SEGMENT_SIZE, Start, StoreError};

/// After so many of its steps SQLite asks whether somebody still waits: some milliseconds.
const STEPS: i32 = 100_000;

/// What each row must fulfil, and the segments it is looked for in. A condition on an absent filter is `NULL IS NULL`, once per statement.
/// Terms come as JSON arrays of hexadecimal texts: in `?8` those that the row has, in `?16` those to look up.
macro_rules! matching {
    () => {
        " WHERE s.log_id = ?1 AND s.seg <= ?3 AND s.seg >= ?12 / 32768 \
         AND (?9 IS NULL OR s.latest >= ?9) AND (?10 IS NULL OR s.earliest < ?10) \
         AND (?4 IS NULL OR e.actor = ?4) AND (?5 IS NULL OR e.action = ?5) \
         AND (?6 IS NULL OR e.resource_type = ?6) AND (?7 IS NULL OR e.resource_id = ?7) \
         AND (?8 IS NULL OR NOT EXISTS (SELECT 1 FROM json_each(?8) WHERE NOT instr(e.terms, unhex(value)))) \
         AND (?9 IS NULL OR e.occurred_at >= ?9) AND (?10 IS NULL OR e.occurred_at < ?10) \
         AND (?13 IS NULL OR e.ip >= ?13) AND (?14 IS NULL OR e.ip <= ?14) \
         AND (?15 IS NULL OR e.event_id = ?15) "
    };
}

/// A search along one index, newest first and oldest first. `CROSS JOIN` keeps SQLite from turning the loops round: segments
/// outside, in their order, and in each of them the index from one end, so that rows come in the right order and the search
/// ends at its limit.
macro_rules! search {
    ($along:literal) => {
        [search!($along, "DESC"), search!($along, "ASC")]
    };
    ($along:literal, $order:literal) => {
        concat!(
            select!(),
            "FROM audit_segment s CROSS JOIN audit_entry e ",
            $along,
            " AND e.idx < ?2 AND e.idx >= ?12",
            matching!(),
            "ORDER BY s.seg ",
            $order,
            ", e.idx ",
            $order,
            " LIMIT ?11"
        )
    };
}

/// The index behind `UNIQUE (log_id, event_id)`.
pub(super) const BY_EVENT: [&str; 2] = search!(
    "INDEXED BY sqlite_autoindex_audit_entry_2 \
     ON e.log_id = ?1 AND e.event_id = ?15 AND e.seg = s.seg"
);

pub(super) const BY_ADDRESS: [&str; 2] =
    search!("INDEXED BY audit_entry_ip ON e.log_id = ?1 AND e.seg = s.seg AND e.ip = ?13");

/// Nothing to look up: the entries of each segment that are in the range. 32768 is [`SEGMENT_SIZE`]. SQLite goes to one bound only,
/// and would look at all that is between that and a closer one.
pub(super) const BY_INDEX: [&str; 2] = search!(
    "ON e.log_id = ?1 AND e.idx >= max(s.seg * 32768, ?12) AND e.idx < min((s.seg + 1) * 32768, ?2)"
);

/// All addresses of a network in a segment, which have to be sorted.
pub(super) const BY_NETWORK: [&str; 2] = search!(
    "INDEXED BY audit_entry_ip \
     ON e.log_id = ?1 AND e.seg = s.seg AND e.ip >= ?13 AND e.ip <= ?14"
);

/// How close the first hundred rows of a term lie in a segment, from one of its ends: entries for each index. A row for several counts as
/// 32, so that a term may be taken for the rarer one that has 32 times as many entries.
macro_rules! density {
    ($order:literal, $span:literal) => {
        concat!(
            "(SELECT 1.0 * sum(entries) / iif(count(*) < 100, 32768, ",
            $span,
            ") FROM (SELECT c.idx, iif(c.others = 0, 1, 32) AS entries \
             FROM audit_term c INDEXED BY sqlite_autoindex_audit_term_1 \
             WHERE c.log_id = ?1 AND c.seg = +s.seg AND c.term = unhex(j.value) ORDER BY c.idx ",
            $order,
            " LIMIT 100))"
        )
    };
}

/// In each segment along the rarest of the terms, or the only one (`?17`). Whatever else stands in `audit_term`, an entry is found in
/// its segment only, and by what it says itself.
///
/// Rows are read from one end, and the entries of each along the key, so that nothing has to be sorted. `+` takes the segment for a value, as
/// verification has it: compared with a column of numbers, a text that somebody wrote into `audit_term` would be a number as well.
macro_rules! by_terms {
    ($order:literal) => {
        concat!(
            select!(),
            "FROM audit_segment s CROSS JOIN audit_term t INDEXED BY sqlite_autoindex_audit_term_1 \
             ON t.log_id = ?1 AND t.seg = +s.seg AND t.idx > ?12 - 64 AND t.idx < ?2 AND t.term = coalesce(?17, (\
             SELECT term FROM (SELECT unhex(j.value) AS term, min(",
            density!("DESC", "(s.seg + 1) * 32768 - min(idx)"),
            ", ",
            density!("ASC", "max(idx) + 1 - s.seg * 32768"),
            ") AS density FROM json_each(?16) j) ORDER BY density LIMIT 1)) \
             CROSS JOIN audit_entry e INDEXED BY sqlite_autoindex_audit_entry_1 \
             ON e.log_id = ?1 AND e.seg = s.seg AND e.idx >= max(t.idx, ?12) \
             AND e.idx < min(t.idx + iif(t.others = 0, 1, 64), ?2) \
             AND (e.idx = t.idx OR (t.others >> (e.idx - t.idx - 1)) & 1)",
            matching!(),
            "ORDER BY s.seg ",
            $order,
            ", t.idx ",
            $order,
            ", t.others ",
            $order,
            ", e.idx ",
            $order,
            " LIMIT ?11"
        )
    };
}

pub(super) const BY_TERMS: [&str; 2] = [by_terms!("DESC"), by_terms!("ASC")];

/// The first entries that match. Where this is dropped, or out of patience, SQLite stops.
pub(super) async fn search(
    connection: &mut SqliteConnection,
    log: LogId,
    filter: &Filter,
    start: Start,
    limit: u32,
    patience: Duration,
    doing: &Doing,
) -> Result<Vec<Row>, StoreError> {
    // SQLite's thread learns of nobody who has left for as long as it finds nothing.
    let here = Arc::new(());
    let (waiting, begun) = (Arc::downgrade(&here), Instant::now());
    let goes_on = move || waiting.strong_count() > 0 && begun.elapsed() < patience;
    let mut handle = connection.lock_handle().await.map_err(|error| doing.failed(error))?;
    handle.set_progress_handler(STEPS, goes_on);
    drop(handle);
    let found = find(connection, log, filter, start, limit, doing).await?;
    let mut handle = connection.lock_handle().await.map_err(|error| doing.failed(error))?;
    handle.remove_progress_handler();
    Ok(found)
}

pub(super) async fn find(
    connection: &mut SqliteConnection,
    log: LogId,
    filter: &Filter,
    start: Start,
    limit: u32,
    doing: &Doing,
) -> Result<Vec<Row>, StoreError> {
    let range = start.range(head(connection, log, doing).await?.frontier.size());
    let mut search = Search { connection, log, filter, doing };
    let mut rows: Vec<Row> = Vec::new();
    for (statement, range) in steps(filter, start, range) {
        let left = limit.saturating_sub(u32::try_from(rows.len()).unwrap_or(limit));
        if left > 0 && !range.is_empty() {
            rows.extend(search.run(statement, range, left).await?);
        }
    }
    let is_in_order = match start {
        Start::Before(_) => rows.is_sorted_by(|one, next| one.index > next.index),
        Start::At(_) => rows.is_sorted_by(|one, next| one.index < next.index),
    };
    match is_in_order {
        true => Ok(rows),
        // Whoever goes on behind the last one would pass over others.
        false => {
            Err(doing.damaged("a page is not in order, as an index is not: run `audit verify`"))
        }
    }
}

/// What a search does, one behind the other, until it has enough, and over which range each goes.
pub(super) fn steps(
    filter: &Filter,
    start: Start,
    range: Range<u64>,
) -> Vec<(&'static str, Range<u64>)> {
    let along = match SearchPath::of(filter) {
        SearchPath::Event => BY_EVENT,
        SearchPath::Address => BY_ADDRESS,
        SearchPath::Resource | SearchPath::Actor | SearchPath::Terms | SearchPath::Action => {
            BY_TERMS
        }
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
        let query = sqlx::query(statement);
        let query = query.bind(self.log.0).bind(integer(range.end));
        let query = query.bind(integer(range.end / SEGMENT_SIZE));
        let query = query.bind(filter.actor.as_deref()).bind(filter.action.as_deref());
        let query = query.bind(filter.resource_type.as_deref()).bind(filter.resource_id.as_deref());
        let query = query.bind(list(&filter.terms));
        let query = query.bind(filter.since.map(micros_from)).bind(filter.until.map(micros_from));
        let query = query.bind(i64::from(limit)).bind(integer(range.start));
        let query = query.bind(filter.ip.as_ref().map(|range| range.start().as_slice()));
        let query = query.bind(filter.ip.as_ref().map(|range| range.end().as_slice()));
        let query = query.bind(filter.event_id.map(|id| id.as_bytes().to_vec()));
        let keys = filter.keys();
        let only = keys.first().filter(|_| keys.len() == 1);
        let query = query.bind(list(&keys)).bind(only.map(|key| key.as_bytes().to_vec()));
        let query = query.map(|stored| row(&stored));
        let rows = query.fetch_all(&mut *self.connection).await;
        all_readable(rows.map_err(|error| self.doing.failed(error))?, self.doing)
    }
}

/// Terms as a statement takes them; nothing for none.
fn list(terms: &BTreeSet<Term>) -> Option<String> {
    let terms: Vec<_> = terms.iter().map(|term| hex::encode(term.as_bytes())).collect();
    (!terms.is_empty()).then(|| format!("[\"{}\"]", terms.join("\",\"")))
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
