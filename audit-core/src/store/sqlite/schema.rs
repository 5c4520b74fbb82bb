//! Migrations of the audit tables, apart from those of the application.

use sqlx::migrate::{Migrate as _, Migration, MigrationType};
use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection as _, Row as _, SqlSafeStr as _};

use super::LOCK;
use super::errors::Doing;
use crate::store::StoreError;

/// The library's own list of migrations: an application that uses sqlx migrations in the same file has
/// its list, with its own version 1, in `_sqlx_migrations`.
const TABLE: &str = "audit_migrations";

const IS_THERE: &str =
    "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'audit_migrations'";

const APPLIED: &str = "SELECT version, checksum FROM audit_migrations ORDER BY version";

fn migrations() -> [Migration; 1] {
    let one = |version, name: &'static str, sql: &'static str| {
        Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
    };
    [one(1, "log", include_str!("../../../migrations/sqlite/0001_log.sql"))]
}

/// Brings the audit tables to the version of this library.
pub(super) async fn migrate(
    connection: &mut SqliteConnection,
    doing: &Doing,
) -> Result<(), StoreError> {
    // A database that is up to date is not locked: the application may be in the middle of a write.
    if missing(connection, doing).await?.is_empty() {
        return Ok(());
    }
    // sqlx's migrator takes no lock on SQLite, and of two processes one would find half of the tables;
    // so its steps are taken here, in one transaction.
    let mut transaction = connection.begin_with(LOCK).await.map_err(|error| doing.failed(error))?;
    for migration in missing(&mut transaction, doing).await? {
        let failed = |error: sqlx::migrate::MigrateError| doing.failed(error.into());
        transaction.ensure_migrations_table(TABLE).await.map_err(failed)?;
        transaction.apply(TABLE, &migration).await.map_err(failed)?;
    }
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

/// The migrations that have not been applied; an error where one has been that this library does not
/// know.
async fn missing(
    connection: &mut SqliteConnection,
    doing: &Doing,
) -> Result<Vec<Migration>, StoreError> {
    let mut missing = Vec::from(migrations());
    let table = sqlx::query(IS_THERE).fetch_optional(&mut *connection).await;
    if table.map_err(|error| doing.failed(error))?.is_none() {
        return Ok(missing);
    }
    let applied = sqlx::query(APPLIED).fetch_all(connection).await;
    for row in applied.map_err(|error| doing.failed(error))? {
        let version: i64 = row.try_get(0).map_err(|error| doing.failed(error))?;
        let checksum: Vec<u8> = row.try_get(1).map_err(|error| doing.failed(error))?;
        let Some(at) = missing.iter().position(|known| known.version == version) else {
            let what = format!(
                "its audit schema has version {version}: use a newer version of this library"
            );
            return Err(doing.incompatible(&what));
        };
        if *missing.remove(at).checksum != *checksum {
            let what = format!(
                "its audit schema has another version {version}: use the library that made it"
            );
            return Err(doing.incompatible(&what));
        }
    }
    Ok(missing)
}
