//! Seeds, changed by chance, for a few seconds.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rand::rngs::SmallRng;
use rand::{RngExt as _, SeedableRng as _};

use super::{TARGETS, Target};

/// Texts that parsers look for.
const WORDS: [&[u8]; 16] = [
    b"\n\n",
    b"\n",
    b" ",
    b"\xe2\x80\x94 ",
    b"old ",
    b"index ",
    b"extra ",
    b"quorum none",
    b"group ",
    b"18446744073709551615",
    b"9007199254740993",
    b"\\u0000",
    b"{\"",
    b"[[[[[[[[",
    b"==",
    b"\xff",
];

#[test]
fn no_parser_is_brought_down_by_seeds_that_were_changed_by_chance() {
    let is_soak = std::env::var_os("AUDIT_SOAK").is_some();
    // Without optimisation a signature takes milliseconds to check.
    let rounds = if is_soak { 10_000 } else { 400 };
    let seed: u64 = rand::random();
    let seed = std::env::var("AUDIT_SEED").map_or(seed, |seed| seed.parse().unwrap());
    for target in TARGETS {
        eprintln!("{}: {rounds} inputs from the seed {seed} (AUDIT_SEED)", target.name);
        let mut chance = SmallRng::seed_from_u64(seed);
        let seeds = (target.seeds)();
        seeds.iter().for_each(|seed| run(target, seed));
        for _ in 0..rounds {
            run(target, &changed(&seeds, &mut chance));
        }
    }
}

fn run(target: Target, input: &[u8]) {
    let done = catch_unwind(AssertUnwindSafe(|| (target.run)(input)));
    assert!(done.is_ok(), "{}: {:?}", target.name, String::from_utf8_lossy(input));
}

/// One of the seeds with a few changes.
fn changed(seeds: &[Vec<u8>], chance: &mut SmallRng) -> Vec<u8> {
    let mut bytes = seeds[chance.random_range(0..seeds.len())].clone();
    for _ in 0..chance.random_range(1..=4) {
        let at = chance.random_range(0..=bytes.len());
        let end = chance.random_range(at..=bytes.len());
        match chance.random_range(0..8) {
            0 => bytes.truncate(at),
            1 => drop(bytes.drain(at..end)),
            2 => bytes = [&bytes[..end], &bytes[at..]].concat(),
            3 => bytes = bytes.repeat(2),
            4 => drop(bytes.splice(at..at, WORDS[chance.random_range(0..WORDS.len())].to_vec())),
            5 => {
                let other = &seeds[chance.random_range(0..seeds.len())];
                let from = chance.random_range(0..=other.len());
                drop(bytes.splice(at..end, other[from..].to_vec()));
            }
            6 if at < bytes.len() => bytes[at] = chance.random(),
            _ if at < bytes.len() => bytes[at] ^= 1 << chance.random_range(0..8),
            _ => {}
        }
    }
    bytes
}

#[test]
fn each_target_takes_its_seeds_and_has_a_name_of_its_own() {
    let names: std::collections::BTreeSet<_> = TARGETS.iter().map(|target| target.name).collect();
    assert_eq!(names.len(), TARGETS.len());
    assert!(TARGETS.iter().all(|target| !(target.seeds)().is_empty()));
}
