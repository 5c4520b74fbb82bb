//! What only a PostgreSQL server can show.

mod plans;

use std::str::FromStr as _;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _};
use uuid::Uuid;

use super::PostgresStore;

/// A database of a test's own on the server that `AUDIT_TEST_POSTGRES_URL` names; it is dropped with this.
pub(in crate::store) struct Database {
    pub(in crate::store) options: PgConnectOptions,
    name: String,
    server: PgConnectOptions,
}

impl Database {
    /// Nothing where there is no server, which is said.
    pub(in crate::store) async fn new() -> Option<Self> {
        let Some(url) = std::env::var("AUDIT_TEST_POSTGRES_URL").ok().filter(|url| !url.is_empty())
        else {
            eprintln!(
                "skipped, as AUDIT_TEST_POSTGRES_URL names no server: run `cargo xtask test`"
            );
            return None;
        };
        let server = PgConnectOptions::from_str(&url).unwrap();
        let name = format!("audit_test_{}", Uuid::from_bytes(rand::random()).simple());
        execute(&mut server.connect().await.unwrap(), &format!("CREATE DATABASE {name}"))
            .await
            .unwrap();
        Some(Self { options: server.clone().database(&name), name, server })
    }

    pub(in crate::store) async fn store(&self) -> PostgresStore {
        PostgresStore::open_with(self.options.clone()).await.unwrap()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        // A test's own runtime cannot be waited for from here.
        let dropped = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let mut connection = server.connect().await.unwrap();
                execute(&mut connection, &format!("DROP DATABASE {name} WITH (FORCE)")).await
            })
        });
        if !std::thread::panicking() {
            dropped.join().unwrap().unwrap();
        }
    }
}

/// Runs SQL and answers with the server's message where it refuses.
#[expect(clippy::disallowed_methods, reason = "tests write their SQL as they go")]
pub(in crate::store) async fn execute(
    connection: &mut PgConnection,
    sql: &str,
) -> Result<u64, String> {
    let done = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *connection).await;
    done.map(|done| done.rows_affected()).map_err(|error| error.to_string())
}

/// A store in a database of its own.
pub(in crate::store) async fn new_store() -> Option<(PostgresStore, Database)> {
    let database = Database::new().await?;
    Some((database.store().await, database))
}
