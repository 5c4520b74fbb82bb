//! Where checkpoints were brought.

use sqlx::sqlite::{SqliteConnection, SqliteRow};

use super::append::integer;
use super::read::{field, hash, index, time};
use crate::store::doing::Doing;
use crate::store::{Anchor, LogId, StoreError};

const KEEP: &str =
    "INSERT INTO audit_anchor (log_id, place, size, root, at) VALUES (?, ?, ?, ?, ?)";

/// The last of each place.
const LAST: &str = "SELECT place, size, root, at FROM audit_anchor a WHERE log_id = ? AND id = \
     (SELECT max(id) FROM audit_anchor WHERE log_id = a.log_id AND place = a.place) ORDER BY place";

pub(super) async fn keep(
    connection: &mut SqliteConnection,
    log: LogId,
    anchor: &Anchor,
    doing: &Doing,
) -> Result<(), StoreError> {
    let insert = sqlx::query(KEEP).bind(log.0).bind(&anchor.place).bind(integer(anchor.size));
    let insert = insert.bind(anchor.root.as_bytes().to_vec()).bind(anchor.at.timestamp_micros());
    insert.execute(connection).await.map_err(|error| doing.rejected(error))?;
    Ok(())
}

/// By place.
pub(super) async fn last(
    connection: &mut SqliteConnection,
    log: LogId,
    doing: &Doing,
) -> Result<Vec<Anchor>, StoreError> {
    let rows = sqlx::query(LAST).bind(log.0).fetch_all(connection).await;
    let rows = rows.map_err(|error| doing.failed(error))?;
    let read = |row: &SqliteRow| {
        let (place, size) = (field(row, 0)?, index(row, 1)?);
        Some(Anchor { place, size, root: hash(row, 2)?, at: time(row, 3)? })
    };
    let anchors = rows.iter().map(read).collect::<Option<_>>();
    anchors.ok_or_else(|| doing.damaged("where checkpoints were brought cannot be read"))
}
