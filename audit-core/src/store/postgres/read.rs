//! Reading: heads, rows, searches, tiles, segments, the outbox.

use chrono::{DateTime, Utc};
use sqlx::postgres::{PgConnection, PgRow};
use sqlx::{Decode, Postgres, Row as _, Type};
use uuid::Uuid;

use super::append::integer;
use super::moment::Moment;
use super::terms;
use crate::event::{Columns, EncodedEvent};
use crate::merkle::{Frontier, Hash, Tile, TileId};
use crate::store::doing::Doing;
use crate::store::{
    Fetched, Head, LogId, LogInfo, LogState, OutboxRow, Row, Segment, StoreError, in_place,
};

/// The head, and whether a row lies beyond its tree: the last one is asked for by its place in the index,
/// as `EXISTS` lets a server that takes many to lie there look through the whole table for the first.
macro_rules! head {
    ($lock:literal) => {
        concat!(
            "SELECT state, size, root, frontier, min_index, recorded_at, COALESCE((\
             SELECT e.idx >= l.size FROM audit.entry e WHERE e.log_id = l.log_id \
             ORDER BY e.idx DESC LIMIT 1), false) \
             FROM audit.log l WHERE log_id = $1",
            $lock
        )
    };
}

pub(super) const HEAD: &str = head!("");

const LOCKED_HEAD: &str = head!(" FOR UPDATE OF l");

const FIND_LOG: &str = "SELECT origin, class FROM audit.log WHERE log_id = $1";

/// All logs, by their heads, and by the entries of those whose head somebody removed: one step through
/// the index for each.
const LOGS: &str = "
    WITH RECURSIVE held AS (
        (SELECT log_id FROM audit.entry ORDER BY log_id LIMIT 1)
        UNION ALL
        SELECT (SELECT log_id FROM audit.entry WHERE log_id > held.log_id ORDER BY log_id LIMIT 1)
        FROM held WHERE held.log_id IS NOT NULL
    )
    SELECT log_id, origin COLLATE \"C\" AS origin FROM audit.log
    UNION ALL
    SELECT log_id, 'the log ' || log_id || ', which has no head'
    FROM held WHERE log_id NOT IN (SELECT log_id FROM audit.log)
    ORDER BY origin";

/// Spans logs: it is one queue.
const OUTBOX: &str = "SELECT id, log_id, origin, class, event_id, canon, openings FROM audit.outbox \
     WHERE id >= $1 ORDER BY id LIMIT $2";

const TILES: &str =
    "SELECT n, data FROM audit.tile WHERE log_id = $1 AND level = $2 AND n >= $3 AND n < $4";

const ROOTS: &str =
    "SELECT n, root FROM audit.tile WHERE log_id = $1 AND level = $2 AND n >= $3 AND n < $4";

const SEGMENTS: &str =
    "SELECT seg, earliest, latest FROM audit.segment WHERE log_id = $1 ORDER BY seg";

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
    "FROM audit.entry e WHERE e.log_id = $1 AND e.idx >= $2 ORDER BY e.idx LIMIT $3"
);

const LEAVES: &str = "SELECT idx, canon, leaf FROM audit.entry WHERE log_id = $1 AND idx >= $2 ORDER BY idx LIMIT $3";

const ENTRIES: &str = "SELECT idx, canon, leaf, recorded_at, openings FROM audit.entry \
     WHERE log_id = $1 AND idx >= $2 ORDER BY idx LIMIT $3";

/// What a signer may see.
const CANON: &str =
    "SELECT idx, canon FROM audit.entry WHERE log_id = $1 AND idx >= $2 ORDER BY idx LIMIT $3";

const UNREADABLE: &str = "the index of an entry cannot be read";

/// Whether the log of this id has been begun.
pub(super) async fn find_log(
    connection: &mut PgConnection,
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
    connection: &mut PgConnection,
    doing: &Doing,
) -> Result<Vec<LogInfo>, StoreError> {
    let rows =
        sqlx::query(LOGS).fetch_all(connection).await.map_err(|error| doing.failed(error))?;
    let infos =
        rows.iter().map(|row| Some(LogInfo { id: LogId(field(row, 0)?), origin: field(row, 1)? }));
    infos.collect::<Option<_>>().ok_or_else(|| doing.damaged("the name of a log cannot be read"))
}

