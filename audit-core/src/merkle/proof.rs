//! Inclusion and consistency proofs, made and checked, and the frontier that a tree once had.
//!
//! Both sides walk the same way down from the root and note each subtree that is left aside; such a
//! walk has at most 64 steps. The prover looks these subtrees up, the verifier joins them again.

use std::collections::BTreeSet;
use std::ops::Range;

use super::frontier::{Frontier, join, perfect};
use super::hash::{Hash, node_hash};
use super::nodes::Nodes;
use super::tile::TileId;

/// Proves that the leaf at `index` is in the tree of `size` leaves: the audit path of RFC 6962
/// section 2.1.1, from the leaf's sibling upwards. At most 64 hashes.
///
/// ```
/// use audit_core::merkle::{
///     Tile, TileId, Tiles, inclusion_proof, inclusion_tiles, leaf_hash, verify_inclusion,
/// };
///
/// let leaves = [b"a", b"b", b"c"].map(|entry| leaf_hash(entry));
/// let tile = Tile::new(leaves.to_vec())?;
/// let root = tile.root();
///
/// // The log: fetch the tiles that it takes, and make the proof.
/// let mut tiles = Tiles::new();
/// for id in inclusion_tiles(1, 3)? {
///     assert_eq!((id, id.width(3)), (TileId { level: 0, index: 0 }, 3));
///     tiles.insert(id, tile.clone());
/// }
/// let proof = inclusion_proof(&tiles, 1, 3)?;
/// assert_eq!(proof, [leaves[0], leaves[2]]);
///
/// // Whoever holds the entry and a checkpoint (size 3 and root):
/// verify_inclusion(leaf_hash(b"b"), 1, 3, &proof, root)?;
/// assert!(verify_inclusion(leaf_hash(b"changed"), 1, 3, &proof, root).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`ProofError::Outside`] if the tree has no such leaf, [`ProofError::Missing`] if `nodes` lacks
/// one.
pub fn inclusion_proof<N>(nodes: &N, index: u64, size: u64) -> Result<Vec<Hash>, ProofError>
where
    N: Nodes + ?Sized,
{
    hashes(nodes, inclusion_path(index, size)?)
}

/// Checks that `leaf` (a leaf hash) is at `index` in the tree of `size` leaves with this `root`
/// (RFC 9162 section 2.1.3.2). The root and the size must come from one checkpoint.
///
/// # Errors
///
/// [`ProofError::Outside`] if the tree has no such leaf, [`ProofError::Length`] if the proof has
/// too few or too many hashes, [`ProofError::Root`] if it leads to another root.
pub fn verify_inclusion(
    leaf: Hash,
    index: u64,
    size: u64,
    proof: &[Hash],
    root: Hash,
) -> Result<(), ProofError> {
    let path = inclusion_path(index, size)?;
    check_length(path.len(), proof.len())?;
    let computed = path.iter().zip(proof).fold(leaf, |node, (aside, hash)| {
        if aside.start > index { node_hash(&node, hash) } else { node_hash(hash, &node) }
    });
    check_root(size, root, computed)
}

/// Which tiles [`inclusion_proof`] reads. The right-edge ones are as wide as
/// [`TileId::width`] says for `size`, or wider.
///
/// # Errors
///
/// [`ProofError::Outside`] if the tree has no such leaf.
pub fn inclusion_tiles(index: u64, size: u64) -> Result<BTreeSet<TileId>, ProofError> {
    Ok(tiles(inclusion_path(index, size)?))
}

/// Proves that the tree of `to` leaves begins with that of `from` leaves: the consistency proof of
/// RFC 6962 section 2.1.2, lowest node first. At most 65 hashes, and none if the sizes are equal.
///
/// ```
/// use audit_core::merkle::{
///     Tile, TileId, Tiles, consistency_proof, leaf_hash, verify_consistency,
/// };
///
/// let mut leaves = vec![leaf_hash(b"a"), leaf_hash(b"b"), leaf_hash(b"c")];
/// let old = Tile::new(leaves.clone())?.root();
/// leaves.push(leaf_hash(b"d"));
/// let tile = Tile::new(leaves)?;
/// let new = tile.root();
///
/// let mut tiles = Tiles::new();
/// tiles.insert(TileId { level: 0, index: 0 }, tile);
/// let proof = consistency_proof(&tiles, 3, 4)?;
///
/// verify_consistency(3, 4, old, new, &proof)?;
/// assert!(verify_consistency(3, 4, leaf_hash(b"forged"), new, &proof).is_err());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`ProofError::Empty`] if `from` is 0, [`ProofError::Shrunk`] if `to` is less,
/// [`ProofError::Missing`] if `nodes` lacks a node.
pub fn consistency_proof<N>(nodes: &N, from: u64, to: u64) -> Result<Vec<Hash>, ProofError>
where
    N: Nodes + ?Sized,
{
    let (shared, path) = consistency_path(from, to)?;
    hashes(nodes, shared.into_iter().chain(path))
}

