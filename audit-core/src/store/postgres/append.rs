//! The one way in: an append, in one transaction.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sqlx::Connection as _;
use sqlx::postgres::PgConnection;
use uuid::Uuid;

use super::{read, terms};
use crate::event::EncodedEvent;
use crate::merkle::{Hash, TILE_WIDTH, Tile, TileId};
use crate::store::doing::Doing;
use crate::store::{
    Appended, Extension, Head, Leaf, LogId, NewEntry, Segment, StoreError, StoreErrorKind,
};

/// Whatever the server's default is: each statement sees what was committed before it, so that after the
/// lock is taken all that the last holder wrote is seen.
pub(super) const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";

/// 32768 is [`SEGMENT_SIZE`](crate::store::SEGMENT_SIZE).
const ENTRIES: &str = "
    INSERT INTO audit.entry (log_id, recorded_at, idx, seg, event_id, canon, leaf, occurred_at, action,
        actor, resource_type, resource_id, terms, openings, ip)
    SELECT $1, $2, idx, idx / 32768, event_id, canon, leaf, occurred_at, action,
        actor, resource_type, resource_id, terms::uuid[], openings, ip
    FROM UNNEST($3::bigint[], $4::uuid[], $5::text[], $6::bytea[], $7::timestamptz[], $8::text[],
        $9::text[], $10::text[], $11::text[], $12::text[], $13::text[], $14::bytea[])
        AS t (idx, event_id, canon, leaf, occurred_at, action,
              actor, resource_type, resource_id, terms, openings, ip)";

const TILES: &str = "INSERT INTO audit.tile (log_id, level, n, root, data) \
     SELECT $1, level, n, root, data \
     FROM UNNEST($2::integer[], $3::bigint[], $4::bytea[], $5::bytea[]) AS t (level, n, root, data)";

/// One by one: with all ids in one condition, a plan that was made while the log was small reads all of it.
const KNOWN: &str = "SELECT e.event_id, e.idx, e.leaf FROM UNNEST($2::uuid[]) AS given (id) \
     CROSS JOIN LATERAL (SELECT event_id, idx, leaf FROM audit.entry \
     WHERE log_id = $1 AND event_id = given.id LIMIT 1) AS e";

const LEAVES: &str =
    "SELECT leaf FROM audit.entry WHERE log_id = $1 AND idx >= $2 AND idx < $3 ORDER BY idx";

const WIDEN: &str = "INSERT INTO audit.segment AS s (log_id, seg, earliest, latest) VALUES ($1, $2, $3, $4) \
     ON CONFLICT (log_id, seg) DO UPDATE SET earliest = LEAST(s.earliest, EXCLUDED.earliest), \
     latest = GREATEST(s.latest, EXCLUDED.latest)";

const ADVANCE: &str = "UPDATE audit.log SET size = $2, root = $3, frontier = $4, recorded_at = $5 \
     WHERE log_id = $1";

const TAKE_OUT: &str = "DELETE FROM audit.outbox AS o USING UNNEST($1::bigint[], $2::bigint[]) AS gone (log_id, id) \
     WHERE o.log_id = gone.log_id AND o.id = gone.id";

const SET_ASIDE: &str = "INSERT INTO audit.rejected (log_id, event_id, canon, openings, reason, at) \
     VALUES ($1, $2, $3, $4, $5, $6)";

const REJECT: &str = "WITH gone AS (DELETE FROM audit.outbox WHERE log_id = $1 AND id = $2 RETURNING *), \
     kept AS (INSERT INTO audit.rejected (log_id, event_id, canon, openings, reason, at) \
     SELECT log_id, event_id, canon, openings, $3, $4 FROM gone RETURNING 1) \
     SELECT (SELECT count(*) FROM gone), (SELECT count(*) FROM kept)";

const BEGIN_LOG: &str = "INSERT INTO audit.log (log_id, origin, class, size, root, frontier, min_index, state) \
     VALUES ($1, $2, $3, 0, $4, $5, 0, 'open') ON CONFLICT (log_id) DO NOTHING";

