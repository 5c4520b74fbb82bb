//! The table of terms: along it a search goes, so that what it lacks hides an entry. It is written with each append, and compared with
//! the rows by a verification.

use std::collections::{BTreeMap, BTreeSet};
use std::iter;
use std::ops::Range;

use sqlx::sqlite::SqliteConnection;

use super::append::integer;
use super::read;
use crate::event::{Columns, Term};
use crate::merkle::TILE_WIDTH;
use crate::store::doing::Doing;
use crate::store::{Extension, LogId, SEGMENT_SIZE, StoreError, TermSum};

/// Entries that one row can stand for: the first, and one for each bit of a positive number.
const REACH: u64 = 64;

/// Takes rows apart that come in one blob: a term, how far behind the first new index its first entry stands, and the bits of the
/// others, in digits. Bound one by one, or taken out of the entries again, they take twice as long. A row that is there already, as somebody
/// wrote it beyond the log's end, is the same.
const INSERT: &str = "
    WITH RECURSIVE place(n) AS (SELECT 1 UNION ALL SELECT n + 41 FROM place WHERE n + 41 < length(?3))
    INSERT OR REPLACE INTO audit_term (log_id, seg, term, idx, others)
    SELECT ?1, (?2 + CAST(substr(?3, n + 12, 10) AS INTEGER)) / ?4, substr(?3, n, 12),
        ?2 + CAST(substr(?3, n + 12, 10) AS INTEGER), CAST(substr(?3, n + 22, 19) AS INTEGER)
    FROM place";

/// Terms that are read at once, about.
const SLICE: u64 = 16_384;

/// Rows as one value, in their order: each by itself would take longer to hand over than to find. All terms of a slice are as long as one another,
/// and what follows are numbers or a question mark, so that what is between two commas is a row. It goes along what a search goes along.
const LISTED: &str = "SELECT CAST(group_concat(term || iif(typeof(idx) = 'integer' AND idx / ?5 = ?2 AND idx >= 0 \
     AND typeof(others) = 'integer' AND others >= 0, idx || '+' || others, '?')) AS BLOB) FROM (\
     SELECT term, idx, others FROM audit_term INDEXED BY sqlite_autoindex_audit_term_1 WHERE log_id = ?1 AND seg = ?2 AND term >= ?3 AND term < ?4 AND length(term) = 12 \
     ORDER BY term, idx, others)";

/// Entries that are read at once.
const CHUNK: u32 = 256;

/// A row of the table: a term, the first entry that has it, and the bits of those behind.
struct Group<'a> {
    term: &'a Term,
    first: u64,
    others: u64,
}

/// Writes down where the terms of new entries stand.
pub(super) async fn insert(
    connection: &mut SqliteConnection,
    log: LogId,
    extension: &Extension<'_>,
    doing: &Doing,
) -> Result<(), StoreError> {
    let Some(first) = extension.entries.first().map(|entry| entry.index) else {
        return Ok(());
    };
    let entries = extension.entries.iter();
    let keys = entries.flat_map(|entry| entry.leaf.columns.keys().map(|key| (entry.index, key)));
    let mut places: Vec<_> = keys.collect();
    // In the order of their table, which takes them fastest so.
    places.sort_unstable_by_key(|&(index, term)| (index / SEGMENT_SIZE, term, index));
    places.dedup();
    let groups = grouped(&places);
    if groups.is_empty() {
        return Ok(());
    }
    let mut listed = Vec::with_capacity(groups.len() * 41);
    for Group { term, first: index, others } in &groups {
        listed.extend_from_slice(term.as_bytes());
        listed.extend_from_slice(format!("{:010}{others:019}", index - first).as_bytes());
    }
    let insert = sqlx::query(INSERT).bind(log.0).bind(integer(first)).bind(listed);
    let insert = insert.bind(integer(SEGMENT_SIZE));
    let done = insert.execute(connection).await.map_err(|error| doing.failed(error))?;
    if usize::try_from(done.rows_affected()) != Ok(groups.len()) {
        return Err(doing.damaged("a search term fell without a word"));
    }
    Ok(())
}

/// As few rows as will do for places that are sorted by segment, term and index.
fn grouped(places: &[(u64, Term)]) -> Vec<Group<'_>> {
    let mut groups: Vec<Group<'_>> = Vec::new();
    for (index, term) in places {
        match groups.last_mut() {
            Some(group)
                if group.term == term
                    && index - group.first < REACH
                    && index / TILE_WIDTH == group.first / TILE_WIDTH =>
            {
                group.others |= 1 << (index - group.first - 1);
            }
            _ => groups.push(Group { term, first: *index, others: 0 }),
        }
    }
    groups
}