/// Checks that the tree of `to` leaves with `root_to` begins with that of `from` leaves with
/// `root_from` (RFC 9162 section 2.1.4.2). Each root must come from one checkpoint with its size.
///
/// # Errors
///
/// [`ProofError::Empty`] if `from` is 0: every tree begins with the empty one, so that there is
/// nothing to prove and a caller who asks has lost its checkpoint. [`ProofError::Shrunk`] if `to`
/// is less, [`ProofError::Length`] if the proof has too few or too many hashes,
/// [`ProofError::Root`] if it leads to another root for either size.
pub fn verify_consistency(
    from: u64,
    to: u64,
    root_from: Hash,
    root_to: Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    let (shared, path) = consistency_path(from, to)?;
    check_length(usize::from(shared.is_some()) + path.len(), proof.len())?;

    // Where no shared subtree is named, it is the whole old tree, whose root is known.
    let mut proof = proof.iter();
    let start = match shared {
        Some(_) => proof.next().copied().unwrap_or(root_from),
        None => root_from,
    };
    let (mut old, mut new) = (start, start);
    for (aside, hash) in path.iter().zip(proof) {
        if aside.start >= from {
            new = node_hash(&new, hash);
        } else {
            old = node_hash(hash, &old);
            new = node_hash(hash, &new);
        }
    }
    check_root(from, root_from, old)?;
    check_root(to, root_to, new)
}

/// Which tiles [`consistency_proof`] reads. The right-edge ones are as wide as
/// [`TileId::width`] says for `to`, or wider.
///
/// # Errors
///
/// [`ProofError::Empty`] and [`ProofError::Shrunk`] as in [`consistency_proof`].
pub fn consistency_tiles(from: u64, to: u64) -> Result<BTreeSet<TileId>, ProofError> {
    let (shared, path) = consistency_path(from, to)?;
    Ok(tiles(shared.into_iter().chain(path)))
}

/// The frontier of the first `size` leaves of a tree that has at least so many.
///
/// ```
/// use audit_core::merkle::{Tile, TileId, Tiles, frontier_at, frontier_tiles, leaf_hash};
///
/// let leaves = [b"a", b"b", b"c", b"d"].map(|entry| leaf_hash(entry));
/// let mut tiles = Tiles::new();
/// for id in frontier_tiles(3) {
///     tiles.insert(id, Tile::new(leaves.to_vec())?);
/// }
/// let old = frontier_at(&tiles, 3)?;
/// assert_eq!(old.root(), Tile::new(leaves[..3].to_vec())?.root());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`ProofError::Missing`] if `nodes` lacks a node.
pub fn frontier_at<N>(nodes: &N, size: u64) -> Result<Frontier, ProofError>
where
    N: Nodes + ?Sized,
{
    Ok(Frontier::of_peaks(size, hashes(nodes, perfect(0..size))?))
}

/// Which tiles [`frontier_at`] reads. The right-edge ones are as wide as [`TileId::width`] says for
/// `size`, or wider.
#[must_use]
pub fn frontier_tiles(size: u64) -> BTreeSet<TileId> {
    tiles(perfect(0..size))
}

