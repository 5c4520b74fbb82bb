//! An application's database on SQLite, with its own table and the log's.

use audit_core::store::SqliteStore;
use sqlx::sqlite::{Sqlite, SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _};
use tempfile::TempDir;

use crate::TABLES;

pub(crate) type Db = Sqlite;
pub(crate) type Connection = SqliteConnection;

pub(crate) const OUTBOX: &str = "audit_outbox";
pub(crate) const REJECTED: &str = "audit_rejected";

pub(crate) struct Database {
    pub(crate) url: String,
    _folder: TempDir,
}

impl Database {
    /// There always is one.
    pub(crate) async fn new() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let url = folder.path().join("app.db").to_str().unwrap().to_owned();
        let database = Self { url, _folder: folder };
        database.store().await.close().await;
        execute(&mut database.connect().await, TABLES).await.unwrap();
        Some(database)
    }

    pub(crate) async fn store(&self) -> SqliteStore {
        SqliteStore::open(&self.url).await.unwrap()
    }

    /// A connection of the application's own.
    pub(crate) async fn connect(&self) -> Connection {
        SqliteConnectOptions::new().filename(&self.url).connect().await.unwrap()
    }

    /// The same; a file is always there.
    pub(crate) async fn reconnect(&self) -> Connection {
        self.connect().await
    }
}

/// Runs SQL; answers with the number of rows.
#[expect(clippy::disallowed_methods, reason = "tests write their SQL as they go")]
pub(crate) async fn execute(connection: &mut Connection, sql: &str) -> Result<u64, sqlx::Error> {
    let done = sqlx::raw_sql(AssertSqlSafe(sql)).execute(connection).await;
    done.map(|done| done.rows_affected())
}

/// The numbers that a query finds.
#[expect(clippy::disallowed_methods, reason = "tests write their SQL as they go")]
pub(crate) async fn numbers(connection: &mut Connection, sql: &str) -> Vec<i64> {
    sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(connection).await.unwrap()
}

/// The texts that a query finds.
#[expect(clippy::disallowed_methods, reason = "tests write their SQL as they go")]
pub(crate) async fn texts(connection: &mut Connection, sql: &str) -> Vec<String> {
    sqlx::query_scalar(AssertSqlSafe(sql)).fetch_all(connection).await.unwrap()
}
