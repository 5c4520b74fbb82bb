//! The newest entries have no tile yet: whether two of them were swapped is tried out.

use std::collections::BTreeMap;

use crate::merkle::{Hash, node_hash};

/// A perfect tree over leaf hashes, with all its nodes.
struct Perfect<'a> {
    leaves: &'a [Hash],
    /// The leaves first, the root not among them.
    levels: Vec<Vec<Hash>>,
}

impl<'a> Perfect<'a> {
    fn over(leaves: &'a [Hash]) -> Self {
        let mut levels = Vec::new();
        let mut level = leaves.to_vec();
        while level.len() > 1 {
            let (pairs, _) = level.as_chunks();
            let above = pairs.iter().map(|[left, right]| node_hash(left, right)).collect();
            levels.push(level);
            level = above;
        }
        Self { leaves, levels }
    }

    /// The root with other leaves at some places: only their ways up are hashed again.
    fn root_with<const N: usize>(&self, leaves: [(usize, Hash); N]) -> Option<Hash> {
        let mut changed = BTreeMap::from(leaves);
        for level in &self.levels {
            let above = changed.iter().map(|(&i, node)| {
                let sibling = changed.get(&(i ^ 1)).or(level.get(i ^ 1))?;
                let (left, right) = if i % 2 == 0 { (node, sibling) } else { (sibling, node) };
                Some((i / 2, node_hash(left, right)))
            });
            changed = above.collect::<Option<_>>()?;
        }
        changed.remove(&0)
    }
}

/// The leaves of one or two perfect trees with two of them swapped, such that each tree has the root
/// that stands beside its leaves. Trees that are wrong all need a part in it, so more than two have no
/// such swap. At most 8,192 pairs are tried for trees of up to 128 leaves.
pub(super) fn swapped_back(trees: &[(Vec<Hash>, Hash)]) -> Option<Vec<Vec<Hash>>> {
    let perfect: Vec<_> =
        trees.iter().map(|(leaves, root)| (Perfect::over(leaves), Some(*root))).collect();
    match perfect.as_slice() {
        [(tree, root)] => {
            let (i, j) = pairs(tree.leaves, tree.leaves)
                .find(|((i, a), (j, b))| i < j && tree.root_with([(*i, **b), (*j, **a)]) == *root)
                .map(|((i, _), (j, _))| (i, j))?;
            let mut leaves = tree.leaves.to_vec();
            leaves.swap(i, j);
            Some(vec![leaves])
        }
        [(left, left_root), (right, right_root)] => {
            let ((i, a), (j, b)) = pairs(left.leaves, right.leaves).find(|((i, a), (j, b))| {
                left.root_with([(*i, **b)]) == *left_root
                    && right.root_with([(*j, **a)]) == *right_root
            })?;
            Some(vec![with(left.leaves, i, *b), with(right.leaves, j, *a)])
        }
        _ => None,
    }
}

type Placed<'a> = (usize, &'a Hash);

fn pairs<'a>(
    left: &'a [Hash],
    right: &'a [Hash],
) -> impl Iterator<Item = (Placed<'a>, Placed<'a>)> {
    left.iter().enumerate().flat_map(|a| right.iter().enumerate().map(move |b| (a, b)))
}

fn with(leaves: &[Hash], place: usize, hash: Hash) -> Vec<Hash> {
    leaves.iter().enumerate().map(|(i, leaf)| if i == place { hash } else { *leaf }).collect()
}