pub(super) async fn head(
    connection: &mut PgConnection,
    log: LogId,
    doing: &Doing,
) -> Result<Head, StoreError> {
    Ok(end(connection, HEAD, log, doing).await?.0)
}

/// Locks the head to which something is to be appended: nothing may lie behind it.
pub(super) async fn locked_head(
    connection: &mut PgConnection,
    log: LogId,
    doing: &Doing,
) -> Result<Head, StoreError> {
    match end(connection, LOCKED_HEAD, log, doing).await? {
        (head, false) => Ok(head),
        (_, true) => Err(doing.damaged("a row lies beyond the end of the log, run `audit verify`")),
    }
}

async fn end(
    connection: &mut PgConnection,
    statement: &'static str,
    log: LogId,
    doing: &Doing,
) -> Result<(Head, bool), StoreError> {
    let row = sqlx::query(statement).bind(log.0).fetch_optional(connection).await;
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
            recorded_at: optional::<Moment>(&row, 5)?.map(|Moment(time)| time),
        };
        Some((head, field(&row, 6)?))
    };
    read().ok_or_else(|| doing.damaged("the head of the log cannot be read"))
}

pub(super) async fn outbox(
    connection: &mut PgConnection,
    from: i64,
    limit: u32,
    doing: &Doing,
) -> Result<Vec<OutboxRow>, StoreError> {
    let query = sqlx::query(OUTBOX).bind(from).bind(i64::from(limit));
    let rows = query.fetch_all(connection).await;
    let rows = rows.map_err(|error| doing.failed(error))?;
    let read = |row: &PgRow| {
        Some(OutboxRow {
            key: field(row, 0)?,
            log: LogId(field(row, 1)?),
            origin: field(row, 2)?,
            event: EncodedEvent {
                class: field(row, 3)?,
                id: field(row, 4)?,
                canon: field(row, 5)?,
                openings: optional(row, 6)?,
            },
        })
    };
    let rows = rows.iter().map(read).collect::<Option<_>>();
    rows.ok_or_else(|| doing.damaged("an event in the outbox cannot be read"))
}

pub(super) async fn canon(
    connection: &mut PgConnection,
    log: LogId,
    from: u64,
    limit: u32,
    doing: &Doing,
) -> Result<Vec<(u64, Vec<u8>)>, StoreError> {
    let query = sqlx::query(CANON).bind(log.0).bind(integer(from)).bind(i64::from(limit));
    let rows = query.fetch_all(connection).await.map_err(|error| doing.failed(error))?;
    let read = |row| {
        let canon = field::<String>(row, 1).unwrap_or_default().into_bytes();
        Some((index(row, 0)?, canon))
    };
    let rows = rows.iter().map(read).collect::<Option<_>>();
    rows.ok_or_else(|| doing.damaged(UNREADABLE))
}

/// A row whose very index cannot be read is no row that could be named. It must not be passed over
/// either: a page that it fills would look like the last one.
pub(super) fn all_readable(rows: Vec<Option<Row>>, doing: &Doing) -> Result<Vec<Row>, StoreError> {
    let rows = rows.into_iter().collect::<Option<_>>();
    rows.ok_or_else(|| doing.damaged(UNREADABLE))
}

pub(super) async fn fetch(
    connection: &mut PgConnection,
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
        false => decoded(log, at, &stored),
    }))
}

pub(super) async fn entries(
    connection: &mut PgConnection,
    log: LogId,
    from: u64,
    limit: u32,
    doing: &Doing,
) -> Result<Vec<Row>, StoreError> {
    let Ok(from) = i64::try_from(from) else {
        return Ok(Vec::new());
    };
    let query = sqlx::query(ENTRIES).bind(log.0).bind(from).bind(i64::from(limit));
    let entry = |row: PgRow| {
        let leaf = leaf(index(&row, 0)?, &row);
        Some(Row { recorded_at: time(&row, 3), openings: field(&row, 4), ..leaf })
    };
    let rows = query.map(entry).fetch_all(connection).await.map_err(|error| doing.failed(error))?;
    all_readable(rows, doing)
}