/// Begins a log, unless somebody else has done so meanwhile.
pub(super) async fn begin_log(
    connection: &mut PgConnection,
    origin: &str,
    class: &str,
    doing: &Doing,
) -> Result<LogId, StoreError> {
    let log = LogId::of(origin);
    let Head { frontier, root, .. } = Head::empty();
    let insert = sqlx::query(BEGIN_LOG).bind(log.0).bind(origin).bind(class);
    let insert = insert.bind(root.as_bytes().as_slice()).bind(frontier.to_bytes());
    insert.execute(&mut *connection).await.map_err(|error| doing.rejected(error))?;
    match read::find_log(connection, log, origin, class, doing).await? {
        true => Ok(log),
        false => Err(doing.damaged("the row fell without a word")),
    }
}

/// Appends a batch: all of it, or nothing of it where this fails or is dropped.
///
/// That an id is in the log already is rare, and its index refuses it: only then all are looked up.
pub(super) async fn append(
    connection: &mut PgConnection,
    log: LogId,
    batch: &[Leaf],
    now: DateTime<Utc>,
    doing: &Doing,
) -> Result<Appended, StoreError> {
    let expected = match batch.iter().any(|leaf| leaf.outbox.is_some()) {
        // Others may have moved the same.
        true => Ids::Any,
        false => Ids::New,
    };
    match attempt(connection, log, batch, expected, now, doing).await {
        Err(error) if error.kind() == StoreErrorKind::Rejected && expected == Ids::New => {
            attempt(connection, log, batch, Ids::Any, now, doing).await
        }
        done => done,
    }
}

/// What is taken for granted about the ids of a batch.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Ids {
    /// None is in the log.
    New,
    /// Nothing.
    Any,
}

async fn attempt(
    connection: &mut PgConnection,
    log: LogId,
    batch: &[Leaf],
    ids: Ids,
    now: DateTime<Utc>,
    doing: &Doing,
) -> Result<Appended, StoreError> {
    let mut transaction =
        connection.begin_with(BEGIN).await.map_err(|error| doing.failed(error))?;
    let head = read::locked_head(&mut transaction, log, doing).await?;
    let known = match ids {
        Ids::New => BTreeMap::new(),
        Ids::Any => known(&mut transaction, log, batch, doing).await?,
    };
    let extension = Extension::of(head, batch, known, now).map_err(|error| doing.because(error))?;
    if extension.entries.is_empty() && extension.moved.is_empty() {
        transaction.rollback().await.map_err(|error| doing.failed(error))?;
        return Ok(extension.appended);
    }
    take_out(&mut transaction, &extension.moved, doing).await?;
    if !extension.entries.is_empty() {
        insert_entries(&mut transaction, log, &extension, doing).await?;
        write_tiles(&mut transaction, log, &extension, doing).await?;
        for segment in &extension.segments {
            widen(&mut transaction, log, segment, doing).await?;
        }
        advance(&mut transaction, log, &extension.head, doing).await?;
    }
    transaction.commit().await.map_err(|error| doing.failed(error))?;
    Ok(extension.appended)
}

/// Keeps an event that the tables refused.
pub(super) async fn set_aside(
    connection: &mut PgConnection,
    log: LogId,
    event: &EncodedEvent,
    reason: &str,
    now: DateTime<Utc>,
    doing: &Doing,
) -> Result<(), StoreError> {
    let insert = sqlx::query(SET_ASIDE).bind(log.0).bind(event.id).bind(&event.canon);
    let insert = insert.bind(event.openings.as_deref()).bind(reason).bind(now);
    let done = insert.execute(connection).await.map_err(|error| doing.rejected(error))?;
    match done.rows_affected() {
        1 => Ok(()),
        _ => Err(doing.damaged("the row fell without a word")),
    }
}

/// Sets a row of the outbox aside; says whether it was there.
pub(super) async fn reject(
    connection: &mut PgConnection,
    log: LogId,
    key: i64,
    reason: &str,
    now: DateTime<Utc>,
    doing: &Doing,
) -> Result<bool, StoreError> {
    let mut transaction = connection.begin().await.map_err(|error| doing.failed(error))?;
    let reject = sqlx::query_as(REJECT).bind(log.0).bind(key).bind(reason).bind(now);
    let done = reject.fetch_one(&mut *transaction).await;
    let (gone, kept): (i64, i64) = done.map_err(|error| doing.rejected(error))?;
    if gone != kept {
        return Err(doing.damaged("the row fell without a word"));
    }
    transaction.commit().await.map_err(|error| doing.failed(error))?;
    Ok(kept > 0)
}

