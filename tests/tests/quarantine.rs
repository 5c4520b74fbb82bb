//! A log that is not what was signed: nothing more is appended to it, its events wait, other logs go on, and a successor takes
//! what has waited.
#![cfg(test)]
#![allow(clippy::duplicate_mod, reason = "the same tests on each database")]

#[path = "quarantine/postgres.rs"]
mod postgres;
#[path = "support/postgres.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod postgres_database;
#[path = "quarantine/sqlite.rs"]
mod sqlite;
#[path = "support/sqlite.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod sqlite_database;

const TABLES: &str = "CREATE TABLE orders (id BIGINT PRIMARY KEY);";
