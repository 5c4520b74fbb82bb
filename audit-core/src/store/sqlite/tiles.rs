//! Tiles that are made again.

use sqlx::Connection as _;
use sqlx::sqlite::SqliteConnection;

use super::LOCK;
use super::append::{insert_tiles, integer};
use crate::merkle::{Tile, TileId};
use crate::store::doing::Doing;
use crate::store::{LogId, StoreError};

/// Whoever may make and drop triggers owns the file. Nobody else sees the table without it, as all is done in one transaction.
const UNPROTECT: &str = "DROP TRIGGER IF EXISTS audit_tile_delete";

const DELETE: &str = "DELETE FROM audit_tile WHERE log_id = ? AND level = ? AND n = ?";

/// As it was made.
const PROTECT: &str = "CREATE TRIGGER audit_tile_delete BEFORE DELETE ON audit_tile
BEGIN
    SELECT RAISE(ABORT, 'audit_tile is append-only: tiles are not removed');
END";

pub(super) async fn replace(
    connection: &mut SqliteConnection,
    log: LogId,
    tiles: &[(TileId, Tile)],
    doing: &Doing,
) -> Result<(), StoreError> {
    let failed = |error| doing.failed(error);
    let mut transaction = connection.begin_with(LOCK).await.map_err(failed)?;
    sqlx::query(UNPROTECT).execute(&mut *transaction).await.map_err(failed)?;
    for (id, _) in tiles {
        let delete = sqlx::query(DELETE).bind(log.0).bind(i64::from(id.level));
        delete.bind(integer(id.index)).execute(&mut *transaction).await.map_err(failed)?;
    }
    sqlx::query(PROTECT).execute(&mut *transaction).await.map_err(failed)?;
    insert_tiles(&mut transaction, log, tiles, doing).await?;
    transaction.commit().await.map_err(failed)
}
