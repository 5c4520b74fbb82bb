//! The same questions put to implementations made elsewhere: `ct-merkle` and `tlog_tiles`.

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use ct_merkle::{ConsistencyProof, InclusionProof, RootHash};
use proptest::prelude::*;
use proptest::sample::Index;
use sha2::Sha256;

use super::{all_tiles, entry, grown, leaves, soak};
use crate::merkle::*;

/// Hashes out of bytes that stand one behind the other.
fn hashes(bytes: &[u8]) -> Vec<Hash> {
    bytes.chunks(32).map(|hash| hash.try_into().unwrap()).collect()
}

fn bytes(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| *hash.as_bytes()).collect()
}

fn ct_root(root: Hash, size: u64) -> RootHash<Sha256> {
    RootHash::new((*root.as_bytes()).into(), size)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if soak() { 300 } else { 6 }))]

    #[test]
    fn ct_merkle_gives_our_roots_and_both_accept_the_proofs_of_the_other(
        size in 1..=5_000_u64, picks in proptest::collection::vec(any::<Index>(), 20),
    ) {
        let mut theirs = MemoryBackedTree::<Sha256, String>::new();
        for index in 0..size {
            theirs.push(entry(index));
        }
        let all = leaves(size);
        let nodes = all_tiles(&all);
        let new = grown(&all).root();
        let their_root = theirs.root();
        prop_assert_eq!(new.as_bytes().as_slice(), their_root.as_bytes().as_slice());

        for pick in picks {
            let at = pick.index(all.len());
            let index = at as u64;
            let ours = inclusion_proof(&nodes, index, size).unwrap();
            let proof = InclusionProof::try_from_bytes(bytes(&ours)).unwrap();
            prop_assert!(their_root.verify_inclusion(&entry(index), index, &proof).is_ok());
            let proof = hashes(theirs.prove_inclusion(at).as_bytes());
            prop_assert_eq!(&proof, &ours);
            prop_assert_eq!(verify_inclusion(all[at], index, size, &proof, new), Ok(()));

            let from = index + 1;
            let old = grown(&all[..=at]).root();
            let ours = consistency_proof(&nodes, from, size).unwrap();
            let proof = ConsistencyProof::try_from_bytes(bytes(&ours)).unwrap();
            prop_assert!(their_root.verify_consistency(&ct_root(old, from), &proof).is_ok());
            let added = all.len() - at - 1;
            let proof = hashes(theirs.prove_consistency(added).as_bytes());
            prop_assert_eq!(&proof, &ours);
            prop_assert_eq!(verify_consistency(from, size, old, new, &proof), Ok(()));
        }
    }

    #[test]
    fn tlog_tiles_gives_our_tiles_and_both_accept_the_proofs_of_the_other(
        size in 1..=5_000_u64, picks in proptest::collection::vec(any::<Index>(), 20),
    ) {
        let all = leaves(size);
        let nodes = all_tiles(&all);
        let store = Stored::grown(&all);
        for tile in tlog_tiles::Tile::new_tiles(8, 0, size) {
            let id = TileId { level: tile.level(), index: tile.level_index() };
            prop_assert_eq!(u32::from(id.width(size)), tile.width());
            let ours = nodes.get(id).unwrap().to_bytes();
            prop_assert_eq!(ours, tile.read_data(&store).unwrap());
        }

        let new = grown(&all).root();
        prop_assert_eq!(tlog_hash(new), tlog_tiles::tree_hash(size, &store).unwrap());
        for pick in picks {
            let at = pick.index(all.len());
            let (index, from) = (at as u64, at as u64 + 1);
            let ours = inclusion_proof(&nodes, index, size).unwrap();
            let ours: Vec<_> = ours.into_iter().map(tlog_hash).collect();
            prop_assert_eq!(&ours, &tlog_tiles::prove_record(size, index, &store).unwrap());
            let leaf = tlog_hash(all[at]);
            prop_assert!(tlog_tiles::check_record(&ours, size, tlog_hash(new), index, leaf).is_ok());

            let ours = consistency_proof(&nodes, from, size).unwrap();
            let ours: Vec<_> = ours.into_iter().map(tlog_hash).collect();
            prop_assert_eq!(&ours, &tlog_tiles::prove_tree(size, from, &store).unwrap());
            let old = tlog_hash(grown(&all[..=at]).root());
            prop_assert!(tlog_tiles::check_tree(&ours, size, tlog_hash(new), from, old).is_ok());
        }
    }
}

fn tlog_hash(hash: Hash) -> tlog_tiles::Hash {
    tlog_tiles::Hash(*hash.as_bytes())
}

/// The nodes of a log in the order in which `tlog_tiles` stores them.
struct Stored(Vec<tlog_tiles::Hash>);

impl Stored {
    fn grown(leaves: &[Hash]) -> Self {
        let mut store = Self(Vec::new());
        for (index, leaf) in (0..).zip(leaves) {
            let leaf = tlog_hash(*leaf);
            let more = tlog_tiles::stored_hashes_for_record_hash(index, leaf, &store).unwrap();
            store.0.extend(more);
        }
        store
    }
}

impl tlog_tiles::HashReader for Stored {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<tlog_tiles::Hash>, tlog_tiles::Error> {
        Ok(indexes.iter().map(|index| self.0[*index as usize]).collect())
    }
}

/// `tlog_tiles` writes the height of its tiles, which is 8 here, into the path.
fn with_height(path: &str) -> String {
    path.replacen("tile/", "tile/8/", 1)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if soak() { 20_000 } else { 500 }))]

    #[test]
    fn tlog_tiles_writes_our_paths(level in 0..64_u8, index: u64, shift in 0..64_u32, width in 1..=256_u16) {
        let index = index >> shift;
        let tile = tlog_tiles::Tile::new(8, level, index, width.into(), false);
        let path = TileId { level, index }.path(width).unwrap();
        prop_assert_eq!(with_height(&path), tile.path());
        prop_assert_eq!(TileId::from_path(&path), Ok((TileId { level, index }, width)));
    }

    // Not of width 0 and not above level 63, where `tlog_tiles` 0.2.0 panics.
    #[test]
    fn tlog_tiles_accepts_the_paths_that_we_accept(
        path in "tile/0?[1-5]?[0-9]/(x?[0-9]{3}/){0,2}(x?[0-9]{2,4})(\\.p/[1-9][0-9]{0,2})?",
    ) {
        let ours = TileId::from_path(&path).ok();
        let theirs = tlog_tiles::Tile::from_path(&with_height(&path)).ok();
        let theirs = theirs.map(|tile| {
            let id = TileId { level: tile.level(), index: tile.level_index() };
            (id, u16::try_from(tile.width()).unwrap())
        });
        prop_assert_eq!(ours, theirs);
    }

    #[test]
    fn tlog_tiles_completes_our_tiles(from in 0..1_u64 << 48, more in 0..300_000_u64) {
        let to = from + more;
        let all = tlog_tiles::Tile::new_tiles(8, from, to);
        let ours: Vec<_> = completed(from, to).collect();
        let theirs: Vec<_> = all
            .iter()
            .map(|tile| (TileId { level: tile.level(), index: tile.level_index() }, tile.width()))
            .collect();
        for (id, width) in &theirs {
            prop_assert_eq!(u32::from(id.width(to)), *width);
        }
        let full = theirs.into_iter().filter(|(_, width)| *width == 256);
        prop_assert_eq!(ours, full.map(|(id, _)| id).collect::<Vec<_>>());
    }
}
