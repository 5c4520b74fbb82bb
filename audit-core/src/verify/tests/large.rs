//! A log of more than 65,536 entries, so that there are tiles of level 1.

use super::FindingKind::{Missing, Modified, Reordered, TilesCorrupt};
use super::*;
use crate::event::EncodedEvent;
use crate::merkle::{TileId, leaf_hash};

/// The smallest leaf that there is: these logs are about the tree.
fn small(index: u64) -> Leaf {
    let id = uuid::Uuid::from_u64_pair(7, index);
    let canon = format!(
        "{{\"action\":\"a\",\"id\":\"{id}\",\"nonce\":\"\",\"occurred_at\":\"2026-01-01T00:00:00.000000Z\",\"producer\":{{}},\"stage\":\"complete\",\"v\":1}}"
    );
    Leaf::new(EncodedEvent { id, class: "standard".to_owned(), canon, openings: None }).unwrap()
}

pub(super) fn small_log(size: u64) -> Tampered {
    run(async {
        let store = MemoryStore::new();
        append(&store, 0..size, 1_000, small).await;
        Tampered::of(&store).await
    })
}

fn corrupt(level: u8, index: u64) -> Found {
    let leaves = 256_u64.pow(u32::from(level) + 1);
    span(TilesCorrupt, index * leaves, (index + 1) * leaves - 1)
}

fn assert_tiles_are_checked(log: &Tampered, places: &[(u8, u64)]) {
    assert_eq!(found(log), []);
    for &(level, index) in places {
        let mut log = log.clone();
        log.edit_tile(level, index, 9, leaf_hash(b"other"));
        assert_eq!(found(&log), corrupt(level, index));
        log.tiles.remove(&TileId { level, index });
        log.roots.remove(&TileId { level, index });
        assert_eq!(found(&log), corrupt(level, index));
    }
}

#[test]
fn changes_below_a_tile_of_level_1_are_found_at_their_indices() {
    let mut log = small_log(65_536 + 256 + 3);
    assert_tiles_are_checked(&log, &[(1, 0)]);

    log.edit_tile(1, 0, 9, leaf_hash(b"other"));
    log.edit_tile(0, 3, 9, leaf_hash(b"other"));
    log.edit(30_000, "nonce", "nonse", true);
    log.swap(5, 65_794);
    log.swap(60_000, 65_536);
    log.delete(|index| !(1_100..=20_000).contains(&index));
    let expected = [
        corrupt(1, 0),
        each(Reordered, [5]),
        corrupt(0, 3),
        span(Missing, 1_100, 20_000),
        each(Modified, [30_000]),
        each(Reordered, [60_000, 65_536, 65_794]),
    ];
    assert_eq!(found(&log), expected.concat());
}

#[test]
fn a_root_beside_a_tile_that_is_not_its_own_is_found_and_nothing_else() {
    for (size, level, index) in [(300, 0, 0), (1_000, 0, 1), (1_000, 0, 2), (65_536, 1, 0)] {
        let mut log = small_log(size);
        log.roots.insert(TileId { level, index }, Some(leaf_hash(b"other")));
        assert_eq!(found(&log), corrupt(level, index));
    }
    let mut log = small_log(1_000);
    // That of a tile that is not what it was either is one trouble, and not two.
    log.edit_tile(0, 2, 9, leaf_hash(b"other"));
    log.roots.insert(
        TileId { level: 0, index: 2 },
        Some(log.tiles[&TileId { level: 0, index: 2 }].root()),
    );
    assert_eq!(found(&log), corrupt(0, 2));
    // One that cannot be read says nothing of those with which it was read.
    log.roots.insert(TileId { level: 0, index: 0 }, None);
    assert_eq!(found(&log), [span(TilesCorrupt, 0, 511), corrupt(0, 2)].concat());
}

#[test]
fn tiles_below_a_peak_over_two_tiles_of_level_1_are_checked() {
    if soak() {
        let log = small_log(131_072 + 256 + 3);
        assert_tiles_are_checked(&log, &[(1, 0), (1, 1), (0, 3), (0, 255), (0, 300), (0, 512)]);
    }
}
