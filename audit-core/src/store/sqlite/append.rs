//! The one way in: an append, in one transaction.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use sqlx::Connection as _;
use sqlx::sqlite::SqliteConnection;
use uuid::Uuid;

use super::insert::{self, Insert, Inserts};
use super::{LOCK, read, terms};
use crate::event::{EncodedEvent, Term};
use crate::merkle::{Hash, TILE_WIDTH, Tile, TileId};
use crate::store::doing::Doing;
use crate::store::{
    Appended, Extension, Head, Leaf, LogId, NewEntry, SEGMENT_SIZE, Segment, StoreError,
    StoreErrorKind,
};

const ENTRIES: Inserts = Inserts {
    into: "INSERT INTO audit_entry (log_id, idx, seg, event_id, canon, leaf, recorded_at, occurred_at, action, \
           actor, resource_type, resource_id, terms, openings, ip)",
    row: "(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
};

/// Only what lies beyond the head can be in the way, where somebody wrote it.
const TILES: Inserts = Inserts {
    into: "INSERT OR REPLACE INTO audit_tile (log_id, level, n, root, data)",
    row: "(?,?,?,?,?)",
};

/// The ids come as a JSON array of hexadecimal texts, so that one prepared statement does for any batch.
pub(super) const KNOWN: &str = "SELECT event_id, idx, leaf FROM audit_entry \
     WHERE log_id = ? AND event_id IN (SELECT unhex(value) FROM json_each(?))";

const LEAVES: &str =
    "SELECT leaf FROM audit_entry WHERE log_id = ? AND idx >= ? AND idx < ? ORDER BY idx";

const WIDEN: &str = "UPDATE audit_segment SET earliest = min(earliest, ?), latest = max(latest, ?) \
     WHERE log_id = ? AND seg = ?";

const BEGIN_SEGMENT: &str =
    "INSERT INTO audit_segment (earliest, latest, log_id, seg) VALUES (?, ?, ?, ?)";

const ADVANCE: &str =
    "UPDATE audit_log SET size = ?, root = ?, frontier = ?, recorded_at = ? WHERE log_id = ?";

/// The keys come as a JSON array.
const TAKE_OUT: &str = "DELETE FROM audit_outbox WHERE id IN (SELECT value FROM json_each(?))";

const SET_ASIDE: &str = "INSERT INTO audit_rejected (log_id, event_id, canon, openings, reason, at) VALUES (?, ?, ?, ?, ?, ?)";

const REJECT: &str = "INSERT INTO audit_rejected (log_id, event_id, canon, openings, reason, at) \
     SELECT log_id, event_id, canon, openings, ?, ? FROM audit_outbox WHERE log_id = ? AND id = ?";

const BEGIN_LOG: &str = "INSERT INTO audit_log (log_id, origin, class, size, root, frontier, min_index, state) \
     VALUES (?, ?, ?, 0, ?, ?, 0, 'open')";

/// Begins a log, unless another process has done so meanwhile.
pub(super) async fn begin_log(
    connection: &mut SqliteConnection,
    origin: &str,
    class: &str,
    doing: &Doing,
) -> Result<LogId, StoreError> {
    let mut transaction = connection.begin_with(LOCK).await.map_err(|error| doing.failed(error))?;
    let log = LogId::of(origin);
    if read::find_log(&mut transaction, log, origin, class, doing).await? {
        return Ok(log);
    }
    let Head { frontier, root, .. } = Head::empty();
    let insert = sqlx::query(BEGIN_LOG).bind(log.0).bind(origin).bind(class);
    let insert = insert.bind(root.as_bytes().to_vec()).bind(frontier.to_bytes());
    insert.execute(&mut *transaction).await.map_err(|error| doing.rejected(error))?;
    transaction.commit().await.map_err(|error| doing.failed(error))?;
    Ok(log)
}

