//! What only a SQLite file can show.

use tempfile::TempDir;

use super::SqliteStore;

/// A store in a file of its own, which is removed with the folder.
pub(in crate::store) async fn new_store() -> (SqliteStore, TempDir) {
    let folder = TempDir::new().unwrap();
    let store = SqliteStore::open(folder.path().join("audit.db").to_str().unwrap()).await.unwrap();
    (store, folder)
}
