//! What was signed, kept beside the log.

use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::append::integer;
use super::read::{field, hash, index, time};
use crate::store::doing::Doing;
use crate::store::{LogId, SignedCheckpoint, StoreError};

/// The last note of a size.
const AT: &str = "SELECT size, root, note, signed_at FROM audit_checkpoint \
     WHERE log_id = ? AND size = ? ORDER BY id DESC LIMIT 1";

/// The last note of each size.
const FROM: &str = "SELECT size, root, note, signed_at FROM audit_checkpoint c \
     WHERE log_id = ?1 AND size >= ?2 AND id = (SELECT max(id) FROM audit_checkpoint \
     WHERE log_id = ?1 AND size = c.size) ORDER BY size LIMIT ?3";

const LATEST: &str = "SELECT size, root, note, signed_at FROM audit_checkpoint \
     WHERE log_id = ? ORDER BY size DESC, id DESC LIMIT 1";

const KEEP: &str =
    "INSERT INTO audit_checkpoint (log_id, size, root, note, signed_at) VALUES (?, ?, ?, ?, ?)";

/// Two that come at once with the same are both kept, of which the last one counts.
pub(super) async fn keep(
    connection: &mut SqliteConnection,
    log: LogId,
    checkpoint: &SignedCheckpoint,
    doing: &Doing,
) -> Result<(), StoreError> {
    let at = sqlx::query(AT).bind(log.0).bind(integer(checkpoint.size));
    let there = at.fetch_all(&mut *connection).await.map_err(|error| doing.failed(error))?;
    let there = all(&there, doing)?;
    let there = there.first().map(|there| (there.root, &*there.note));
    let added = checkpoint.added_to(there).map_err(|error| doing.because(error))?;
    let Some(checkpoint) = added else {
        return Ok(());
    };
    let insert = sqlx::query(KEEP).bind(log.0).bind(integer(checkpoint.size));
    let insert = insert.bind(checkpoint.root.as_bytes().to_vec()).bind(&checkpoint.note);
    let insert = insert.bind(checkpoint.signed_at.timestamp_micros());
    insert.execute(connection).await.map_err(|error| doing.rejected(error))?;
    Ok(())
}

/// By size.
pub(super) async fn from(
    connection: &mut SqliteConnection,
    log: LogId,
    size: u64,
    limit: u32,
    doing: &Doing,
) -> Result<Vec<SignedCheckpoint>, StoreError> {
    let Ok(size) = i64::try_from(size) else {
        return Ok(Vec::new());
    };
    let query = sqlx::query(FROM).bind(log.0).bind(size).bind(i64::from(limit));
    all(&query.fetch_all(connection).await.map_err(|error| doing.failed(error))?, doing)
}

pub(super) async fn latest(
    connection: &mut SqliteConnection,
    log: LogId,
    doing: &Doing,
) -> Result<Option<SignedCheckpoint>, StoreError> {
    let rows = sqlx::query(LATEST).bind(log.0).fetch_all(connection).await;
    Ok(all(&rows.map_err(|error| doing.failed(error))?, doing)?.pop())
}

fn all(rows: &[SqliteRow], doing: &Doing) -> Result<Vec<SignedCheckpoint>, StoreError> {
    let read = |row| {
        Some(SignedCheckpoint {
            size: index(row, 0)?,
            root: hash(row, 1)?,
            note: field(row, 2)?,
            signed_at: time(row, 3)?,
        })
    };
    let checkpoints = rows.iter().map(read).collect::<Option<_>>();
    checkpoints.ok_or_else(|| doing.damaged("a checkpoint that was kept cannot be read"))
}
