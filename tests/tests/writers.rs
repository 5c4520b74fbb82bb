//! Several processes write into the same logs, and one of them is killed.
//!
//! With `AUDIT_SOAK=1`, each task writes 5,000 events, and not 200.
#![cfg(test)]
#![allow(clippy::duplicate_mod, reason = "the same tests on each database")]

#[path = "support/log.rs"]
#[allow(dead_code, reason = "the tests of transactions use the rest of it")]
mod log;
#[path = "writers/postgres.rs"]
mod postgres;
#[path = "support/postgres.rs"]
#[allow(dead_code, reason = "the tests of transactions use the rest of it")]
mod postgres_database;
#[path = "support/process.rs"]
mod process;
#[path = "writers/sqlite.rs"]
mod sqlite;
#[path = "support/sqlite.rs"]
#[allow(dead_code, reason = "the tests of transactions use the rest of it")]
mod sqlite_database;

/// The application's own.
const TABLES: &str = "CREATE TABLE orders (id BIGINT PRIMARY KEY)";

/// Events of each task.
fn events_per_task() -> usize {
    if std::env::var_os("AUDIT_SOAK").is_some() { 5_000 } else { 200 }
}