/// The indices that a row stands for.
fn members(first: u64, others: u64) -> impl Iterator<Item = u64> {
    let some = |bits: u64| (bits != 0).then_some(bits);
    let others = iter::successors(some(others), move |bits| some(bits & (bits - 1)));
    let others = others.map(move |bits| first.saturating_add(1 + u64::from(bits.trailing_zeros())));
    iter::once(first).chain(others)
}

/// The entries in a range that the table does not list by just their terms, and those at which it is not as an append writes it.
pub(super) async fn unindexed(
    connection: &mut SqliteConnection,
    log: LogId,
    range: Range<u64>,
    terms: &TermSum,
    doing: &Doing,
) -> Result<Vec<u64>, StoreError> {
    if range.is_empty() {
        return Ok(Vec::new());
    }
    let mut sum = terms.anew();
    let add = |index, term| sum.add(index, term);
    let mut wrong = list(connection, log, &range, terms.count(), doing, add).await?;
    if wrong.is_empty() && sum.is_that_of(terms) {
        return Ok(Vec::new());
    }
    let mut listed = BTreeMap::<u64, TermSum>::new();
    let add = |index, term| listed.entry(index).or_insert_with(|| terms.anew()).add(index, term);
    list(connection, log, &range, terms.count(), doing, add).await?;
    let mut from = range.start;
    while from < range.end {
        let rows = read::fetch(&mut *connection, log, from, CHUNK, false, doing).await?;
        from = rows.indices().last().map_or(range.end, |last| last.saturating_add(1));
        for row in rows.filter(|row| range.contains(&row.index)) {
            let mut own = terms.anew();
            row.columns.iter().flat_map(Columns::keys).for_each(|term| own.add(row.index, term));
            let listed = listed.remove(&row.index).unwrap_or_else(|| terms.anew());
            wrong.extend((!listed.is_that_of(&own)).then_some(row.index));
        }
    }
    Ok(wrong.into_iter().collect())
}

/// Reads what the table says of a range within a segment, which is not empty, and reads all of the segment for it. Answers with the entries, or the nearest of the range, at which
/// a row is that no append writes: one that begins before the one before it ends, so that a search would come by them in another order, or that
/// goes beyond its tile, or, at the range's first, one that cannot be read.
async fn list(
    connection: &mut SqliteConnection,
    log: LogId,
    range: &Range<u64>,
    count: u64,
    doing: &Doing,
    mut add: impl FnMut(u64, Term),
) -> Result<BTreeSet<u64>, StoreError> {
    let mut wrong = BTreeSet::new();
    let in_segment = count.saturating_mul(SEGMENT_SIZE) / (range.end - range.start);
    for (from, below) in slices(in_segment) {
        let query = sqlx::query_scalar(LISTED).bind(log.0);
        let query = query.bind(integer(range.start / SEGMENT_SIZE)).bind(from).bind(below);
        let query = query.bind(integer(SEGMENT_SIZE));
        let slice = query.fetch_one(&mut *connection).await.map_err(|error| doing.failed(error))?;
        let slice: Option<Vec<u8>> = slice;
        let mut rest = slice.as_deref().unwrap_or_default();
        let mut before = None;
        while let Some((term, behind)) = rest.split_first_chunk() {
            let end = behind.iter().position(|byte| *byte == b',').unwrap_or(behind.len());
            let (place, behind) = behind.split_at_checked(end).unwrap_or_default();
            rest = behind.get(1..).unwrap_or_default();
            let Some((first, others)) = read_place(place) else {
                wrong.insert(range.start);
                continue;
            };
            for index in members(first, others) {
                let is_behind = before.is_none_or(|before| before < (*term, index));
                if !is_behind || index / TILE_WIDTH != first / TILE_WIDTH {
                    wrong.insert(index.clamp(range.start, range.end - 1));
                }
                before = Some((*term, index));
                if range.contains(&index) {
                    add(index, Term::from_bytes(*term));
                }
            }
        }
    }
    Ok(wrong)
}

fn read_place(place: &[u8]) -> Option<(u64, u64)> {
    let (first, others) = str::from_utf8(place).ok()?.split_once('+')?;
    Some((first.parse().ok()?, others.parse().ok()?))
}

/// Bounds that part so many terms about evenly, as they are hashes: from the first of a slice, below the second. Those of ids that were made
/// together may all be in one slice; an entry has two or three of these.
fn slices(count: u64) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> {
    let slices = (count / SLICE).clamp(1, 1 << 16);
    let bound = move |slice: u64| match u16::try_from((slice << 16) / slices) {
        Ok(bound) => bound.to_be_bytes().to_vec(),
        // Longer than a term, and so behind all of them.
        Err(_) => vec![0xff; Term::SIZE + 1],
    };
    (0..slices).map(move |slice| (bound(slice), bound(slice + 1)))
}
