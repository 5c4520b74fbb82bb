//! Everything that only reads: heads, rows, searches, tiles, segments.
//!
//! What stands in the tables may have been changed behind the library's back. A value of a row that is
//! not what it should be is missing in what is returned, so that verification can name it; it is not an
//! error here.

use chrono::{DateTime, Utc};
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{Decode, Row as _, Sqlite, Type};
use uuid::Uuid;

use super::append::integer;
use crate::event::{Columns, EncodedEvent, Term};
use crate::merkle::{Frontier, Hash, Tile, TileId};
use crate::store::doing::Doing;
use crate::store::{
    Fetched, Head, LogId, LogInfo, LogState, OutboxRow, Row, Segment, StoreError, in_place,
};

/// The head, and whether a row lies beyond its tree.
const HEAD: &str = "SELECT state, size, root, frontier, min_index, recorded_at, EXISTS \
     (SELECT 1 FROM audit_entry e WHERE e.log_id = audit_log.log_id AND e.idx >= audit_log.size) \
     FROM audit_log WHERE log_id = ?";

const UNREADABLE: &str = "the index of an entry cannot be read";

const FIND_LOG: &str = "SELECT origin, class FROM audit_log WHERE log_id = ?";

/// Logs by their heads, and by the entries of those whose head somebody removed: one step through the
/// index for each.
const LOGS: &str = "
    WITH RECURSIVE held(log_id) AS (
        SELECT min(log_id) FROM audit_entry
        UNION ALL
        SELECT (SELECT min(log_id) FROM audit_entry WHERE log_id > held.log_id)
        FROM held WHERE held.log_id IS NOT NULL
    )
    SELECT log_id, origin FROM audit_log
    UNION ALL
    SELECT log_id, 'the log ' || log_id || ', which has no head'
    FROM held WHERE log_id IS NOT NULL AND log_id NOT IN (SELECT log_id FROM audit_log)
    ORDER BY origin";

const OUTBOX: &str = "SELECT id, log_id, origin, class, event_id, canon, openings FROM audit_outbox \
     WHERE id >= ? ORDER BY id LIMIT ?";

const TILES: &str =
    "SELECT n, data FROM audit_tile WHERE log_id = ? AND level = ? AND n >= ? AND n < ?";

const ROOTS: &str =
    "SELECT n, root FROM audit_tile WHERE log_id = ? AND level = ? AND n >= ? AND n < ?";

const SEGMENTS: &str =
    "SELECT seg, earliest, latest FROM audit_segment WHERE log_id = ? ORDER BY seg";

/// The columns of a row, in the order in which [`row`] reads them.
macro_rules! select {
    () => {
        "SELECT e.idx, e.seg, e.event_id, e.canon, e.leaf, e.recorded_at, e.occurred_at, e.action, e.actor, \
         e.resource_type, e.resource_id, e.terms, e.openings, e.ip "
    };
}

pub(super) use select;

const ROWS: &str = concat!(
    select!(),
    "FROM audit_entry e WHERE e.log_id = ? AND e.idx >= ? ORDER BY e.idx LIMIT ?"
);

const LEAVES: &str =
    "SELECT idx, canon, leaf FROM audit_entry WHERE log_id = ? AND idx >= ? ORDER BY idx LIMIT ?";

const ENTRIES: &str = "SELECT idx, canon, leaf, recorded_at, openings FROM audit_entry \
     WHERE log_id = ? AND idx >= ? ORDER BY idx LIMIT ?";

/// Whether the log of this id has been begun.
pub(super) async fn find_log(
    connection: &mut SqliteConnection,
    log: LogId,
    origin: &str,
    class: &str,
    doing: &Doing,
) -> Result<bool, StoreError> {
    let found = sqlx::query_as(FIND_LOG).bind(log.0).fetch_optional(connection).await;
    let found: Option<(String, String)> = found.map_err(|error| doing.failed(error))?;
    log.is_of(origin, class, found.as_ref()).map_err(|error| doing.because(error))
}

pub(super) async fn logs(
    connection: &mut SqliteConnection,
    doing: &Doing,
) -> Result<Vec<LogInfo>, StoreError> {
    let rows =
        sqlx::query(LOGS).fetch_all(connection).await.map_err(|error| doing.failed(error))?;
    let infos =
        rows.iter().map(|row| Some(LogInfo { id: LogId(field(row, 0)?), origin: field(row, 1)? }));
    infos.collect::<Option<_>>().ok_or_else(|| doing.damaged("the name of a log cannot be read"))
}

pub(super) async fn head(
    connection: &mut SqliteConnection,
    log: LogId,
    doing: &Doing,
) -> Result<Head, StoreError> {
    Ok(end(connection, log, doing).await?.0)
}

