//! Tiles that are made again.

use sqlx::Connection as _;
use sqlx::postgres::PgConnection;

use super::append::{BEGIN, insert_tiles, integer};
use crate::merkle::{Tile, TileId};
use crate::store::doing::Doing;
use crate::store::{LogId, StoreError};

/// Only the owner of the table may. Nobody else sees the table without them, as all is done in one transaction, for which
/// appends wait that have tiles to write.
const UNPROTECT: &str = "ALTER TABLE audit.tile DISABLE TRIGGER tile_append_only, \
     DISABLE TRIGGER tile_append_only_rows";

const DELETE: &str = "DELETE FROM audit.tile AS t USING UNNEST($2::integer[], $3::bigint[]) AS wrong (level, n) \
     WHERE t.log_id = $1 AND t.level = wrong.level AND t.n = wrong.n";

const PROTECT: &str = "ALTER TABLE audit.tile ENABLE ALWAYS TRIGGER tile_append_only, \
     ENABLE ALWAYS TRIGGER tile_append_only_rows";

pub(super) async fn replace(
    connection: &mut PgConnection,
    log: LogId,
    tiles: &[(TileId, Tile)],
    doing: &Doing,
) -> Result<(), StoreError> {
    let failed = |error| doing.failed(error);
    let mut transaction = connection.begin_with(BEGIN).await.map_err(failed)?;
    sqlx::query(UNPROTECT).execute(&mut *transaction).await.map_err(failed)?;
    let levels: Vec<_> = tiles.iter().map(|(id, _)| i32::from(id.level)).collect();
    let numbers: Vec<_> = tiles.iter().map(|(id, _)| integer(id.index)).collect();
    let delete = sqlx::query(DELETE).bind(log.0).bind(levels).bind(numbers);
    delete.execute(&mut *transaction).await.map_err(failed)?;
    insert_tiles(&mut transaction, log, tiles, doing).await?;
    sqlx::query(PROTECT).execute(&mut *transaction).await.map_err(failed)?;
    transaction.commit().await.map_err(failed)
}
