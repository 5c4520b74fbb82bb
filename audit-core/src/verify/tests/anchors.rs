//! Checkpoints from outside against whoever can write a head that fits.

use std::collections::BTreeMap;

use super::*;
use crate::merkle::{Frontier, Hash, leaf_hash};
use crate::note::{Checkpoint, Trusted};
use crate::verify::anchors::Sealed;
use crate::verify::{Against, Verification};

/// The root of the first entries of a log.
fn root(log: &Tampered, size: u64) -> Hash {
    let mut tree = Frontier::new();
    for row in log.rows.iter().take(usize::try_from(size).unwrap()) {
        tree.push(leaf_hash(&row.canon)).unwrap();
    }
    tree.root()
}

fn signed(log: &Tampered, sizes: &[u64]) -> Vec<Checkpoint> {
    let checkpoint = |&size: &u64| Checkpoint {
        origin: ORIGIN.to_owned(),
        size,
        root: root(log, size),
        extensions: Vec::new(),
    };
    sizes.iter().map(checkpoint).collect()
}

fn against(log: &Tampered, trusted: &[Checkpoint]) -> Report {
    let mut sealed: BTreeMap<String, Sealed> = BTreeMap::new();
    for checkpoint in trusted.iter().cloned() {
        let origin = checkpoint.origin.clone();
        let trusted = Trusted { checkpoint, seen: Vec::new() };
        let now = at(u64::from(u32::MAX));
        sealed.entry(origin).or_insert_with(|| Sealed::new(now)).add(&trusted, "a test");
    }
    let verification = Verification::of(&Reader::new(log.clone()));
    run(verification.run_at(sealed, BTreeMap::new(), at(u64::from(u32::MAX)))).unwrap()
}

const SIZES: [u64; 9] = [0, 1, 2, 100, 255, 256, 257, 512, 700];

#[test]
fn an_honest_log_is_what_was_signed_of_it_at_every_size() {
    let log = log(700);
    let report = against(&log, &signed(&log, &SIZES));
    assert_eq!(places(&report), []);
    assert_eq!(report.logs[0].against, Against::Checkpoint { size: 700 });
    assert!(report.to_string().contains("a checkpoint from outside for the first 700 entries"));
    let every: Vec<_> = (0..=300).collect();
    assert_eq!(places(&against(&log, &signed(&log, &every))), []);
}

#[test]
fn a_history_that_was_rewritten_with_its_head_is_forked_from_where_it_was_signed() {
    let leaves: Vec<_> = (0..700).map(leaf).collect();
    let of = |leaves: &[Leaf]| {
        run(async {
            let store = MemoryStore::new();
            append(&store, 0..700, 3, |index| leaves[usize::try_from(index).unwrap()].clone())
                .await;
            Tampered::of(&store).await
        })
    };
    let honest = of(&leaves);
    for changed in [0, 99, 256, 511, 699] {
        let mut rewritten = leaves.clone();
        rewritten[usize::try_from(changed).unwrap()] = leaf(changed);
        let other = of(&rewritten);
        assert_eq!(found(&other), [], "nothing in the database speaks against it");
        let report = against(&other, &signed(&honest, &SIZES));
        let forked = SIZES.iter().filter(|size| **size > changed).count();
        assert_eq!(places(&report), vec![(FindingKind::Forked, None); forked], "{changed}");
    }
}

#[test]
fn a_tail_that_was_cut_off_with_its_head_and_a_log_that_is_gone_are_truncated() {
    let honest = log(700);
    let cut = log(300);
    // Nonces are random: the first entries must be those that were signed.
    let mut signed_of_cut = signed(&cut, &[256, 300]);
    signed_of_cut.extend(signed(&honest, &[512, 700]));
    let report = against(&cut, &signed_of_cut);
    let (first, last) = ((300, 511), (300, 699));
    let truncated = [first, last].map(|place| (FindingKind::Truncated, Some(place)));
    assert_eq!(places(&report), truncated);

    let mut gone = signed(&honest, &[700]);
    gone[0].origin = "billing.example/audit/other".to_owned();
    let report = against(&honest, &gone);
    assert_eq!(places(&report), [(FindingKind::Truncated, Some((0, 699)))]);
    assert_eq!(report.logs[0].against, Against::Nothing);
}

#[test]
fn what_the_head_tells_already_is_not_told_again() {
    let honest = log(700);
    let trusted = signed(&honest, &SIZES);
    let mut changed = honest.clone();
    changed.edit(17, "invoice", "invoyce", false);
    assert_eq!(places(&against(&changed, &trusted)), each(FindingKind::Modified, [17]));
    let mut changed = honest.clone();
    changed.edit(650, "invoice", "invoyce", false);
    assert_eq!(places(&against(&changed, &trusted)), each(FindingKind::Modified, [650]));
    let mut changed = honest.clone();
    changed.delete(|index| index != 40 && index != 690);
    // The tile knows the leaf of the first; the second has none, and with it goes what stands behind, but for the head.
    let report = against(&changed, &trusted);
    assert_eq!(places(&report), each(FindingKind::Missing, [40, 690]));
    assert_eq!(report.logs[0].against, Against::Checkpoint { size: 700 });
    let between = [trusted, signed(&honest, &[695])].concat();
    let report = against(&changed, &between);
    assert!(report.to_string().contains("the last of them of 695 entries, cannot be compared"));
}

#[test]
fn two_roots_of_one_size_are_two_histories() {
    let (one, other, third) = (log(20), log(20), log(20));
    let both = [signed(&one, &[20]), signed(&other, &[20])].concat();
    for log in [&one, &other] {
        assert_eq!(places(&against(log, &both)), [(FindingKind::Equivocation, None)]);
    }
    let neither = [(FindingKind::Forked, None), (FindingKind::Equivocation, None)];
    assert_eq!(places(&against(&third, &both)), neither);
}
