//! One change, anywhere, in a log of any size: it is always found, and at its index.

use proptest::prelude::*;

use super::*;
use crate::merkle::{TileId, leaf_hash};

/// A change of one thing, at places that are taken modulo what there is.
fn tamper(log: &mut Tampered, what: u8, i: u64, j: u64) -> Vec<u64> {
    let size = log.head_mut().frontier.size();
    let (i, j) = (i % size, j % size);
    let tiles = size / 256;
    match what {
        0 => log.edit(i, "nonce", "nonse", false),
        1 => log.edit(i, "nonce", "nonse", true),
        2 => log.delete(|index| index != i),
        3 => log.delete(|index| index < i),
        4 if i != j => log.swap(i, j),
        5 if i != j => log.swap_bytes(i, j, false),
        6 if i != j => log.swap_bytes(i, j, true),
        7 => log.row(i).leaf = Some(leaf_hash(b"other")),
        8 => log.row(i).ip = None,
        9 => log.row(i).columns.as_mut().unwrap().resource_id = None,
        10 => {
            let row = log.row(i).clone();
            log.rows.push(crate::store::Row { index: size + j, ..row });
            return vec![size + j];
        }
        11 if tiles > 0 => {
            log.edit_tile(0, i % tiles, usize::try_from(j % 256).unwrap(), leaf_hash(b"other"));
            return vec![i % tiles * 256];
        }
        12 if tiles > 0 => {
            log.tiles.remove(&TileId { level: 0, index: i % tiles });
            return vec![i % tiles * 256];
        }
        13 => {
            let row = log.row(i);
            row.openings = row.openings.as_ref().map(|text| text.replacen("curl", "wget", 1));
        }
        _ => return Vec::new(),
    }
    if matches!(what, 4..=6) { vec![i, j] } else { vec![i] }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if soak() { 2_000 } else { 60 }))]

    #[test]
    fn any_one_change_is_found_at_its_index(
        size in prop_oneof![1..20_u64, 200..320_u64, 505..550_u64],
        batch in 1..40_usize,
        what in 0..14_u8,
        i: u64,
        j: u64,
    ) {
        let mut log = run(async {
            let store = MemoryStore::new();
            append(&store, 0..size, batch, leaf).await;
            Tampered::of(&store).await
        });
        prop_assert_eq!(found(&log), []);
        let changed = tamper(&mut log, what, i, j);
        let found = found(&log);
        prop_assert_eq!(found.is_empty(), changed.is_empty());
        for index in changed {
            let named = found.iter().any(|(_, place)| place.is_some_and(|(first, last)| first <= index && index <= last));
            prop_assert!(named, "{} is not in {:?}", index, found);
        }
        prop_assert!(found.len() <= 2, "{:?}", found);
    }
}
