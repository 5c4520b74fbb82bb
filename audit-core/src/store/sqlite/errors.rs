//! What the database's errors mean to those who use a log.

use std::sync::Arc;

use crate::store::{StoreError, StoreErrorKind};

/// Something that is being done with a database file: what errors of it say.
#[derive(Debug, Clone)]
pub(super) struct Doing {
    what: String,
    file: Arc<str>,
}

impl Doing {
    pub(super) fn new(what: impl Into<String>, file: &Arc<str>) -> Self {
        Self { what: what.into(), file: Arc::clone(file) }
    }

    /// The error for a failed statement in which no data of the caller's can be at fault: where a
    /// constraint or a trigger refuses it, the tables are not what they were.
    pub(super) fn failed(&self, error: sqlx::Error) -> StoreError {
        self.refused_as(StoreErrorKind::Damaged, error)
    }

    /// The error for a failed statement that carries data of the caller's: where a constraint or a
    /// trigger refuses it, that data is refused.
    pub(super) fn rejected(&self, error: sqlx::Error) -> StoreError {
        self.refused_as(StoreErrorKind::Rejected, error)
    }

    /// The error for something that should not be found in the tables.
    pub(super) fn damaged(&self, what: &str) -> StoreError {
        StoreError::new(StoreErrorKind::Damaged, format!("{self}: {what}"))
    }

    /// The error for a database that this version cannot use; `what` says what to do.
    pub(super) fn incompatible(&self, what: &str) -> StoreError {
        StoreError::new(StoreErrorKind::Incompatible, format!("{self}: {what}"))
    }

    /// Says of an error made elsewhere what was being done.
    pub(super) fn because(&self, error: StoreError) -> StoreError {
        StoreError::new(error.kind(), self.to_string()).caused_by(error)
    }

    fn refused_as(&self, refused: StoreErrorKind, error: sqlx::Error) -> StoreError {
        let code = result_code(&error);
        let kind = match &error {
            sqlx::Error::Database(_) => kind_of(code, refused),
            sqlx::Error::Configuration(_) => StoreErrorKind::Incompatible,
            sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. } => StoreErrorKind::Damaged,
            _ => StoreErrorKind::Unavailable,
        };
        let advice = match code & 0xff {
            1 => ": its audit tables are not those of this version",
            26 => ": this file is no SQLite database, name another one",
            _ => "",
        };
        StoreError::new(kind, format!("{self}{advice}")).caused_by(error)
    }
}

impl std::fmt::Display for Doing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} in {}", self.what, self.file)
    }
}

/// SQLite's extended result code, whose low byte is the primary one; 0 for an error that is none of SQLite's.
pub(super) fn result_code(error: &sqlx::Error) -> i32 {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code);
    code.and_then(|code| code.parse().ok()).unwrap_or(0)
}

/// See <https://www.sqlite.org/rescode.html>: the low byte is the primary code.
fn kind_of(code: i32, refused: StoreErrorKind) -> StoreErrorKind {
    match code & 0xff {
        // TOOBIG, CONSTRAINT, MISMATCH
        18..=20 => refused,
        // CORRUPT
        11 => StoreErrorKind::Damaged,
        // ERROR (a table or a column is missing), FORMAT, NOTADB
        1 | 24 | 26 => StoreErrorKind::Incompatible,
        // BUSY, LOCKED, IOERR, FULL, READONLY, CANTOPEN, ...
        _ => StoreErrorKind::Unavailable,
    }
}