/// Appends a batch: all of it, or nothing of it where this fails or is dropped.
///
/// That an id is in the log already is rare, and its index refuses it: only then all are looked up.
pub(super) async fn append(
    connection: &mut SqliteConnection,
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
    connection: &mut SqliteConnection,
    log: LogId,
    batch: &[Leaf],
    ids: Ids,
    now: DateTime<Utc>,
    doing: &Doing,
) -> Result<Appended, StoreError> {
    // The lock is taken at once: a transaction that reads first and wants to write later is refused
    // whenever somebody else has written in between, without any waiting.
    let mut transaction = connection.begin_with(LOCK).await.map_err(|error| doing.failed(error))?;
    let head = read::clean_head(&mut transaction, log, doing).await?;
    let known = match ids {
        Ids::New => BTreeMap::new(),
        Ids::Any => known(&mut transaction, log, batch, doing).await?,
    };
    let extension = Extension::of(head, batch, known, now).map_err(|error| doing.because(error))?;
    if extension.entries.is_empty() && extension.moved.is_empty() {
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
    connection: &mut SqliteConnection,
    log: LogId,
    event: &EncodedEvent,
    reason: &str,
    now: DateTime<Utc>,
    doing: &Doing,
) -> Result<(), StoreError> {
    let insert =
        sqlx::query(SET_ASIDE).bind(log.0).bind(event.id.as_bytes().to_vec()).bind(&event.canon);
    let insert = insert.bind(event.openings.as_deref()).bind(reason).bind(now.timestamp_micros());
    let done = insert.execute(connection).await.map_err(|error| doing.rejected(error))?;
    match done.rows_affected() {
        1 => Ok(()),
        _ => Err(doing.damaged("the row fell without a word")),
    }
}

/// Sets a row of the outbox aside; says whether it was there.
pub(super) async fn reject(
    connection: &mut SqliteConnection,
    log: LogId,
    key: i64,
    reason: &str,
    now: DateTime<Utc>,
    doing: &Doing,
) -> Result<bool, StoreError> {
    let mut transaction = connection.begin_with(LOCK).await.map_err(|error| doing.failed(error))?;
    let reject = sqlx::query(REJECT).bind(reason).bind(now.timestamp_micros());
    let done = reject.bind(log.0).bind(key).execute(&mut *transaction).await;
    let done = done.map_err(|error| doing.rejected(error))?;
    if done.rows_affected() != take_out(&mut transaction, &[(log, key)], doing).await? {
        return Err(doing.damaged("the row fell without a word"));
    }
    transaction.commit().await.map_err(|error| doing.failed(error))?;
    Ok(done.rows_affected() > 0)
}

/// Removes what is in the log now, or set aside, from the outbox; says how much of it was there.
async fn take_out(
    connection: &mut SqliteConnection,
    rows: &[(LogId, i64)],
    doing: &Doing,
) -> Result<u64, StoreError> {
    if rows.is_empty() {
        return Ok(0);
    }
    let keys: Vec<_> = rows.iter().map(|(_, key)| key.to_string()).collect();
    let delete = sqlx::query(TAKE_OUT).bind(format!("[{}]", keys.join(",")));
    let done = delete.execute(connection).await.map_err(|error| doing.failed(error))?;
    Ok(done.rows_affected())
}

/// Which ids of a batch stand in the log already, where, and with what leaf hash.
async fn known(
    connection: &mut SqliteConnection,
    log: LogId,
    batch: &[Leaf],
    doing: &Doing,
) -> Result<BTreeMap<Uuid, (u64, Hash)>, StoreError> {
    let ids: Vec<_> = batch.iter().map(|leaf| leaf.columns.event_id.simple().to_string()).collect();
    let query = sqlx::query(KNOWN).bind(log.0).bind(format!("[\"{}\"]", ids.join("\",\"")));
    let rows = query.fetch_all(connection).await.map_err(|error| doing.failed(error))?;
    let placed = rows.iter().map(|row| {
        let id = Uuid::from_slice(&read::field::<Vec<u8>>(row, 0)?).ok()?;
        Some((id, (read::index(row, 1)?, read::hash(row, 2)?)))
    });
    let placed: Option<_> = placed.collect();
    placed.ok_or_else(|| doing.damaged("the entry with the id of an event cannot be read"))
}

async fn insert_entries(
    connection: &mut SqliteConnection,
    log: LogId,
    extension: &Extension<'_>,
    doing: &Doing,
) -> Result<(), StoreError> {
    // The last index is the largest: if it fits, all do.
    let size = extension.head.frontier.size();
    i64::try_from(size).map_err(|_| doing.damaged("the log is full"))?;
    let recorded_at = extension.appended.recorded_at.timestamp_micros();
    let bind = |insert: Insert, entry: &NewEntry<'_>| {
        let (leaf, columns) = (entry.leaf, &entry.leaf.columns);
        let insert =
            insert.bind(log.0).bind(integer(entry.index)).bind(integer(entry.index / SEGMENT_SIZE));
        let insert =
            insert.bind(columns.event_id.as_bytes().to_vec()).bind(leaf.event.canon.clone());
        let insert = insert.bind(leaf.hash.as_bytes().to_vec()).bind(recorded_at);
        let insert =
            insert.bind(columns.occurred_at.timestamp_micros()).bind(columns.action.clone());
        let insert = insert.bind(columns.actor.clone()).bind(columns.resource_type.clone());
        let terms: Vec<u8> = columns.terms.iter().flat_map(Term::as_bytes).copied().collect();
        let insert = insert.bind(columns.resource_id.clone()).bind(terms);
        insert.bind(leaf.event.openings.clone()).bind(leaf.ip.map(Vec::from))
    };
    let inserted = insert::all(connection, &ENTRIES, &extension.entries, bind).await;
    inserted.map_err(|error| doing.rejected(error))?;
    terms::insert(connection, log, extension, doing).await
}