/// The head to which something is to be appended: nothing may lie behind it.
pub(super) async fn clean_head(
    connection: &mut SqliteConnection,
    log: LogId,
    doing: &Doing,
) -> Result<Head, StoreError> {
    match end(connection, log, doing).await? {
        (head, false) => Ok(head),
        (_, true) => Err(doing.damaged("a row lies beyond the end of the log, run `audit verify`")),
    }
}

async fn end(
    connection: &mut SqliteConnection,
    log: LogId,
    doing: &Doing,
) -> Result<(Head, bool), StoreError> {
    let row = sqlx::query(HEAD).bind(log.0).fetch_optional(connection).await;
    let row = row.map_err(|error| doing.failed(error))?;
    let row = row.ok_or_else(|| doing.damaged("there is no such log"))?;
    let read = || {
        let state = match field::<String>(&row, 0)?.as_str() {
            "open" => LogState::Open,
            "frozen" => LogState::Frozen,
            "quarantined" => LogState::Quarantined,
            _ => return None,
        };
        let frontier: Vec<u8> = field(&row, 3)?;
        let head = Head {
            state,
            frontier: Frontier::from_bytes(index(&row, 1)?, &frontier).ok()?,
            root: hash(&row, 2)?,
            min_index: index(&row, 4)?,
            recorded_at: time(&row, 5),
        };
        Some((head, field::<i64>(&row, 6)? != 0))
    };
    read().ok_or_else(|| doing.damaged("the head of the log cannot be read"))
}

pub(super) async fn outbox(
    connection: &mut SqliteConnection,
    from: i64,
    limit: u32,
    doing: &Doing,
) -> Result<Vec<OutboxRow>, StoreError> {
    let query = sqlx::query(OUTBOX).bind(from).bind(i64::from(limit));
    let rows = query.fetch_all(connection).await;
    let rows = rows.map_err(|error| doing.failed(error))?;
    let read = |row: &SqliteRow| {
        Some(OutboxRow {
            key: field(row, 0)?,
            log: LogId(field(row, 1)?),
            // What cannot be read is empty here, and fits to nothing.
            origin: field(row, 2).unwrap_or_default(),
            event: EncodedEvent {
                class: field(row, 3).unwrap_or_default(),
                id: field::<Vec<u8>>(row, 4)
                    .and_then(|id| Uuid::from_slice(&id).ok())
                    .unwrap_or_default(),
                canon: field(row, 5).unwrap_or_default(),
                openings: optional(row, 6).unwrap_or_default(),
            },
        })
    };
    let rows = rows.iter().map(read).collect::<Option<_>>();
    rows.ok_or_else(|| doing.damaged("the id of an event in the outbox cannot be read"))
}

/// A row whose very index cannot be read is no row that could be named. It must not be passed over
/// either: a page that it fills would look like the last one.
pub(super) fn all_readable(rows: Vec<Option<Row>>, doing: &Doing) -> Result<Vec<Row>, StoreError> {
    let rows = rows.into_iter().collect::<Option<_>>();
    rows.ok_or_else(|| doing.damaged(UNREADABLE))
}

pub(super) async fn fetch(
    connection: &mut SqliteConnection,
    log: LogId,
    from: u64,
    limit: u32,
    leaves_only: bool,
    doing: &Doing,
) -> Result<Fetched, StoreError> {
    let Ok(from) = i64::try_from(from) else {
        return Ok(Vec::new().into());
    };
    let query = sqlx::query(if leaves_only { LEAVES } else { ROWS });
    let query = query.bind(log.0).bind(from).bind(i64::from(limit));
    let rows = query.fetch_all(connection).await.map_err(|error| doing.failed(error))?;
    let indexed = rows.into_iter().map(|row| Some((index(&row, 0)?, row))).collect::<Option<_>>();
    let indexed = indexed.ok_or_else(|| doing.damaged(UNREADABLE))?;
    Ok(Fetched::new(indexed, move |at, stored| match leaves_only {
        true => leaf(at, &stored),
        false => decoded(at, &stored),
    }))
}

pub(super) async fn entries(
    connection: &mut SqliteConnection,
    log: LogId,
    from: u64,
    limit: u32,
    doing: &Doing,
) -> Result<Vec<Row>, StoreError> {
    let Ok(from) = i64::try_from(from) else {
        return Ok(Vec::new());
    };
    let query = sqlx::query(ENTRIES).bind(log.0).bind(from).bind(i64::from(limit));
    let entry = |row: SqliteRow| {
        let leaf = leaf(index(&row, 0)?, &row);
        Some(Row { recorded_at: time(&row, 3), openings: field(&row, 4), ..leaf })
    };
    let rows = query.map(entry).fetch_all(connection).await.map_err(|error| doing.failed(error))?;
    all_readable(rows, doing)
}

