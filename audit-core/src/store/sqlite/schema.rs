//! Migrations of the audit tables, apart from those of the application.

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection as _, Row as _, SqlSafeStr as _};

use super::LOCK;
use super::errors::Doing;
use crate::store::StoreError;

/// Brings the audit tables to the version of this library.
///
/// The migrations are kept in a table of their own, so that an application that uses sqlx migrations in
/// the same database can have its own version 1.
pub(super) async fn migrate(connection: &mut SqliteConnection, doing: &Doing) -> Result<(), StoreError> {
    let migrator = migrator();
    // A database that is up to date is not locked: the application may be in the middle of a write.
    if is_current(connection, &migrator, doing).await? {
        return Ok(());
    }
    // sqlx's migrator takes no lock on SQLite; of two processes, one would find half of the tables.
    let mut transaction = connection.begin_with(LOCK).await.map_err(|error| doing.failed(error))?;
    if !is_current(&mut transaction, &migrator, doing).await? {
        migrator.run(&mut *transaction).await.map_err(|error| doing.failed(error.into()))?;
    }
    transaction.commit().await.map_err(|error| doing.failed(error))
}

/// Makes sure that the audit tables are there in the version of this library, and changes nothing.
pub(super) async fn check(connection: &mut SqliteConnection, doing: &Doing) -> Result<(), StoreError> {
    if is_current(connection, &migrator(), doing).await? {
        return Ok(());
    }
    Err(doing.incompatible(
        "it has no audit tables, or older ones: name another file, or let the application open it first",
    ))
}

fn migrator() -> Migrator {
    let log = include_str!("../../../migrations/sqlite/0001_log.sql");
    let log = Migration::new(1, "log".into(), MigrationType::Simple, log.into_sql_str(), false);
    let mut migrator = Migrator::with_migrations(vec![log]);
    migrator.dangerous_set_table_name("audit_migrations");
    migrator
}

/// Whether all migrations have been applied, and none that this library does not know.
async fn is_current(
    connection: &mut SqliteConnection,
    migrator: &Migrator,
    doing: &Doing,
) -> Result<bool, StoreError> {
    let table = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'audit_migrations'";
    let table = sqlx::query(table).fetch_optional(&mut *connection).await;
    if table.map_err(|error| doing.failed(error))?.is_none() {
        return Ok(false);
    }
    let applied = sqlx::query("SELECT version, checksum FROM audit_migrations ORDER BY version");
    let applied = applied.fetch_all(&mut *connection).await.map_err(|error| doing.failed(error))?;
    for row in &applied {
        let version: i64 = row.try_get(0).map_err(|error| doing.failed(error))?;
        let checksum: Vec<u8> = row.try_get(1).map_err(|error| doing.failed(error))?;
        match migrator.iter().find(|migration| migration.version == version) {
            Some(known) if *known.checksum == *checksum => {}
            Some(_) => {
                let what = format!("its audit schema has another version {version}: use the library that made it");
                return Err(doing.incompatible(&what));
            }
            None => {
                let what = format!("its audit schema has version {version}: use a newer version of this library");
                return Err(doing.incompatible(&what));
            }
        }
    }
    Ok(applied.len() == migrator.iter().count())
}
