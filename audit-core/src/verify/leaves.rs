//! The rows under a subtree of at most 256 leaves.

use std::collections::BTreeSet;
use std::ops::Range;

use super::examined::Examined;
use super::strays::Strays;
use crate::merkle::{Hash, Tile};

/// The rows of a perfect subtree by their places in it, with the hashes of their bytes.
#[derive(Debug)]
pub(super) struct Leaves {
    /// The leaves under it.
    pub(super) range: Range<u64>,
    slots: Vec<Option<Examined>>,
    /// Indices that more than one row claims; the first row has the place.
    pub(super) claimed: BTreeSet<u64>,
}

impl Leaves {
    pub(super) fn new(range: Range<u64>) -> Self {
        Self { slots: range.clone().map(|_| None).collect(), range, claimed: BTreeSet::new() }
    }

    pub(super) fn put(&mut self, row: Examined) {
        let place = row.index.checked_sub(self.range.start);
        let place = place.and_then(|place| usize::try_from(place).ok());
        match place.and_then(|place| self.slots.get_mut(place)) {
            Some(slot @ None) => *slot = Some(row),
            _ => {
                self.claimed.insert(row.index);
            }
        }
    }

    /// Whether a row is missing.
    pub(super) fn misses_any(&self) -> bool {
        self.slots.iter().any(Option::is_none)
    }

    /// The rows that are there, with their places.
    pub(super) fn rows(&self) -> impl Iterator<Item = (usize, &Examined)> {
        let slots = self.slots.iter().enumerate();
        slots.filter_map(|(place, slot)| slot.as_ref().map(|row| (place, row)))
    }

    /// The hashes of the bytes, if no row is missing.
    pub(super) fn hashed(&self) -> Option<Vec<Hash>> {
        self.slots.iter().map(|slot| slot.as_ref().map(|row| row.hash)).collect()
    }

    /// The stored leaf hashes, if none is missing.
    pub(super) fn stored(&self) -> Option<Vec<Hash>> {
        self.slots.iter().map(|slot| slot.as_ref()?.leaf).collect()
    }

    /// Whether a tile of which nothing is known is more likely wrong than these rows: most of them have
    /// the leaf hash of their bytes beside them, and another one in the tile.
    pub(super) fn disprove(&self, tile: &Tile) -> bool {
        let differs = |(place, row): &(usize, &Examined)| {
            row.leaf == Some(row.hash) && tile.hashes().get(*place) != Some(&row.hash)
        };
        self.rows().filter(differs).count() > self.rows().count() / 2
    }

    /// The leaf hashes that have this root: the stored ones, those of the bytes, or those of the bytes
    /// with what was swapped with another block swapped back.
    pub(super) fn settled(&self, expected: Hash, strays: &Strays) -> Option<Vec<Hash>> {
        let fits = |hashes: &Vec<Hash>| root_of(hashes) == Some(expected);
        let hashed = self.hashed();
        let back = |hash: &Hash| strays.swapped_for(hash).unwrap_or(*hash);
        let swapped_back = hashed.as_ref().map(|hashes| hashes.iter().map(back).collect());
        [self.stored(), hashed, swapped_back].into_iter().flatten().find(fits)
    }
}

/// The root over 1 to 256 hashes.
pub(super) fn root_of(hashes: &[Hash]) -> Option<Hash> {
    Tile::new(hashes.to_vec()).ok().map(|tile| tile.root())
}