pub(super) async fn tiles(
    connection: &mut PgConnection,
    log: LogId,
    first: TileId,
    count: u16,
    doing: &Doing,
) -> Result<Vec<Option<Tile>>, StoreError> {
    let end = first.index.saturating_add(count.into());
    let query = sqlx::query(TILES).bind(log.0).bind(i32::from(first.level));
    let query = query.bind(integer(first.index)).bind(integer(end));
    let rows = query.fetch_all(connection).await.map_err(|error| doing.failed(error))?;
    let tile = |row| Some((index(row, 0)?, Tile::from_bytes(field(row, 1)?).ok()?));
    let tiles: Option<_> = rows.iter().map(tile).collect();
    Ok(in_place(first, count, tiles.ok_or_else(|| doing.damaged("a tile cannot be read"))?))
}

pub(super) async fn roots(
    connection: &mut PgConnection,
    log: LogId,
    first: TileId,
    count: u16,
    doing: &Doing,
) -> Result<Vec<Option<Hash>>, StoreError> {
    let end = first.index.saturating_add(count.into());
    let query = sqlx::query(ROOTS).bind(log.0).bind(i32::from(first.level));
    let query = query.bind(integer(first.index)).bind(integer(end));
    let rows = query.fetch_all(connection).await.map_err(|error| doing.failed(error))?;
    let roots: Option<_> = rows.iter().map(|row| Some((index(row, 0)?, hash(row, 1)?))).collect();
    let roots = roots.ok_or_else(|| doing.damaged("the root of a tile cannot be read"))?;
    Ok(in_place(first, count, roots))
}

pub(super) async fn segments(
    connection: &mut PgConnection,
    log: LogId,
    doing: &Doing,
) -> Result<Vec<Segment>, StoreError> {
    let rows = sqlx::query(SEGMENTS).bind(log.0).fetch_all(connection).await;
    let rows = rows.map_err(|error| doing.failed(error))?;
    let segments = rows.iter().map(|row| {
        Some(Segment { number: number(row, 0)?, earliest: time(row, 1)?, latest: time(row, 2)? })
    });
    segments
        .collect::<Option<_>>()
        .ok_or_else(|| doing.damaged("the bounds of a segment cannot be read"))
}

/// The row at an index, canonical bytes and leaf hash in the next columns.
fn leaf(at: u64, row: &PgRow) -> Row {
    let canon = field::<String>(row, 1).unwrap_or_default().into_bytes();
    Row { leaf: hash(row, 2), ..Row::of(at, canon) }
}

pub(super) fn row(log: LogId, row: &PgRow) -> Option<Row> {
    Some(decoded(log, index(row, 0)?, row))
}

fn decoded(log: LogId, at: u64, row: &PgRow) -> Row {
    Row {
        index: at,
        segment: number(row, 1),
        recorded_at: time(row, 5),
        leaf: hash(row, 4),
        canon: field::<String>(row, 3).unwrap_or_default().into_bytes(),
        columns: columns(log, at, row),
        openings: field(row, 12),
        ip: field(row, 13),
    }
}

fn columns(log: LogId, at: u64, row: &PgRow) -> Option<Columns> {
    Some(Columns {
        event_id: field(row, 2)?,
        occurred_at: time(row, 6)?,
        action: field(row, 7)?,
        actor: optional(row, 8)?,
        resource_type: optional(row, 9)?,
        resource_id: optional(row, 10)?,
        terms: terms::read(log, at, &field::<Vec<Uuid>>(row, 11)?)?,
    })
}

pub(super) fn hash(row: &PgRow, column: usize) -> Option<Hash> {
    Hash::try_from(field::<&[u8]>(row, column)?).ok()
}

pub(super) fn index(row: &PgRow, column: usize) -> Option<u64> {
    u64::try_from(field::<i64>(row, column)?).ok()
}

pub(super) fn id(row: &PgRow, column: usize) -> Option<Uuid> {
    field(row, column)
}

pub(super) fn time(row: &PgRow, column: usize) -> Option<DateTime<Utc>> {
    field(row, column).map(|Moment(time)| time)
}

/// The number of a segment.
fn number(row: &PgRow, column: usize) -> Option<u64> {
    u64::try_from(field::<i32>(row, column)?).ok()
}

/// A value that must be there.
pub(super) fn field<'r, T: Decode<'r, Postgres> + Type<Postgres>>(
    row: &'r PgRow,
    column: usize,
) -> Option<T> {
    optional(row, column)?
}

/// A value that may be NULL; nothing where it is of another type.
fn optional<'r, T: Decode<'r, Postgres> + Type<Postgres>>(
    row: &'r PgRow,
    column: usize,
) -> Option<Option<T>> {
    row.try_get(column).ok()
}
