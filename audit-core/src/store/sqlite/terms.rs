//! Whether the table of terms has what the rows have: an index that lacks a term hides its entry from a search.

use std::ops::Range;

use sqlx::sqlite::SqliteConnection;

use super::append::integer;
use super::read::index;
use crate::event::Term;
use crate::store::doing::Doing;
use crate::store::{LogId, SEGMENT_SIZE, StoreError, TermSum};

/// Terms that are read at once, about.
const SLICE: u64 = 16_384;

/// Terms with the indices of their entries, as one value: a row for each would take longer to hand over than to find. All terms of a slice are as
/// long as one another and all indices are numbers, so that what is between two commas is a row.
const TERMS: &str = "SELECT CAST(group_concat(term || idx) AS BLOB) FROM audit_term \
     WHERE log_id = ? AND seg = ? AND term >= ? AND term < ? AND length(term) = 12 AND idx >= ? AND idx < ?";

/// Each term of each row is looked up.
const UNINDEXED: &str = "SELECT e.idx FROM audit_entry e WHERE e.log_id = ? AND e.idx >= ? AND e.idx < ? \
     AND EXISTS (WITH RECURSIVE place(n) AS (SELECT 1 UNION ALL SELECT n + 12 FROM place WHERE n + 12 < length(e.terms)) \
     SELECT 1 FROM place WHERE length(e.terms) > 0 AND NOT EXISTS (SELECT 1 FROM audit_term t \
     WHERE t.log_id = e.log_id AND t.seg = e.seg AND t.term = substr(e.terms, place.n, 12) AND t.idx = e.idx)) \
     ORDER BY e.idx";

/// The rows in a range that have a term which the table has not.
pub(super) async fn unindexed(
    connection: &mut SqliteConnection,
    log: LogId,
    range: Range<u64>,
    terms: &TermSum,
    doing: &Doing,
) -> Result<Vec<u64>, StoreError> {
    let segment = range.start / SEGMENT_SIZE;
    let bounds = (integer(range.start), integer(range.end));
    let mut found = Some(terms.anew());
    for (from, below) in slices(terms.count()) {
        let query = sqlx::query_scalar(TERMS).bind(log.0).bind(integer(segment));
        let query = query.bind(from).bind(below).bind(bounds.0).bind(bounds.1);
        let slice = query.fetch_one(&mut *connection).await.map_err(|error| doing.failed(error))?;
        let slice: Option<Vec<u8>> = slice;
        found = found.and_then(|found| added(found, &slice.unwrap_or_default()));
    }
    if found.is_some_and(|found| found.is_that_of(terms)) {
        return Ok(Vec::new());
    }
    let query = sqlx::query(UNINDEXED).bind(log.0).bind(bounds.0).bind(bounds.1);
    let rows = query.fetch_all(connection).await.map_err(|error| doing.failed(error))?;
    let rows = rows.iter().map(|row| index(row, 0)).collect::<Option<_>>();
    rows.ok_or_else(|| doing.damaged("the index of an entry cannot be read"))
}

/// Bounds that part so many terms about evenly, as they are hashes: from the first of a slice, below the second.
fn slices(count: u64) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> {
    let slices = (count / SLICE).clamp(1, 1 << 16);
    let bound = move |slice: u64| match u16::try_from((slice << 16) / slices) {
        Ok(bound) => bound.to_be_bytes().to_vec(),
        // Longer than a term, and so behind all of them.
        Err(_) => vec![0xff; Term::SIZE + 1],
    };
    (0..slices).map(move |slice| (bound(slice), bound(slice + 1)))
}

/// The sum with a slice of the table; nothing where that cannot be read, as where somebody has written it.
fn added(mut sum: TermSum, slice: &[u8]) -> Option<TermSum> {
    let mut rest = slice;
    while let Some((term, after)) = rest.split_first_chunk() {
        let end = after.iter().position(|byte| *byte == b',').unwrap_or(after.len());
        let (digits, after) = after.split_at_checked(end)?;
        sum.add(str::from_utf8(digits).ok()?.parse().ok()?, Term::from_bytes(*term));
        rest = after.get(1..).unwrap_or_default();
    }
    rest.is_empty().then_some(sum)
}
