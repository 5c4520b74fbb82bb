//! The library's own list of migrations, apart from that of the application, which sqlx keeps in
//! `_sqlx_migrations` and which has a version 1, too.

use sqlx::migrate::{Migrate, MigrateError, Migration, MigrationType};
use sqlx::{Error, SqlSafeStr as _};

use super::StoreError;
use super::doing::Doing;

pub(super) fn migration(version: i64, name: &'static str, sql: &'static str) -> Migration {
    Migration::new(version, name.into(), MigrationType::Simple, sql.into_sql_str(), false)
}

/// The migrations that have not been applied; an error where one has been that this library does not
/// know. What has been applied comes as version and checksum.
pub(super) fn missing(
    mut known: Vec<Migration>,
    applied: impl IntoIterator<Item = (i64, Vec<u8>)>,
    doing: &Doing,
) -> Result<Vec<Migration>, StoreError> {
    for (version, checksum) in applied {
        let Some(at) = known.iter().position(|known| known.version == version) else {
            let what = format!(
                "its audit schema has version {version}: use a newer version of this library"
            );
            return Err(doing.incompatible(&what));
        };
        if *known.remove(at).checksum != *checksum {
            let what = format!(
                "its audit schema has another version {version}: use the library that made it"
            );
            return Err(doing.incompatible(&what));
        }
    }
    Ok(known)
}

/// Applies migrations within the transaction that is open on a connection.
///
/// sqlx's migrator is not used: it takes no lock on SQLite, and on PostgreSQL it keeps one on the
/// connection when it fails.
pub(super) async fn apply(
    transaction: &mut impl Migrate,
    table: &'static str,
    migrations: &[Migration],
    doing: &Doing,
) -> Result<(), StoreError> {
    let failed = |error| match error {
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => {
            doing.failed(error)
        }
        other => doing.failed(Error::from(other)),
    };
    transaction.ensure_migrations_table(table).await.map_err(failed)?;
    for migration in migrations {
        transaction.apply(table, migration).await.map_err(failed)?;
    }
    Ok(())
}
