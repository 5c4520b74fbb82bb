//! What only a PostgreSQL server can show.

mod failing;
mod locking;
mod opening;
mod plans;
mod protection;
mod roles;

use std::env;
use std::fmt::Debug;
use std::str::FromStr as _;

use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _};
use test_postgres::{Server, URL_VARIABLE};
use uuid::Uuid;

use super::PostgresStore;
use crate::event::error_text;
use crate::store::{LogId, Store as _, StoreError};
use crate::testing::conformance::{at, leaves};

/// A database of a test's own on the server that `AUDIT_TEST_POSTGRES_URL` names; it is dropped with this, and
/// so are the roles whose names begin with its own.
pub(crate) struct Database {
    url: String,
    name: String,
    server: PgConnectOptions,
}

/// The URL of the server for tests; nothing where there is none, which is said.
fn server_url() -> Option<String> {
    let url = env::var(URL_VARIABLE).ok().filter(|url| !url.is_empty());
    if url.is_none() {
        eprintln!("skipped, as {URL_VARIABLE} names no server: run `cargo xtask test`");
    }
    url
}

/// A server that a test may kill, where there is one to be had: the same machines as above.
fn own_server() -> Option<Server> {
    server_url().map(|_| Server::start().unwrap())
}

impl Database {
    /// Nothing where there is no server.
    pub(crate) async fn new() -> Option<Self> {
        let url = server_url()?;
        let name = format!("audit_test_{}", Uuid::from_bytes(rand::random()).simple());
        let server = PgConnectOptions::from_str(&url).unwrap();
        let mut connection = server.connect().await.unwrap();
        execute(&mut connection, &format!("CREATE DATABASE {name}")).await.unwrap();
        let (before, query) = url.split_once('?').unwrap_or((&url, ""));
        let (before, _maintenance) = before.rsplit_once('/').unwrap();
        Some(Self { url: format!("{before}/{name}?{query}"), name, server })
    }

    pub(crate) async fn store(&self) -> PostgresStore {
        PostgresStore::open(&self.url).await.unwrap()
    }

    /// The same for another role.
    fn options_of(&self, role: &str) -> PgConnectOptions {
        self.server.clone().database(&self.name).username(role)
    }

    /// A connection of somebody else's: the application, or whoever has got hold of the database.
    async fn stranger(&self) -> PgConnection {
        self.server.clone().database(&self.name).connect().await.unwrap()
    }

    /// Runs SQL as the database's owner.
    async fn meddle(&self, sql: &str) {
        let mut connection = self.stranger().await;
        execute(&mut connection, sql).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
        connection.close().await.unwrap();
    }

    /// Full text of an error, which must name the database.
    fn told(&self, error: &StoreError) -> String {
        let text = error_text(error);
        assert!(text.contains(&self.name), "{text}");
        text
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let (server, name) = (self.server.clone(), self.name.clone());
        let roles = format!(
            "DO $$ DECLARE role name; BEGIN \
             FOR role IN SELECT rolname FROM pg_roles WHERE starts_with(rolname, '{name}_') \
             LOOP EXECUTE format('DROP ROLE %I', role); END LOOP; END $$"
        );
        // A test's own runtime cannot be waited for from here.
        let dropped = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let mut connection = server.connect().await.unwrap();
                execute(&mut connection, &format!("DROP DATABASE {name} WITH (FORCE)")).await?;
                execute(&mut connection, &roles).await
            })
        });
        if !std::thread::panicking() {
            dropped.join().unwrap().unwrap();
        }
    }
}

/// Runs SQL and answers with the server's message where it refuses.
#[expect(clippy::disallowed_methods, reason = "tests write their SQL as they go")]
async fn execute(connection: &mut PgConnection, sql: &str) -> Result<u64, String> {
    let done = sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *connection).await;
    done.map(|done| done.rows_affected()).map_err(|error| error.to_string())
}

/// A store in a database of its own.
pub(crate) async fn new_store() -> Option<(PostgresStore, Database)> {
    let database = Database::new().await?;
    Some((database.store().await, database))
}

/// A store with one log of so many entries.
async fn store_of(entries: u64) -> Option<(PostgresStore, LogId, Database)> {
    let (store, database) = new_store().await?;
    let log = store.open_log("test/audit/standard", "standard").await.unwrap();
    store.append(log, &leaves(entries), at(0)).await.unwrap();
    Some((store, log, database))
}

/// A password that no text of ours may hold.
const SECRET: &str = "hunter2";

/// Makes sure that neither a text nor what a debugger sees of something holds the password.
fn keeps_the_secret(text: &str, thing: &impl Debug) {
    let all = format!("{text}{thing:?}");
    assert!(!all.contains(SECRET), "{all}");
}
