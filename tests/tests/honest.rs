//! An honest log never yields a finding, whatever happens around it: load, restarts and kills of those who record, of those who
//! sign, old copies of a signer's folder, new keys, and more than one of each.
//!
//! A run does all of that in an order of its own. `AUDIT_SEED=7` repeats one of them; with `AUDIT_SOAK=1` there are 200, and not 20.
#![cfg(test)]
#![allow(clippy::duplicate_mod, reason = "the same tests on each database")]

#[path = "support/chance.rs"]
mod chance;
#[path = "honest/postgres.rs"]
mod postgres;
#[path = "support/postgres.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod postgres_database;
#[path = "support/process.rs"]
mod process;
#[path = "honest/sqlite.rs"]
mod sqlite;
#[path = "support/sqlite.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod sqlite_database;

use std::ops::Range;

/// The application's own.
const TABLES: &str = "CREATE TABLE orders (id BIGINT PRIMARY KEY)";

/// The runs on each of the two databases.
fn seeds() -> Range<u64> {
    match std::env::var("AUDIT_SEED").ok().and_then(|seed| seed.parse().ok()) {
        Some(seed) => seed..seed + 1,
        None if std::env::var_os("AUDIT_SOAK").is_some() => 0..100,
        None => 0..10,
    }
}

/// Chance that a seed gives, number by number.
struct Dice {
    seed: u64,
    drawn: u64,
}

impl Dice {
    fn new(seed: u64) -> Self {
        Self { seed: seed << 32, drawn: 0 }
    }

    /// For dice of its own.
    fn seed(&mut self) -> u64 {
        self.drawn += 1;
        chance::chance(self.seed + self.drawn, 1 << 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.seed()).unwrap() % limit
    }
}
