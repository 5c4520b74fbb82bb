//! Which of several hashes that are on offer are the right ones.

use crate::merkle::Hash;

/// How many ways to choose are tried at the most: twelve places in doubt between two hashes.
const MOST_WAYS: usize = 4_096;

/// Chooses a hash for each place so that together they fit. Each source offers a hash for each place, or
/// none where it has none. First one source is trusted as far as it goes, the next ones where it has
/// nothing; after that, every mixture of them is tried, unless there are too many.
pub(super) fn choose(
    mut sources: [&[Option<Hash>]; 3],
    fits: impl Fn(&[Hash]) -> bool,
) -> Option<Vec<Hash>> {
    for _ in 0..sources.len() {
        let first = offers(sources).map(|offers| offers.first().copied());
        if let Some(chosen) = first.collect::<Option<Vec<_>>>().filter(|chosen| fits(chosen)) {
            return Some(chosen);
        }
        sources.rotate_left(1);
    }
    let mut places: Vec<_> = offers(sources).collect();
    for offers in &mut places {
        offers.sort_unstable();
        offers.dedup();
    }
    let ways = places.iter().try_fold(1_usize, |ways, offers| ways.checked_mul(offers.len()));
    let mut mixtures = (0..ways.filter(|ways| *ways <= MOST_WAYS)?).filter_map(|mut way| {
        let pick = |offers: &Vec<Hash>| {
            let offer = offers.get(way % offers.len()).copied();
            way /= offers.len();
            offer
        };
        places.iter().map(pick).collect::<Option<Vec<_>>>()
    });
    mixtures.find(|chosen| fits(chosen))
}

/// The hashes on offer for each place.
fn offers([a, b, c]: [&[Option<Hash>]; 3]) -> impl Iterator<Item = Vec<Hash>> {
    let places = a.iter().zip(b).zip(c);
    places.map(|((a, b), c)| [a, b, c].into_iter().flatten().copied().collect())
}
