//! What SQLite's errors mean to those who use a log.

use crate::store::StoreErrorKind;

/// See <https://www.sqlite.org/rescode.html>: the low byte is the primary code.
pub(super) fn meaning(
    error: &sqlx::Error,
    refused: StoreErrorKind,
) -> (StoreErrorKind, &'static str) {
    use StoreErrorKind::{Damaged, Incompatible, Locked, Unavailable};
    match error {
        sqlx::Error::Database(_) => match result_code(error) & 0xff {
            // TOOBIG, CONSTRAINT, MISMATCH
            18..=20 => (refused, ""),
            // CORRUPT
            11 => (Damaged, ""),
            // ERROR (a table or a column is missing)
            1 => (Incompatible, ": its audit tables are not those of this version"),
            // FORMAT, NOTADB
            24 | 26 => (Incompatible, ": this file is no SQLite database, name another one"),
            // READONLY
            8 => (Unavailable, ": it can only be read, by this user or by the way it was opened"),
            // INTERRUPT
            9 => (
                Unavailable,
                ": it took longer than 30 seconds, look for what fewer entries have, or in a shorter time",
            ),
            // FULL
            13 => (Unavailable, ": the disk is full"),
            // BUSY, LOCKED
            5 | 6 => (Locked, ": another connection has been writing for too long"),
            // IOERR, CANTOPEN, ...
            _ => (Unavailable, ""),
        },
        sqlx::Error::Configuration(_) => (Incompatible, ""),
        sqlx::Error::RowNotFound => {
            (Damaged, ": a row is not there, as if a trigger had let it fall")
        }
        sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. } => (Damaged, ""),
        _ => (Unavailable, ""),
    }
}

/// SQLite's extended result code, whose low byte is the primary one; 0 for an error that is none of SQLite's.
pub(super) fn result_code(error: &sqlx::Error) -> i32 {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.and_then(|code| code.parse().ok()).unwrap_or(0)
}