/// Writes the tiles that became full: of leaf hashes at level 0, of tile roots above.
async fn write_tiles(
    connection: &mut SqliteConnection,
    log: LogId,
    extension: &Extension<'_>,
    doing: &Doing,
) -> Result<(), StoreError> {
    for level in 0..=extension.tiles.last().map_or(0, |last| last.level) {
        let mut tiles = Vec::new();
        for &id in extension.tiles.iter().filter(|id| id.level == level) {
            tiles.push((id, tile(connection, log, id, extension, doing).await?));
        }
        // Level by level: a tile is made of those below it.
        insert_tiles(connection, log, &tiles, doing).await?;
    }
    Ok(())
}

pub(super) async fn insert_tiles(
    connection: &mut SqliteConnection,
    log: LogId,
    tiles: &[(TileId, Tile)],
    doing: &Doing,
) -> Result<(), StoreError> {
    let bind = |insert: Insert, (id, tile): &(TileId, Tile)| {
        let insert = insert.bind(log.0).bind(i64::from(id.level)).bind(integer(id.index));
        insert.bind(tile.root().as_bytes().to_vec()).bind(tile.to_bytes())
    };
    insert::all(connection, &TILES, tiles, bind).await.map_err(|error| doing.failed(error))
}

async fn tile(
    connection: &mut SqliteConnection,
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
    connection: &mut SqliteConnection,
    log: LogId,
    segment: &Segment,
    doing: &Doing,
) -> Result<(), StoreError> {
    // Not one upsert: the trigger that keeps a segment from being replaced would refuse it.
    for statement in [WIDEN, BEGIN_SEGMENT] {
        let (earliest, latest) =
            (segment.earliest.timestamp_micros(), segment.latest.timestamp_micros());
        let query = sqlx::query(statement)
            .bind(earliest)
            .bind(latest)
            .bind(log.0)
            .bind(integer(segment.number));
        let done = query.execute(&mut *connection).await.map_err(|error| doing.failed(error))?;
        if done.rows_affected() > 0 {
            return Ok(());
        }
    }
    Ok(())
}

async fn advance(
    connection: &mut SqliteConnection,
    log: LogId,
    head: &Head,
    doing: &Doing,
) -> Result<(), StoreError> {
    let update = sqlx::query(ADVANCE)
        .bind(integer(head.frontier.size()))
        .bind(head.root.as_bytes().to_vec());
    let update = update
        .bind(head.frontier.to_bytes())
        .bind(head.recorded_at.map(|at| at.timestamp_micros()));
    let done = update.bind(log.0).execute(connection).await.map_err(|error| doing.failed(error))?;
    if done.rows_affected() != 1 {
        return Err(doing.damaged("the head did not advance"));
    }
    Ok(())
}

/// An index as SQLite stores it. Sizes beyond 2^63 - 1 are refused before any entry is inserted.
pub(super) fn integer(index: u64) -> i64 {
    i64::try_from(index).unwrap_or(i64::MAX)
}
