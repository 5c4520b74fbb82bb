//! On SQLite.

use std::fs;
use std::path::PathBuf;

use super::sqlite_database as database;

#[path = "cases.rs"]
mod cases;

use database::Database;

/// Changes an entry that was not signed yet.
const TAMPER: &str = "DROP TRIGGER audit_entry_update; \
    UPDATE audit_entry SET canon = replace(canon, 'a.b', 'a.c') WHERE action = 'a.b' AND idx = 7";

/// A copy of the file, while nobody has it open.
struct Backup(PathBuf);

impl Backup {
    async fn of(database: &Database) -> Self {
        let copy = PathBuf::from(format!("{}.backup", database.url));
        fs::copy(&database.url, &copy).unwrap();
        Self(copy)
    }

    async fn put_back(&self, database: &Database) {
        fs::copy(&self.0, &database.url).unwrap();
    }
}