pub(super) async fn tiles(
    connection: &mut SqliteConnection,
    log: LogId,
    first: TileId,
    count: u16,
    doing: &Doing,
) -> Result<Vec<Option<Tile>>, StoreError> {
    let end = first.index.saturating_add(count.into());
    let query = sqlx::query(TILES).bind(log.0).bind(i64::from(first.level));
    let query = query.bind(integer(first.index)).bind(integer(end));
    let rows = query.fetch_all(connection).await.map_err(|error| doing.failed(error))?;
    let tile = |row| Some((index(row, 0)?, Tile::from_bytes(field(row, 1)?).ok()?));
    let tiles: Option<_> = rows.iter().map(tile).collect();
    Ok(in_place(first, count, tiles.ok_or_else(|| doing.damaged("a tile cannot be read"))?))
}

pub(super) async fn roots(
    connection: &mut SqliteConnection,
    log: LogId,
    first: TileId,
    count: u16,
    doing: &Doing,
) -> Result<Vec<Option<Hash>>, StoreError> {
    let end = first.index.saturating_add(count.into());
    let query = sqlx::query(ROOTS).bind(log.0).bind(i64::from(first.level));
    let query = query.bind(integer(first.index)).bind(integer(end));
    let rows = query.fetch_all(connection).await.map_err(|error| doing.failed(error))?;
    let roots: Option<_> = rows.iter().map(|row| Some((index(row, 0)?, hash(row, 1)?))).collect();
    let roots = roots.ok_or_else(|| doing.damaged("the root of a tile cannot be read"))?;
    Ok(in_place(first, count, roots))
}

pub(super) async fn segments(
    connection: &mut SqliteConnection,
    log: LogId,
    doing: &Doing,
) -> Result<Vec<Segment>, StoreError> {
    let rows = sqlx::query(SEGMENTS).bind(log.0).fetch_all(connection).await;
    let rows = rows.map_err(|error| doing.failed(error))?;
    let segments = rows.iter().map(|row| {
        Some(Segment { number: index(row, 0)?, earliest: time(row, 1)?, latest: time(row, 2)? })
    });
    segments
        .collect::<Option<_>>()
        .ok_or_else(|| doing.damaged("the bounds of a segment cannot be read"))
}

/// The row at an index, canonical bytes and leaf hash in the next columns.
fn leaf(at: u64, row: &SqliteRow) -> Row {
    Row { leaf: hash(row, 2), ..Row::of(at, field(row, 1).unwrap_or_default()) }
}

pub(super) fn row(row: &SqliteRow) -> Option<Row> {
    Some(decoded(index(row, 0)?, row))
}

fn decoded(at: u64, row: &SqliteRow) -> Row {
    Row {
        index: at,
        segment: index(row, 1),
        recorded_at: time(row, 5),
        leaf: hash(row, 4),
        canon: field(row, 3).unwrap_or_default(),
        columns: columns(row),
        openings: field(row, 12),
        ip: field(row, 13),
    }
}

fn columns(row: &SqliteRow) -> Option<Columns> {
    Some(Columns {
        event_id: Uuid::from_slice(field(row, 2)?).ok()?,
        occurred_at: time(row, 6)?,
        action: field(row, 7)?,
        actor: optional(row, 8)?,
        resource_type: optional(row, 9)?,
        resource_id: optional(row, 10)?,
        terms: terms(row)?,
    })
}

fn terms(row: &SqliteRow) -> Option<Vec<Term>> {
    let (terms, rest) = field::<&[u8]>(row, 11)?.as_chunks();
    rest.is_empty().then(|| terms.iter().copied().map(Term::from_bytes).collect())
}

pub(super) fn hash(row: &SqliteRow, column: usize) -> Option<Hash> {
    Hash::try_from(field::<&[u8]>(row, column)?).ok()
}

pub(super) fn index(row: &SqliteRow, column: usize) -> Option<u64> {
    u64::try_from(field::<i64>(row, column)?).ok()
}

pub(super) fn time(row: &SqliteRow, column: usize) -> Option<DateTime<Utc>> {
    DateTime::from_timestamp_micros(field(row, column)?)
}

/// A value that must be there.
pub(super) fn field<'r, T: Decode<'r, Sqlite> + Type<Sqlite>>(
    row: &'r SqliteRow,
    column: usize,
) -> Option<T> {
    optional(row, column)?
}

/// A value that may be NULL; nothing where it is of another type or no text.
pub(super) fn optional<'r, T: Decode<'r, Sqlite> + Type<Sqlite>>(
    row: &'r SqliteRow,
    column: usize,
) -> Option<Option<T>> {
    row.try_get(column).ok()
}
