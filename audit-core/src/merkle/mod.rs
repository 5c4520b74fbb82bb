//! The Merkle tree of the log: hashes, frontier, tiles, and proofs.
//!
//! The tree is that of RFC 6962 section 2.1 (RFC 9162 section 2.1) with SHA-256, stored in tiles of
//! 256 hashes as in [C2SP tlog-tiles](https://c2sp.org/tlog-tiles), so that tools made elsewhere can
//! check a log of ours. Everything here is arithmetic on hashes: no clock, no database, no I/O.
//!
//! | to | use | cost in a tree of n leaves |
//! |---|---|---|
//! | append | [`Frontier::push`] | one node hash on average, log2 n hashes of memory |
//! | store | [`completed`], [`Tile`] | one tile for every 256 leaves, and the levels above |
//! | prove | [`inclusion_proof`], [`consistency_proof`] | O(log n) nodes, from O(log n) tiles |
//! | go back | [`frontier_at`] | the same |
//! | check | [`verify_inclusion`], [`verify_consistency`] | O(log n) hashes, at most 64 steps |
//!
//! # What a proof does not say
//!
//! A proof speaks about a root *and* a size, and only a signed checkpoint binds these two. For some
//! pairs of sizes one proof fits both (leaf 0 in a tree of 5 to 8 leaves climbs the same path), so
//! size and root must always come from the same checkpoint.

mod hash;

mod frontier;
mod tile;

mod nodes;

mod proof;

#[cfg(test)]
#[expect(clippy::as_conversions, reason = "tests")]
mod tests;

pub use frontier::{Frontier, FrontierError};
pub use hash::{Hash, HashError, leaf_hash, node_hash};
pub use nodes::{Nodes, Tiles};
pub use proof::{
    ProofError, consistency_proof, consistency_tiles, frontier_at, frontier_tiles, inclusion_proof,
    inclusion_tiles, verify_consistency, verify_inclusion,
};
pub use tile::{TILE_WIDTH, Tile, TileError, TileId, completed};