/// Removes what is in the log now from the outbox.
async fn take_out(
    connection: &mut PgConnection,
    rows: &[(LogId, i64)],
    doing: &Doing,
) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let (logs, keys): (Vec<_>, Vec<_>) = rows.iter().map(|(log, key)| (log.0, *key)).unzip();
    let delete = sqlx::query(TAKE_OUT).bind(logs).bind(keys);
    delete.execute(connection).await.map_err(|error| doing.failed(error))?;
    Ok(())
}

/// Which ids of a batch stand in the log already, where, and with what leaf hash.
async fn known(
    connection: &mut PgConnection,
    log: LogId,
    batch: &[Leaf],
    doing: &Doing,
) -> Result<BTreeMap<Uuid, (u64, Hash)>, StoreError> {
    let ids: Vec<_> = batch.iter().map(|leaf| leaf.columns.event_id).collect();
    let rows = sqlx::query(KNOWN).bind(log.0).bind(ids).fetch_all(connection).await;
    let rows = rows.map_err(|error| doing.failed(error))?;
    let placed = rows
        .iter()
        .map(|row| Some((read::id(row, 0)?, (read::index(row, 1)?, read::hash(row, 2)?))));
    let placed: Option<_> = placed.collect();
    placed.ok_or_else(|| doing.damaged("the entry with the id of an event cannot be read"))
}

async fn insert_entries(
    connection: &mut PgConnection,
    log: LogId,
    extension: &Extension<'_>,
    doing: &Doing,
) -> Result<(), StoreError> {
    // The last index is the largest: if it fits, all do.
    let size = extension.head.frontier.size();
    i64::try_from(size).map_err(|_| doing.damaged("the log is full"))?;
    let entries = &extension.entries;
    let column = Column(entries);
    // UNNEST takes no list of lists.
    let terms = entries.iter().map(|entry| terms::literal(log, entry)).collect::<Vec<_>>();
    let insert = sqlx::query(ENTRIES)
        .bind(log.0)
        .bind(extension.appended.recorded_at)
        .bind(entries.iter().map(|entry| integer(entry.index)).collect::<Vec<_>>())
        .bind(column.of(|leaf| leaf.columns.event_id))
        .bind(column.of(|leaf| leaf.event.canon.as_str()))
        .bind(column.of(|leaf| leaf.hash.as_bytes().as_slice()))
        .bind(column.of(|leaf| leaf.columns.occurred_at))
        .bind(column.of(|leaf| leaf.columns.action.as_str()))
        .bind(column.of(|leaf| leaf.columns.actor.as_deref()))
        .bind(column.of(|leaf| leaf.columns.resource_type.as_deref()))
        .bind(column.of(|leaf| leaf.columns.resource_id.as_deref()))
        .bind(terms)
        .bind(column.of(|leaf| leaf.event.openings.as_deref()))
        .bind(column.of(|leaf| leaf.ip.as_ref().map(<[u8; 16]>::as_slice)));
    let done = insert.execute(connection).await.map_err(|error| doing.rejected(error))?;
    // A trigger or a rule of somebody else's can let a row fall without a word.
    if usize::try_from(done.rows_affected()) != Ok(entries.len()) {
        return Err(doing.damaged("an entry fell without a word"));
    }
    Ok(())
}

