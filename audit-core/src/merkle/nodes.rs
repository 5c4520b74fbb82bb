//! Where proofs read the nodes of the tree from.

use std::collections::BTreeMap;

use super::hash::Hash;
use super::tile::{TILE_WIDTH, Tile, TileId, root_of};

/// The perfect subtrees of a tree, by place.
///
/// Such a node never changes once its leaves are there, so an implementation may answer from any
/// later state of the log. [`Tiles`] is one; a database that keeps single nodes could be another.
pub trait Nodes {
    /// The root of the subtree of exactly 2^`level` leaves that is the `index`-th of this kind,
    /// counted from 0: it covers the leaves `index * 2^level` up to `(index + 1) * 2^level`,
    /// exclusive.
    ///
    /// `None` if it is not at hand. It MUST NOT answer for a subtree whose leaves are not all there.
    fn node(&self, level: u8, index: u64) -> Option<Hash>;
}

/// Tiles in memory, enough for one proof or for many.
///
/// Which ones a proof needs is said by [`inclusion_tiles`](super::inclusion_tiles) and
/// [`consistency_tiles`](super::consistency_tiles).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tiles(BTreeMap<TileId, Tile>);

impl Tiles {
    /// No tiles yet.
    #[must_use]
    pub const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Adds a full tile, or the partial one at the right edge, and gives back the one that stood
    /// in its place.
    pub fn insert(&mut self, id: TileId, tile: Tile) -> Option<Tile> {
        self.0.insert(id, tile)
    }

    /// The tile at this place, if it was added.
    #[must_use]
    pub fn get(&self, id: TileId) -> Option<&Tile> {
        self.0.get(&id)
    }
}

impl Nodes for Tiles {
    fn node(&self, level: u8, index: u64) -> Option<Hash> {
        let tile = self.get(TileId::of_node(level, index))?;
        // Nodes inside a tile are not stored: they stand `height` levels above its hashes.
        let height = level % 8;
        let first = usize::try_from((index << height) % TILE_WIDTH).ok()?;
        let under = tile.hashes().get(first..first + (1 << height))?;
        Some(root_of(under))
    }
}