/// Why a proof could not be made, or does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The tree has no such leaf.
    #[error("leaf {index} is not in the tree: expected an index below its size, {size}")]
    Outside {
        /// The index that was asked for.
        index: u64,
        /// How many leaves the tree has.
        size: u64,
    },
    /// Consistency with the empty tree says nothing.
    #[error("consistency with an empty tree says nothing: expected an old size of at least 1")]
    Empty,
    /// The new tree is smaller than the old one.
    #[error("the tree shrank: expected a size of at least {from}, found {to}")]
    Shrunk {
        /// The old size.
        from: u64,
        /// The new size.
        to: u64,
    },
    /// A node that the proof needs is not at hand.
    #[error("a proof needs tile {} of level {}, and it was not given", tile.index, tile.level)]
    Missing {
        /// The tile to fetch, or to fetch wider.
        tile: TileId,
    },
    /// No proof for these sizes has this length.
    #[error("the proof has a wrong length: expected {expected} hashes, found {found}")]
    Length {
        /// How many hashes a proof for these sizes has.
        expected: usize,
        /// How many hashes this one had.
        found: usize,
    },
    /// Proof and root do not belong together: one of them, the leaf, or its place was changed.
    #[error("the proof leads to another root of {size} leaves: expected {expected}, found {found}")]
    Root {
        /// The size of the tree whose root is meant.
        size: u64,
        /// The root that was given.
        expected: Hash,
        /// The root that the proof leads to.
        found: Hash,
    },
}

/// A node of the tree, as the range of leaves under it.
type Node = Range<u64>;

/// The subtrees beside the way from the root down to a leaf, lowest first.
fn inclusion_path(index: u64, size: u64) -> Result<Vec<Node>, ProofError> {
    if index >= size {
        return Err(ProofError::Outside { index, size });
    }
    let (_, path) = descend(size, index, |node| node.end - node.start == 1);
    Ok(path)
}

/// The largest subtree that ends where the old tree ends, unless it is the whole old tree, and the
/// subtrees beside the way down to it, lowest first.
fn consistency_path(from: u64, to: u64) -> Result<(Option<Node>, Vec<Node>), ProofError> {
    let last = from.checked_sub(1).ok_or(ProofError::Empty)?;
    if to < from {
        return Err(ProofError::Shrunk { from, to });
    }
    let (shared, path) = descend(to, last, |node| node.end == from);
    Ok(((shared.start > 0).then_some(shared), path))
}

/// Goes from the root of `size` leaves towards `leaf` until a node has `arrived`, which the leaf
/// itself must; gives that node and what was left aside on the way, lowest first.
fn descend(size: u64, leaf: u64, arrived: impl Fn(&Node) -> bool) -> (Node, Vec<Node>) {
    let mut node = 0..size;
    let mut aside = Vec::new();
    while !arrived(&node) {
        // The left child is the largest perfect subtree that leaves the right one not empty.
        let middle = node.start + (1 << (node.end - node.start - 1).ilog2());
        if leaf < middle {
            aside.push(middle..node.end);
            node.end = middle;
        } else {
            aside.push(node.start..middle);
            node.start = middle;
        }
    }
    aside.reverse();
    (node, aside)
}

fn hashes<N: Nodes + ?Sized>(
    nodes: &N,
    path: impl IntoIterator<Item = Node>,
) -> Result<Vec<Hash>, ProofError> {
    let look_up = |span| {
        let (level, index) = place(span);
        let tile = TileId::of_node(level, index);
        nodes.node(level, index).ok_or(ProofError::Missing { tile })
    };
    let hash = |node| {
        let peaks = perfect(node).map(look_up).collect::<Result<Vec<_>, _>>()?;
        Ok(join(&peaks))
    };
    path.into_iter().map(hash).collect()
}

fn tiles(path: impl IntoIterator<Item = Node>) -> BTreeSet<TileId> {
    let spans = path.into_iter().flat_map(perfect).map(place);
    spans.map(|(level, index)| TileId::of_node(level, index)).collect()
}

/// Level and index of the perfect subtree over these leaves.
fn place(span: Node) -> (u8, u64) {
    let level = (span.end - span.start).trailing_zeros();
    // At most 63, so that the lowest byte is all of it.
    let [low, ..] = level.to_le_bytes();
    (low, span.start >> level)
}

fn check_length(expected: usize, found: usize) -> Result<(), ProofError> {
    if found == expected { Ok(()) } else { Err(ProofError::Length { expected, found }) }
}

fn check_root(size: u64, expected: Hash, found: Hash) -> Result<(), ProofError> {
    if found == expected { Ok(()) } else { Err(ProofError::Root { size, expected, found }) }
}