/// What UNNEST takes: one list for each column.
struct Column<'a>(&'a [NewEntry<'a>]);

impl<'a> Column<'a> {
    fn of<T>(&self, value: impl Fn(&'a Leaf) -> T) -> Vec<T> {
        self.0.iter().map(|entry| value(entry.leaf)).collect()
    }
}

/// Writes the tiles that became full: of leaf hashes at level 0, of tile roots above.
async fn write_tiles(
    connection: &mut PgConnection,
    log: LogId,
    extension: &Extension<'_>,
    doing: &Doing,
) -> Result<(), StoreError> {
    // Level by level: a tile is made of those below it.
    for level in 0..=extension.tiles.last().map_or(0, |last| last.level) {
        let mut tiles = Vec::new();
        for &id in extension.tiles.iter().filter(|id| id.level == level) {
            tiles.push((id, tile(connection, log, id, extension, doing).await?));
        }
        if !tiles.is_empty() {
            insert_tiles(connection, log, &tiles, doing).await?;
        }
    }
    Ok(())
}

pub(super) async fn insert_tiles(
    connection: &mut PgConnection,
    log: LogId,
    tiles: &[(TileId, Tile)],
    doing: &Doing,
) -> Result<(), StoreError> {
    let levels: Vec<_> = tiles.iter().map(|(id, _)| i32::from(id.level)).collect();
    let numbers: Vec<_> = tiles.iter().map(|(id, _)| integer(id.index)).collect();
    let roots: Vec<_> = tiles.iter().map(|(_, tile)| *tile.root().as_bytes()).collect();
    let data: Vec<_> = tiles.iter().map(|(_, tile)| tile.to_bytes()).collect();
    let insert = sqlx::query(TILES).bind(log.0).bind(levels).bind(numbers);
    let done = insert.bind(roots).bind(data).execute(connection).await;
    let done = done.map_err(|error| doing.failed(error))?;
    if usize::try_from(done.rows_affected()) != Ok(tiles.len()) {
        return Err(doing.damaged("a tile fell without a word"));
    }
    Ok(())
}

async fn tile(
    connection: &mut PgConnection,
    log: LogId,
    id: TileId,
    extension: &Extension<'_>,
    doing: &Doing,
) -> Result<Tile, StoreError> {
    let (from, to) = (id.index * TILE_WIDTH, (id.index + 1) * TILE_WIDTH);
    let hashes: Option<Vec<Hash>> = match (extension.leaves_of(id), id.level.checked_sub(1)) {
        (Some(own), _) => Some(own),
        (None, None) => {
            let query = sqlx::query(LEAVES).bind(log.0).bind(integer(from)).bind(integer(to));
            let rows = query.fetch_all(connection).await.map_err(|error| doing.failed(error))?;
            rows.iter().map(|row| read::hash(row, 0)).collect()
        }
        (None, Some(level)) => {
            let first = TileId { level, index: from };
            read::roots(connection, log, first, 256, doing).await?.into_iter().collect()
        }
    };
    let tile = hashes.and_then(Extension::full_tile);
    tile.ok_or_else(|| doing.damaged("hashes below a full tile are missing, run `audit verify`"))
}

async fn widen(
    connection: &mut PgConnection,
    log: LogId,
    segment: &Segment,
    doing: &Doing,
) -> Result<(), StoreError> {
    let number = i32::try_from(segment.number).map_err(|_| doing.damaged("the log is full"))?;
    let widen = sqlx::query(WIDEN).bind(log.0).bind(number);
    let widen = widen.bind(segment.earliest).bind(segment.latest);
    let done = widen.execute(connection).await.map_err(|error| doing.failed(error))?;
    match done.rows_affected() {
        1 => Ok(()),
        _ => Err(doing.damaged("the bounds of a segment fell without a word")),
    }
}

async fn advance(
    connection: &mut PgConnection,
    log: LogId,
    head: &Head,
    doing: &Doing,
) -> Result<(), StoreError> {
    let update = sqlx::query(ADVANCE).bind(log.0).bind(integer(head.frontier.size()));
    let update = update.bind(head.root.as_bytes().as_slice()).bind(head.frontier.to_bytes());
    let done = update.bind(head.recorded_at).execute(connection).await;
    match done.map_err(|error| doing.failed(error))?.rows_affected() {
        1 => Ok(()),
        _ => Err(doing.damaged("the head did not advance")),
    }
}

/// An index as the database stores it. Sizes beyond 2^63 - 1 are refused before any entry is inserted.
pub(super) fn integer(index: u64) -> i64 {
    i64::try_from(index).unwrap_or(i64::MAX)
}
