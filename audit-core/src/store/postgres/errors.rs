//! What the server's errors mean to those who use a log.

use crate::store::StoreErrorKind;

/// See <https://www.postgresql.org/docs/current/errcodes-appendix.html>: the first two characters of a
/// SQLSTATE are its class.
pub(super) fn meaning(
    error: &sqlx::Error,
    refused: StoreErrorKind,
) -> (StoreErrorKind, &'static str) {
    use StoreErrorKind::{Damaged, Denied, Incompatible, Unavailable};
    let database = match error {
        sqlx::Error::Database(database) => database,
        sqlx::Error::Configuration(_) => return (Incompatible, ""),
        sqlx::Error::Decode(_) | sqlx::Error::ColumnDecode { .. } => return (Damaged, ""),
        sqlx::Error::Io(_) => return (Unavailable, ": the server is out of reach"),
        _ => return (Unavailable, ""),
    };
    let code = database.code().unwrap_or_default();
    match (code.get(..2).unwrap_or_default(), &*code) {
        // Data exception, integrity constraint, a limit, a trigger's own.
        ("22" | "23" | "54" | "P0", _) => (refused, ""),
        ("28", _) => (Denied, ": the server does not accept these credentials"),
        ("3D", _) => (Incompatible, ": there is no such database"),
        (_, "42501") => {
            (Denied, ": the role lacks a right, compare it with what `audit db roles` grants")
        }
        // A schema, table, column or function is missing.
        ("3F", _) | ("42", _) => (Incompatible, ": its audit tables are not those of this version"),
        (_, "25006") => (Unavailable, ": it can only be read, connect to the primary server"),
        (_, "53100") => (Unavailable, ": the server's disk is full"),
        (_, "53300") => (Unavailable, ": the server has no connection left"),
        (_, "57014") => (Unavailable, ": it took longer than 30 seconds, or somebody cancelled it"),
        (_, "55P03") => (Unavailable, ": somebody else holds the lock"),
        (_, "XX001" | "XX002") => (Damaged, ": the server's files are corrupt"),
        _ => (Unavailable, ""),
    }
}
