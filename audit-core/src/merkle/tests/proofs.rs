//! Proofs: constants, edges, and huge trees.

use super::{all_tiles, grown, leaves, root_by_definition};
use crate::merkle::*;

fn hashes(written: &[&str]) -> Vec<Hash> {
    written.iter().map(|hash| hash.parse().unwrap()).collect()
}

/// SHA-256 of the proof's bytes, to write a long one down as one constant.
fn digest(proof: &[Hash]) -> String {
    use sha2::{Digest, Sha256};
    let bytes: Vec<u8> = proof.iter().flat_map(|hash| *hash.as_bytes()).collect();
    hex::encode(Sha256::digest(bytes))
}

#[test]
fn inclusion_proofs_are_the_written_constants() {
    let seven = all_tiles(&leaves(7));
    assert_eq!(
        inclusion_proof(&seven, 3, 7).unwrap(),
        hashes(&[
            "9b0b2f1d58bf086890b4146f09efa42ca13e525aa03393921560c5814ff53088",
            "9597a008c399108ddc67f881629dfbda16be63fcb74b42892f749dde08d3364a",
            "031520cca752afa6745ca8e067ab355250da4388bd5a17a84f7658b6de20de19",
        ])
    );
    assert_eq!(
        inclusion_proof(&seven, 6, 7).unwrap(),
        hashes(&[
            "9fc4d23834d46e09fd77234a04b9d6ea86372a244ef6ccfd878c3cd2443a06e5",
            "7f4975ae5b9ea05a1ad4eb463d5f20924087048e978cf6b342036eec5c9057e6",
        ])
    );
    let long = inclusion_proof(&all_tiles(&leaves(1000)), 777, 1000).unwrap();
    assert_eq!(long.len(), 10);
    assert_eq!(digest(&long), "afee582039d808658ab0a72abad0deca85d5710f457f42a6832434afbdb58614");
}

#[test]
fn consistency_proofs_are_the_written_constants() {
    let seven = all_tiles(&leaves(7));
    assert_eq!(
        consistency_proof(&seven, 3, 7).unwrap(),
        hashes(&[
            "9b0b2f1d58bf086890b4146f09efa42ca13e525aa03393921560c5814ff53088",
            "80b29edd0e34b87ae52eb22cc1b7c798088abbd8017f7646d15f9a571d2bf0e7",
            "9597a008c399108ddc67f881629dfbda16be63fcb74b42892f749dde08d3364a",
            "031520cca752afa6745ca8e067ab355250da4388bd5a17a84f7658b6de20de19",
        ])
    );
    assert_eq!(
        consistency_proof(&seven, 4, 7).unwrap(),
        hashes(&["031520cca752afa6745ca8e067ab355250da4388bd5a17a84f7658b6de20de19"])
    );
    assert_eq!(
        consistency_proof(&seven, 6, 7).unwrap(),
        hashes(&[
            "9fc4d23834d46e09fd77234a04b9d6ea86372a244ef6ccfd878c3cd2443a06e5",
            "e856eef50608e8d5cafe5447f6eb1bd3faf0afc6f3ee517b266351bb94df46e6",
            "7f4975ae5b9ea05a1ad4eb463d5f20924087048e978cf6b342036eec5c9057e6",
        ])
    );
    let long = consistency_proof(&all_tiles(&leaves(1000)), 600, 1000).unwrap();
    assert_eq!(long.len(), 8);
    assert_eq!(digest(&long), "0b8acc67b0abbbf210d0a483b74bfac224399618a75afbf43d80f8035436d0a2");
}

#[test]
fn every_proof_of_every_small_tree_holds() {
    let all = leaves(40);
    let nodes = all_tiles(&all);
    for size in 1..=40 {
        let root = root_by_definition(&all[..size as usize]);
        for index in 0..size {
            let leaf = all[index as usize];
            let proof = inclusion_proof(&nodes, index, size).unwrap();
            verify_inclusion(leaf, index, size, &proof, root).unwrap();

            let from = index + 1;
            let old = root_by_definition(&all[..from as usize]);
            let proof = consistency_proof(&nodes, from, size).unwrap();
            verify_consistency(from, size, old, root, &proof).unwrap();
        }
    }
}

#[test]
fn a_leaf_outside_the_tree_is_refused() {
    let (nodes, hash) = (all_tiles(&leaves(3)), Hash::EMPTY_ROOT);
    for (index, size) in [(0, 0), (3, 3), (u64::MAX, 3), (u64::MAX, u64::MAX)] {
        let refused = ProofError::Outside { index, size };
        assert_eq!(inclusion_proof(&nodes, index, size), Err(refused.clone()));
        assert_eq!(inclusion_tiles(index, size), Err(refused.clone()));
        assert_eq!(verify_inclusion(hash, index, size, &[], hash), Err(refused));
    }
}

#[test]
fn consistency_with_an_empty_or_a_larger_old_tree_is_refused() {
    let (nodes, hash) = (all_tiles(&leaves(3)), Hash::EMPTY_ROOT);
    for (from, to, refused) in [
        (0, 0, ProofError::Empty),
        (0, 3, ProofError::Empty),
        (3, 2, ProofError::Shrunk { from: 3, to: 2 }),
        (1, 0, ProofError::Shrunk { from: 1, to: 0 }),
    ] {
        assert_eq!(consistency_proof(&nodes, from, to), Err(refused.clone()));
        assert_eq!(consistency_tiles(from, to), Err(refused.clone()));
        assert_eq!(verify_consistency(from, to, hash, hash, &[]), Err(refused));
    }
}

