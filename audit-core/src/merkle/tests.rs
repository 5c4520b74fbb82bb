//! Tests of the whole module, and what they share.
//!
//! `AUDIT_SOAK=1` runs full counts; `AUDIT_VECTORS` names the folder of vectors made elsewhere.

mod oracles;
mod proofs;
mod tampering;
mod tiles;
mod vectors;

use super::{Frontier, Hash, Tile, TileId, Tiles, leaf_hash, node_hash};

/// The entry that stands at an index in every log of these tests.
pub(super) fn entry(index: u64) -> String {
    format!("event {index}")
}

/// The leaf hashes of a log of this size.
pub(super) fn leaves(size: u64) -> Vec<Hash> {
    (0..size).map(|index| leaf_hash(entry(index).as_bytes())).collect()
}

/// All tiles over these leaves, the partial ones too.
pub(super) fn all_tiles(leaves: &[Hash]) -> Tiles {
    let mut tiles = Tiles::new();
    let mut row = leaves.to_vec();
    for level in 0.. {
        let mut above = Vec::new();
        for (index, hashes) in (0..).zip(row.chunks(256)) {
            let tile = Tile::new(hashes.to_vec()).unwrap();
            if hashes.len() == 256 {
                above.push(tile.root());
            }
            tiles.insert(TileId { level, index }, tile);
        }
        if above.is_empty() {
            break;
        }
        row = above;
    }
    tiles
}

/// The frontier after these leaves.
pub(super) fn grown(leaves: &[Hash]) -> Frontier {
    let mut frontier = Frontier::new();
    for leaf in leaves {
        frontier.push(*leaf).unwrap();
    }
    frontier
}

/// MTH, word for word from RFC 6962 section 2.1, so that nothing of ours decides what is right.
pub(super) fn root_by_definition(leaves: &[Hash]) -> Hash {
    match leaves.len() {
        0 => Hash::EMPTY_ROOT,
        1 => leaves[0],
        n => {
            let mut k = 1;
            while k * 2 < n {
                k *= 2;
            }
            node_hash(&root_by_definition(&leaves[..k]), &root_by_definition(&leaves[k..]))
        }
    }
}

/// Whether full counts are wanted.
pub(super) fn soak() -> bool {
    std::env::var_os("AUDIT_SOAK").is_some_and(|value| value == "1")
}
