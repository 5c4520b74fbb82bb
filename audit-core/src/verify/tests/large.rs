//! A log of more than 65,536 entries, so that there are tiles of level 1.

use super::FindingKind::{Missing, Modified, Reordered, TilesCorrupt};
use super::*;
use crate::event::EncodedEvent;
use crate::merkle::{TileId, leaf_hash};

/// The smallest leaf that there is: these logs are about the tree.
fn small(index: u64) -> Leaf {
    let id = uuid::Uuid::from_u64_pair(7, index);
    let canon = format!(
        "{{\"action\":\"a\",\"id\":\"{id}\",\"nonce\":\"\",\"occurred_at\":\"2026-01-01T00:00:00Z\"}}"
    );
    Leaf::new(EncodedEvent { id, class: "standard".to_owned(), canon, openings: None }).unwrap()
}

#[test]
fn changes_below_tiles_of_level_1_are_found_at_their_indices() {
    // Under one tile of level 1 there is a peak to compare it with; under two, only both together.
    let size = if soak() { 131_072 } else { 65_536 } + 256 + 3;
    let log = run(async {
        let store = MemoryStore::new();
        append(&store, 0..size, 1_000, small).await;
        Tampered::of(&store).await
    });
    assert_eq!(found(&log), []);

    let other = leaf_hash(b"other");
    let tile = |level, index| {
        let leaves = 256_u64.pow(u32::from(level) + 1);
        span(TilesCorrupt, index * leaves, (index + 1) * leaves - 1)
    };
    let places = if soak() { &[(1, 0), (1, 1), (0, 3), (0, 255), (0, 512)][..] } else { &[(1, 0)] };
    for &(level, index) in places {
        let mut changed = log.clone();
        changed.edit_tile(level, index, 9, other);
        assert_eq!(found(&changed), tile(level, index));
        changed.tiles.remove(&TileId { level, index });
        assert_eq!(found(&changed), tile(level, index));
    }

    let mut log = log;
    let last = size - 1;
    log.edit_tile(1, 0, 9, other);
    log.edit_tile(0, 3, 9, other);
    log.edit(30_000, "nonce", "nonse", true);
    log.swap(5, last);
    log.swap(60_000, 65_536);
    log.delete(|index| !(1_100..=20_000).contains(&index));
    let expected = [
        tile(1, 0),
        each(Reordered, [5]),
        tile(0, 3),
        span(Missing, 1_100, 20_000),
        each(Modified, [30_000]),
        each(Reordered, [60_000, 65_536, last]),
    ];
    assert_eq!(found(&log), expected.concat());
}