#[test]
fn equal_sizes_need_equal_roots_and_no_proof() {
    let (root, other) = (grown(&leaves(6)).root(), grown(&leaves(5)).root());
    assert_eq!(consistency_proof(&all_tiles(&leaves(6)), 6, 6), Ok(vec![]));
    assert_eq!(verify_consistency(6, 6, root, root, &[]), Ok(()));
    assert_eq!(
        verify_consistency(6, 6, root, other, &[]),
        Err(ProofError::Root { size: 6, expected: other, found: root })
    );
    assert_eq!(
        verify_consistency(6, 6, root, root, &[root]),
        Err(ProofError::Length { expected: 0, found: 1 })
    );
}

#[test]
fn one_proof_can_fit_two_sizes_so_a_size_is_only_known_from_its_checkpoint() {
    let all = leaves(6);
    let proof = inclusion_proof(&all_tiles(&all), 0, 6).unwrap();
    let root = grown(&all).root();
    assert_eq!(verify_inclusion(all[0], 0, 6, &proof, root), Ok(()));
    assert_eq!(verify_inclusion(all[0], 0, 5, &proof, root), Ok(()));
}

/// A tree of any size whose leaves are all the same, so that one hash stands for a whole level.
struct Uniform(Vec<Hash>);

impl Uniform {
    fn new() -> Self {
        let above = |below: &Hash| Some(node_hash(below, below));
        Self(std::iter::successors(Some(leaf_hash(b"same")), above).take(64).collect())
    }

    fn root(&self, size: u64) -> Hash {
        let levels = (0..64).rev().filter(|level| size >> level & 1 == 1);
        let peaks: Vec<u8> = levels.flat_map(|level| *self.0[level].as_bytes()).collect();
        Frontier::from_bytes(size, &peaks).unwrap().root()
    }
}

impl Nodes for Uniform {
    fn node(&self, level: u8, _: u64) -> Option<Hash> {
        self.0.get(usize::from(level)).copied()
    }
}

#[test]
fn proofs_hold_in_trees_of_2_to_the_63_leaves_and_more() {
    let nodes = Uniform::new();
    let sizes = [(1 << 63) - 1, 1 << 63, (1 << 63) + 1, u64::MAX - 1, u64::MAX];
    for size in sizes {
        let root = nodes.root(size);
        for index in [0, 1, 12_345, (1 << 62) + 1, size - 2, size - 1] {
            let proof = inclusion_proof(&nodes, index, size).unwrap();
            assert!(proof.len() <= 64);
            verify_inclusion(leaf_hash(b"same"), index, size, &proof, root).unwrap();
            assert!(inclusion_tiles(index, size).unwrap().len() <= 16);

            let from = index + 1;
            let proof = consistency_proof(&nodes, from, size).unwrap();
            assert!(proof.len() <= 65);
            verify_consistency(from, size, nodes.root(from), root, &proof).unwrap();
            assert!(consistency_tiles(from, size).unwrap().len() <= 16);
        }
    }
}

#[test]
fn a_doubled_last_leaf_gives_another_root() {
    for size in 1..100 {
        let mut all = leaves(size);
        let root = grown(&all).root();
        all.push(all[all.len() - 1]);
        assert_ne!(grown(&all).root(), root, "{size} leaves and the last one again");
    }
}

/// The named tiles only, and only as wide as they are in a tree of `size`.
fn only(all: &Tiles, named: impl IntoIterator<Item = TileId>, size: u64) -> Tiles {
    let mut kept = Tiles::new();
    for id in named {
        let hashes = all.get(id).unwrap().hashes();
        let width = usize::from(id.width(size));
        kept.insert(id, Tile::new(hashes[..width].to_vec()).unwrap());
    }
    kept
}

#[test]
fn a_proof_reads_the_tiles_that_were_named_and_reports_one_that_is_missing() {
    let all = all_tiles(&leaves(70_000));
    for (index, size) in [(0, 70_000), (3, 300), (69_999, 70_000), (65_535, 65_536), (600, 66_000)]
    {
        let named = inclusion_tiles(index, size).unwrap();
        let proof = inclusion_proof(&only(&all, named.clone(), size), index, size);
        assert_eq!(proof, inclusion_proof(&all, index, size));
        for tile in &named {
            let rest = named.iter().copied().filter(|id| id != tile);
            let refused = inclusion_proof(&only(&all, rest, size), index, size);
            assert_eq!(refused, Err(ProofError::Missing { tile: *tile }));
        }

        let from = index + 1;
        let named = consistency_tiles(from, size).unwrap();
        let proof = consistency_proof(&only(&all, named.clone(), size), from, size);
        assert_eq!(proof, consistency_proof(&all, from, size));
        for tile in &named {
            let rest = named.iter().copied().filter(|id| id != tile);
            let refused = consistency_proof(&only(&all, rest, size), from, size);
            assert_eq!(refused, Err(ProofError::Missing { tile: *tile }));
        }
    }
}

#[test]
fn tiles_do_not_answer_for_a_subtree_that_is_not_all_there() {
    let nodes = all_tiles(&leaves(300));
    assert!(nodes.node(8, 0).is_some());
    assert!(nodes.node(2, 74).is_some());
    for (level, index) in [(2, 75), (8, 1), (9, 0), (0, 300), (63, 0), (64, 0), (u8::MAX, u64::MAX)]
    {
        assert_eq!(nodes.node(level, index), None, "level {level}, index {index}");
    }
}
