//! Whoever owns the database attacks it, with all triggers off: each attack is found, and as what it is.
//!
//! What an attack is found as does not depend on the database: one table of attacks is run on both.
#![cfg(test)]
#![allow(clippy::duplicate_mod, reason = "the same tests on each database")]

#[path = "attacks/postgres.rs"]
mod postgres;
#[path = "support/postgres.rs"]
#[expect(dead_code, reason = "the application's own is not attacked")]
mod postgres_database;
#[path = "attacks/sqlite.rs"]
mod sqlite;
#[path = "support/sqlite.rs"]
#[expect(dead_code, reason = "the application's own is not attacked")]
mod sqlite_database;
#[path = "attacks/table.rs"]
mod table;

/// The application's own.
const TABLES: &str = "CREATE TABLE business (id BIGINT PRIMARY KEY)";
