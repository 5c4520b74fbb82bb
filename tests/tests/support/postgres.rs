//! An application's database on PostgreSQL, with its own table and the log's.

use std::str::FromStr as _;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use audit_core::store::PostgresStore;
use sqlx::postgres::{PgConnectOptions, PgConnection, Postgres};
use sqlx::{AssertSqlSafe, ConnectOptions as _};
use test_postgres::URL_VARIABLE;

use crate::TABLES;

pub(crate) type Db = Postgres;
pub(crate) type Connection = PgConnection;

pub(crate) const OUTBOX: &str = "audit.outbox";
pub(crate) const REJECTED: &str = "audit.rejected";

/// A database of a test's own; it is dropped with this.
pub(crate) struct Database {
    pub(crate) url: String,
    options: PgConnectOptions,
}

impl Database {
    /// Nothing where there is no server, which is said.
    pub(crate) async fn new() -> Option<Self> {
        Some(Self::on(&server()?).await)
    }

    /// On the server that has a database with this URL.
    pub(crate) async fn on(url: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("audit_system_{}_{count}", std::process::id());
        let options = PgConnectOptions::from_str(url).unwrap();
        let mut server = options.connect().await.unwrap();
        for sql in [format!("DROP DATABASE IF EXISTS {name}"), format!("CREATE DATABASE {name}")] {
            execute(&mut server, &sql).await.unwrap();
        }
        // The database's name is the path of the URL.
        let (address, query) = url.split_once('?').map_or((url, ""), |(url, query)| (url, query));
        let (address, _) = address.rsplit_once('/').unwrap();
        let url = format!("{address}/{name}?{query}");
        let database = Self { url, options: options.database(&name) };
        database.store().await.close().await;
        execute(&mut database.connect().await, TABLES).await.unwrap();
        database
    }

    pub(crate) async fn store(&self) -> PostgresStore {
        PostgresStore::open(&self.url).await.unwrap()
    }

    /// A connection of the application's own.
    pub(crate) async fn connect(&self) -> Connection {
        self.options.connect().await.unwrap()
    }

    /// The same, as soon as the server takes it.
    pub(crate) async fn reconnect(&self) -> Connection {
        let patience = tokio::time::timeout(Duration::from_secs(60), async {
            loop {
                match self.options.connect().await {
                    Ok(connection) => return connection,
                    Err(_) => tokio::time::sleep(Duration::from_millis(5)).await,
                }
            }
        });
        patience.await.unwrap()
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let options = self.options.clone();
        let name = options.get_database().unwrap_or_default().to_owned();
        // A test's own runtime cannot be waited for from here.
        let dropped = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let mut server = options.database("postgres").connect().await?;
                execute(&mut server, &format!("DROP DATABASE {name} WITH (FORCE)")).await
            })
        });
        // A server that was the test's own may be gone already.
        let _ = dropped.join();
    }
}

/// The URL of the server for tests. Nothing where there is none, which is said.
pub(crate) fn server() -> Option<String> {
    let url = std::env::var(URL_VARIABLE).ok().filter(|url| !url.is_empty());
    if url.is_none() {
        eprintln!("skipped, as {URL_VARIABLE} names no server: run `cargo xtask test`");
    }
    url
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
