//! Verifications that begin where the last one ended.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::FindingKind::{Forked, Missing, Modified, Truncated, Unauthentic};
use super::large::small_log;
use super::signed::{Key, kept};
use super::*;
use crate::note::{Policy, SignedNote};

/// Verifies what comes after a checkpoint, compares with others, and counts what is read.
fn since(
    log: &Tampered,
    key: &Key,
    verified: &SignedNote,
    others: &[&SignedNote],
) -> (Report, u64) {
    let read = Arc::new(AtomicU64::new(0));
    let policy = Policy::of_logs([key.0.public().clone()]);
    let verification = Verification::of(&Reader::new(log.clone())).policy(policy);
    let mut verification = verification.since(verified.clone(), "last time");
    for note in others {
        verification = verification.checkpoint((*note).clone(), "today");
    }
    let report = run(verification.counting(read.clone()).run()).unwrap();
    (report, read.load(Ordering::Relaxed))
}

#[test]
fn of_what_was_verified_no_more_is_read_than_what_stands_under_no_tile() {
    for (entries, sizes) in
        [(700, vec![0, 1, 255, 256, 257, 512, 699, 700]), (66_000, vec![40_000, 65_536, 65_999])]
    {
        let mut log = small_log(entries);
        let key = Key::of(ORIGIN);
        log.kept = [1, 256, 300, 600].map(|size| kept(&key.note(&log, size))).to_vec();
        let whole = key.note(&log, entries);
        for size in sizes {
            let (report, read) = since(&log, &key, &key.note(&log, size), &[&whole]);
            let from = size - size % 256;
            assert_eq!((places(&report), read), (vec![], entries - from), "{size} of {entries}");
            let told = &report.logs[0];
            assert_eq!(told.from, from);
            let later = [1, 256, 300, 600].iter().filter(|kept| **kept > size).count();
            assert_eq!(told.kept, u64::try_from(later).unwrap());
            assert_eq!(report.to_string().contains("were not read"), from > 0);
        }
    }
}

#[test]
fn what_was_changed_since_is_found_and_what_was_verified_is_not_read_again() {
    let honest = log(800);
    let key = Key::of(ORIGIN);
    let verified = key.note(&honest, 520);
    let found = |log: &Tampered| places(&since(log, &key, &verified, &[]).0);
    let mut changed = honest.clone();
    for (index, expected) in
        [(511, vec![]), (512, each(Modified, [512])), (799, each(Modified, [512, 799]))]
    {
        changed.edit(index, "invoice", "invoyce", false);
        assert_eq!(found(&changed), expected, "{index}");
    }
    let mut changed = honest.clone();
    changed.delete(|index| index != 40 && index != 600);
    assert_eq!(found(&changed), each(Missing, [600]));
}

#[test]
fn a_history_that_was_rewritten_or_cut_off_below_what_was_verified_is_no_longer_that_one() {
    let key = Key::of(ORIGIN);
    let verified = key.note(&log(700), 520);
    let (report, _) = since(&log(700), &key, &verified, &[]);
    assert_eq!(places(&report), [(Forked, None)]);
    // Where the size falls onto a tile, nothing of it is read, and it is seen all the same.
    let verified = key.note(&log(700), 512);
    let (report, read) = since(&log(700), &key, &verified, &[]);
    assert_eq!((places(&report), read), (vec![(Forked, None)], 188));
    let cut = small_log(300);
    let verified = key.note(&small_log(700), 520);
    let (report, _) = since(&cut, &key, &verified, &[]);
    assert_eq!(places(&report), span(Truncated, 300, 519));
}

#[test]
fn a_checkpoint_that_nobody_believes_leaves_nothing_out() {
    let log = log(700);
    let (key, stranger) = (Key::of(ORIGIN), Key::of(ORIGIN));
    let (report, read) = since(&log, &key, &stranger.note(&log, 520), &[]);
    assert_eq!((places(&report), read), (vec![(Unauthentic, None)], 700));
}

#[test]
fn a_checkpoint_of_less_than_was_verified_is_not_said_to_be_compared() {
    let log = log(700);
    let key = Key::of(ORIGIN);
    let (less, more) = (key.note(&log, 100), key.note(&log, 600));
    let (report, _) = since(&log, &key, &key.note(&log, 512), &[&less, &more]);
    let sizes: Vec<_> = report.logs[0].checkpoints.iter().map(|compared| compared.size).collect();
    assert_eq!((places(&report), sizes), (vec![], vec![512, 600]));
}
