//! The audit tables, and their versions.

use sqlx::Connection as _;
use sqlx::migrate::Migration;
use sqlx::sqlite::SqliteConnection;

use super::LOCK;
use crate::store::doing::Doing;
use crate::store::{StoreError, migrations};

const TABLE: &str = "audit_migrations";

const IS_THERE: &str =
    "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'audit_migrations'";

const ENCODING: &str = "PRAGMA encoding";

const APPLIED: &str = "SELECT version, checksum FROM audit_migrations ORDER BY version";

/// Brings the audit tables to the version of this library.
pub(super) async fn migrate(
    connection: &mut SqliteConnection,
    doing: &Doing,
) -> Result<(), StoreError> {
    // A database that is up to date is not locked: the application may be in the middle of a write.
    if missing(connection, doing).await?.is_empty() {
        return Ok(());
    }
    let mut transaction = connection.begin_with(LOCK).await.map_err(|error| doing.failed(error))?;
    let missing = missing(&mut transaction, doing).await?;
    migrations::apply(&mut *transaction, TABLE, &missing, doing).await?;
    transaction.commit().await.map_err(|error| doing.failed(error))
}

/// Makes sure that the audit tables are there in the version of this library, and changes nothing.
pub(super) async fn check(
    connection: &mut SqliteConnection,
    doing: &Doing,
) -> Result<(), StoreError> {
    if missing(connection, doing).await?.is_empty() {
        return Ok(());
    }
    Err(doing.incompatible(
        "it has no audit tables, or older ones: name another file, or let the application open it first",
    ))
}

async fn missing(
    connection: &mut SqliteConnection,
    doing: &Doing,
) -> Result<Vec<Migration>, StoreError> {
    let known = vec![migrations::migration(
        1,
        "log",
        include_str!("../../../migrations/sqlite/0001_log.sql"),
    )];
    let encoding = sqlx::query_scalar(ENCODING).fetch_one(&mut *connection).await;
    let encoding: String = encoding.map_err(|error| doing.failed(error))?;
    if encoding != "UTF-8" {
        // Statements take bytes for text, and text for bytes.
        return Err(doing.incompatible("its texts are in UTF-16: give the log a file of its own"));
    }
    let table = sqlx::query(IS_THERE).fetch_optional(&mut *connection).await;
    if table.map_err(|error| doing.failed(error))?.is_none() {
        return Ok(known);
    }
    let applied = sqlx::query_as(APPLIED).fetch_all(connection).await;
    migrations::missing(known, applied.map_err(|error| doing.failed(error))?, doing)
}
