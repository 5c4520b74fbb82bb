//! Tiles: widths, paths, and which are completed.

use proptest::collection::vec;
use proptest::prelude::*;

use super::{leaves, soak};
use crate::merkle::*;

#[test]
fn tiles_have_1_to_256_whole_hashes() {
    for (length, refused) in [
        (0, TileError::Width { found: 0 }),
        (31, TileError::Bytes { found: 31 }),
        (8191, TileError::Bytes { found: 8191 }),
        (8192 + 32, TileError::Width { found: 257 }),
    ] {
        assert_eq!(Tile::from_bytes(&vec![7; length]), Err(refused));
    }
    for width in [1, 255, 256] {
        let tile = Tile::new(leaves(width)).unwrap();
        assert_eq!(tile.to_bytes().len() as u64, width * 32);
        assert_eq!(Tile::from_bytes(&tile.to_bytes()).unwrap(), tile);
    }
}

#[test]
fn the_root_of_a_full_tile_is_the_written_constant() {
    assert_eq!(
        Tile::new(leaves(256)).unwrap().root().to_string(),
        "d56a4e1ca488792c837ccd7fa985ebaa67c35c17b6e70b80cd31becfad851b17"
    );
}

#[test]
fn widths_are_those_of_the_example_in_the_specification() {
    let width = |level, index, size| TileId { level, index }.width(size);
    assert_eq!([0, 272, 273, 274].map(|n| width(0, n, 70_000)), [256, 256, 112, 0]);
    assert_eq!([0, 1, 2].map(|n| width(1, n, 70_000)), [256, 17, 0]);
    assert_eq!([0, 1].map(|n| width(2, n, 70_000)), [1, 0]);
    assert_eq!([0, 1].map(|level| width(level, 0, 256)), [256, 1]);
}

#[test]
fn widths_hold_at_the_ends_of_64_bits() {
    let width = |level, index, size| TileId { level, index }.width(size);
    assert_eq!(width(0, (1 << 56) - 1, u64::MAX), 255);
    assert_eq!(width(7, 0, u64::MAX), 255);
    assert_eq!(width(8, 0, u64::MAX), 0);
    assert_eq!(width(u8::MAX, u64::MAX, u64::MAX), 0);
    assert_eq!(width(0, u64::MAX, u64::MAX), 0);
    assert_eq!(width(0, 0, 0), 0);
}

#[test]
fn a_node_is_in_the_tile_that_has_its_leaves_or_subtrees() {
    let tile = |level, index| TileId { level, index };
    assert_eq!(TileId::of_node(0, 255), tile(0, 0));
    assert_eq!(TileId::of_node(0, 256), tile(0, 1));
    assert_eq!(TileId::of_node(7, 1), tile(0, 0));
    assert_eq!(TileId::of_node(7, 2), tile(0, 1));
    assert_eq!(TileId::of_node(8, 255), tile(1, 0));
    assert_eq!(TileId::of_node(63, 1), tile(7, 0));
    assert_eq!(TileId::of_node(u8::MAX, u64::MAX), tile(31, u64::MAX >> 1));
}

#[test]
fn paths_are_read_back() {
    for (level, index, width, path) in [
        (0, 0, 256, "tile/0/000"),
        (0, 999, 255, "tile/0/999.p/255"),
        (1, 1000, 1, "tile/1/x001/000.p/1"),
        (63, 1_234_067, 256, "tile/63/x001/x234/067"),
        (7, u64::MAX, 256, "tile/7/x018/x446/x744/x073/x709/x551/615"),
    ] {
        let id = TileId { level, index };
        assert_eq!(id.path(width).unwrap(), path);
        assert_eq!(TileId::from_path(path).unwrap(), (id, width));
    }
}

#[test]
fn other_paths_are_refused_and_named() {
    for path in [
        "",
        "/",
        "tile",
        "tile/",
        "tile/0",
        "tile/0/",
        "tile//000",
        "/tile/0/000",
        "tile/0/000/",
        "tile/0/0",
        "tile/0/00",
        "tile/0/0000",
        "tile/0/x000",
        "tile/0/x000/000",
        "tile/0/001/000",
        "tile/0/x001/x000",
        "tile/0/xx001/000",
        "tile/0/x1/000",
        "tile/00/000",
        "tile/64/000",
        "tile/256/000",
        "tile/-1/000",
        "tile/+1/000",
        "tile/0/+00",
        "tile/0/-00",
        "tile/0/ 00",
        "tile/0/000 ",
        "tile/0/000\n",
        "Tile/0/000",
        "tile/0/000.p",
        "tile/0/000.p/",
        "tile/0/000.p/0",
        "tile/0/000.p/01",
        "tile/0/000.p/256",
        "tile/0/000.p/+1",
        "tile/0/000.p/1/",
        "tile/0/000.p/1.p/1",
        "tile/entries/000",
        "tile/8/0/000",
        "tile/0/٠٠٠",
        "tile/7/x018/x446/x744/x073/x709/x551/616", // 2^64
        "tile/7/x999/x999/x999/x999/x999/x999/x999/x999/999",
    ] {
        let refused = TileId::from_path(path).unwrap_err();
        assert_eq!(refused, TileError::Path { found: path.into() });
    }
}

#[test]
fn a_path_needs_a_level_and_a_width_of_the_format() {
    let id = TileId { level: 64, index: 0 };
    assert_eq!(id.path(256), Err(TileError::Level { found: 64 }));
    let id = TileId { level: 0, index: 0 };
    for found in [0, 257, u16::MAX] {
        assert_eq!(id.path(found), Err(TileError::Width { found: found.into() }));
    }
}

#[test]
fn completed_tiles_of_no_growth_are_none_and_of_huge_sizes_are_counted_from_the_end() {
    assert_eq!(completed(300, 300).count(), 0);
    assert_eq!(completed(300, 299).count(), 0);
    assert_eq!(completed(u64::MAX, 0).count(), 0);
    let last: Vec<_> = completed((1 << 63) - 1, 1 << 63).collect();
    let expected: Vec<_> =
        (0..7).map(|level| TileId { level, index: (1 << (55 - 8 * level)) - 1 }).collect();
    assert_eq!(last, expected);
}

/// The full tiles that are there for the first time at one of these sizes.
fn walked(from: u64, to: u64) -> Vec<TileId> {
    let mut tiles = Vec::new();
    for (level, leaves) in [(0, 256), (1, 65_536)] {
        for size in from + 1..=to {
            if size % leaves == 0 {
                let index = size / leaves - 1;
                tiles.push(TileId { level, index });
            }
        }
    }
    tiles
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if soak() { 1_000 } else { 10 }))]

    #[test]
    fn completed_tiles_are_those_that_a_leaf_by_leaf_walk_finds(
        jumps in vec(prop_oneof![1..=1_u64, 1..=256_u64, 1..=4_096_u64], 1..200),
    ) {
        let (mut from, end, mut count) = (0, 70_000, 0);
        for jump in jumps.into_iter().cycle() {
            let to = end.min(from + jump);
            let tiles: Vec<_> = completed(from, to).collect();
            prop_assert_eq!(&tiles, &walked(from, to), "{} to {}", from, to);
            count += tiles.len();
            from = to;
            if from == end {
                break;
            }
        }
        prop_assert_eq!(count, 273 + 1);
        prop_assert_eq!(completed(0, end).collect::<Vec<_>>(), walked(0, end));
    }
}
