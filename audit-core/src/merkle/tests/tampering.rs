//! Whatever is changed, a proof is refused; whatever is given, nothing panics.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::Index;

use super::{all_tiles, grown, leaves, root_by_definition, soak};
use crate::merkle::*;

fn any_hash() -> impl Strategy<Value = Hash> {
    any::<[u8; 32]>().prop_map(Hash::from)
}

fn flip(hash: Hash, bit: u8) -> Hash {
    let mut bytes = *hash.as_bytes();
    bytes[usize::from(bit / 8)] ^= 1 << (bit % 8);
    bytes.into()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if soak() { 2_000 } else { 40 }))]

    #[test]
    fn the_root_of_a_frontier_is_that_of_the_definition(all in vec(any_hash(), 0..600)) {
        let frontier = grown(&all);
        prop_assert_eq!(frontier.root(), root_by_definition(&all));
        for (span, peak) in frontier.spans() {
            let under = &all[span.start as usize..span.end as usize];
            prop_assert_eq!(peak, root_by_definition(under));
        }
    }

    #[test]
    fn a_changed_inclusion_is_refused(
        size in 2..600_u64, at in any::<Index>(), other in any::<Index>(), bit: u8, hash in any_hash(),
    ) {
        let all = leaves(size);
        let index = at.index(all.len()) as u64;
        let leaf = all[index as usize];
        let root = root_by_definition(&all);
        let proof = inclusion_proof(&all_tiles(&all), index, size).unwrap();
        prop_assert_eq!(verify_inclusion(leaf, index, size, &proof, root), Ok(()));

        let refused = |leaf, index, size, proof: &[Hash], root| {
            verify_inclusion(leaf, index, size, proof, root).is_err()
        };
        prop_assert!(refused(flip(leaf, bit), index, size, &proof, root), "changed leaf");
        prop_assert!(refused(leaf, index, size, &proof, flip(root, bit)), "changed root");
        let elsewhere = other.index(all.len()) as u64;
        prop_assert!(elsewhere == index || refused(leaf, elsewhere, size, &proof, root), "index");

        // Under a checkpoint of another size, whose root is another one.
        let fewer = other.index(all.len()) as u64;
        let other_root = root_by_definition(&all[..fewer as usize]);
        prop_assert!(refused(leaf, index, fewer, &proof, other_root), "another checkpoint");
        // A size that the path cannot belong to, under the same root.
        prop_assert!(refused(leaf, index, size * 2, &proof, root), "doubled size");

        let place = other.index(proof.len());
        let mut changed = proof.clone();
        changed[place] = flip(changed[place], bit);
        prop_assert!(refused(leaf, index, size, &changed, root), "changed element");
        changed.remove(place);
        prop_assert!(refused(leaf, index, size, &changed, root), "removed element");
        let mut changed = proof.clone();
        changed.insert(other.index(proof.len() + 1), hash);
        prop_assert!(refused(leaf, index, size, &changed, root), "added element");
    }

    #[test]
    fn a_changed_consistency_is_refused(
        size in 3..600_u64, at in any::<Index>(), other in any::<Index>(), bit: u8, hash in any_hash(),
    ) {
        let all = leaves(size);
        let from = at.index(all.len() - 1) as u64 + 1;
        let (old, new) = (root_by_definition(&all[..from as usize]), root_by_definition(&all));
        let proof = consistency_proof(&all_tiles(&all), from, size).unwrap();
        prop_assert_eq!(verify_consistency(from, size, old, new, &proof), Ok(()));

        let refused = |from, size, old, new, proof: &[Hash]| {
            verify_consistency(from, size, old, new, proof).is_err()
        };
        prop_assert!(refused(from, size, flip(old, bit), new, &proof), "changed old root");
        prop_assert!(refused(from, size, old, flip(new, bit), &proof), "changed new root");
        prop_assert!(refused(from, size, new, old, &proof), "swapped roots");
        prop_assert!(refused(from, size * 2, old, new, &proof), "doubled size");

        // A log that was rewritten before the old size cannot be passed off as its growth.
        let mut rewritten = all.clone();
        let place = other.index(from as usize);
        rewritten[place] = flip(rewritten[place], bit);
        let forged = consistency_proof(&all_tiles(&rewritten), from, size).unwrap();
        let forged_root = root_by_definition(&rewritten);
        prop_assert!(refused(from, size, old, forged_root, &forged), "rewritten history");

        let place = other.index(proof.len());
        let mut changed = proof.clone();
        changed[place] = flip(changed[place], bit);
        prop_assert!(refused(from, size, old, new, &changed), "changed element");
        changed.remove(place);
        prop_assert!(refused(from, size, old, new, &changed), "removed element");
        let mut changed = proof.clone();
        changed.insert(other.index(proof.len() + 1), hash);
        prop_assert!(refused(from, size, old, new, &changed), "added element");
    }

    #[test]
    fn arbitrary_input_is_refused_without_a_panic(
        a: u64, b: u64, shift in 0..64_u32, proof in vec(any_hash(), 0..70), hash in any_hash(),
        path in "tile/[0-9x/.p]{0,30}", bytes in vec(any::<u8>(), 0..100),
    ) {
        let (a, b) = (a >> shift, b >> shift);
        let root = Hash::EMPTY_ROOT;
        prop_assert!(verify_inclusion(hash, a, b, &proof, root).is_err());
        prop_assert!(verify_consistency(a, b, hash, root, &proof).is_err());
        let nodes = Tiles::new();
        for id in inclusion_tiles(a, b).into_iter().chain(consistency_tiles(a, b)).flatten() {
            prop_assert!((1..=256).contains(&id.width(b)));
        }
        prop_assert_eq!(inclusion_proof(&nodes, a, b).is_ok(), b == 1 && a == 0);
        prop_assert_eq!(consistency_proof(&nodes, a, b).is_ok(), a == b && a > 0);
        let _ = TileId::from_path(&path);
        let _ = Frontier::from_bytes(a, &bytes);
        let _ = Tile::from_bytes(&bytes);
    }
}
