//! What the five audit logs can do that this one takes the place of (`docs/vocabulary.md` names them A to E): a test for each
//! row of what they can, `ref_<letter>_<row>`, on SQLite and on PostgreSQL.
//!
//! Rows of which there is nothing here: acknowledged alerts (of E3), retention (of D7), the console (E7, E8), and E9, which counts tests.
#![cfg(test)]
#![allow(clippy::duplicate_mod, reason = "the same tests on each database")]

#[path = "reference/http.rs"]
mod http;
#[path = "reference/postgres.rs"]
mod postgres;
#[path = "support/postgres.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod postgres_database;
#[path = "reference/sqlite.rs"]
mod sqlite;
#[path = "support/sqlite.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod sqlite_database;

/// The application's own.
const TABLES: &str = "CREATE TABLE orders (id BIGINT PRIMARY KEY)";
