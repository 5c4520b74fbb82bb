//! The few tiles that a proof takes, read from a store.

use std::collections::BTreeSet;

use super::ProveError;
use crate::merkle::{Hash, TILE_WIDTH, Tile, TileId, Tiles};
use crate::store::{LogId, Store, StoreError};

/// Reads tiles of the tree of the first `size` entries of a log, each with one read or two.
pub(super) async fn read(
    store: &dyn Store,
    origin: &str,
    ids: BTreeSet<TileId>,
    size: u64,
) -> Result<Tiles, ProveError> {
    let mut tiles = Tiles::new();
    for id in ids {
        let tile = tile(store, LogId::of(origin), id, id.width(size)).await?;
        tiles.insert(id, tile.ok_or_else(|| ProveError::Damaged(origin.to_owned()))?);
    }
    Ok(tiles)
}

/// The first `width` hashes of a tile, or more: as it is stored where it is full, else from what is under it.
async fn tile(
    store: &dyn Store,
    log: LogId,
    id: TileId,
    width: u16,
) -> Result<Option<Tile>, StoreError> {
    let first = id.index * TILE_WIDTH;
    let hashes: Option<Vec<Hash>> = match id.level.checked_sub(1) {
        _ if u64::from(width) == TILE_WIDTH => return store.tile(log, id).await,
        Some(level) => roots(store, log, TileId { level, index: first }, width).await?,
        None => {
            // The log may have gone on since, and filled it.
            if let Some(tile) = store.tile(log, id).await? {
                return Ok(Some(tile));
            }
            let rows = store.read(log, first, width.into()).await?;
            let in_place = (first..).zip(rows).filter(|(index, row)| row.index == *index);
            in_place.map(|(_, row)| row.leaf).collect()
        }
    };
    let whole = hashes.filter(|hashes| hashes.len() == usize::from(width));
    Ok(whole.and_then(|hashes| Tile::new(hashes).ok()))
}

/// The roots of full tiles that stand beside each other. A store that keeps none has at least the tiles.
async fn roots(
    store: &dyn Store,
    log: LogId,
    first: TileId,
    count: u16,
) -> Result<Option<Vec<Hash>>, StoreError> {
    let mut roots = Vec::new();
    for (index, root) in (first.index..).zip(store.roots(log, first, count).await?) {
        roots.push(match root {
            Some(root) => Some(root),
            None => store.tile(log, TileId { index, ..first }).await?.map(|tile| tile.root()),
        });
    }
    Ok(roots.into_iter().collect())
}
