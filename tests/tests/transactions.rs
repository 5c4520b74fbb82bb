//! An entry and the business change that it tells of: both are committed, or neither is.
//!
//! With `AUDIT_SOAK=1`, the business does 1,000 transactions, and not 300.
#![cfg(test)]
#![allow(clippy::duplicate_mod, reason = "the same tests on each database")]

#[path = "support/log.rs"]
mod log;
#[path = "transactions/postgres.rs"]
mod postgres;
#[path = "support/postgres.rs"]
mod postgres_database;
#[path = "transactions/sqlite.rs"]
mod sqlite;
#[path = "support/sqlite.rs"]
mod sqlite_database;

use audit_core::NotRecorded;

/// The application's own. A commit fails where an order names a customer that is not there: no statement before
/// it does.
const TABLES: &str = "\
    CREATE TABLE customers (id BIGINT PRIMARY KEY);
    CREATE TABLE orders (
        id BIGINT PRIMARY KEY,
        customer BIGINT REFERENCES customers (id) DEFERRABLE INITIALLY DEFERRED
    );";

/// The application's error.
#[derive(Debug)]
enum AppError {
    Refused,
    Database(sqlx::Error),
    Unrecorded(NotRecorded),
}

impl std::fmt::Display for AppError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused => f.write_str("the till is closed"),
            Self::Database(error) => error.fmt(f),
            Self::Unrecorded(error) => error.fmt(f),
        }
    }
}

impl From<sqlx::Error> for AppError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

impl From<NotRecorded> for AppError {
    fn from(error: NotRecorded) -> Self {
        Self::Unrecorded(error)
    }
}
