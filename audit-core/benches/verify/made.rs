//! Databases with many entries in one log.

use std::str::FromStr as _;

use audit_core::clock::{Clock as _, SystemClock};
use audit_core::store::{PostgresStore, SqliteStore, Store};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _};
use tempfile::TempDir;
use uuid::Uuid;

use crate::Failure;
use crate::events::Events;

pub(crate) const LOG: &str = "bench.example/audit/standard";

/// Entries of one append.
const BATCH: usize = 4_000;

pub(crate) struct Made {
    pub(crate) url: String,
    pub(crate) entries: usize,
    home: Home,
}

enum Home {
    Folder(TempDir),
    Server(Box<PgConnectOptions>, String),
}

impl Made {
    /// In the target folder, as a temporary one may be no disk at all.
    pub(crate) async fn sqlite(entries: usize, events: &mut Events) -> Result<Self, Failure> {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
        let url = format!("sqlite:{}", folder.path().join("log.db").display());
        let store = SqliteStore::open(&url).await?;
        fill(&store, entries, events).await?;
        store.close().await;
        Ok(Self { url, entries, home: Home::Folder(folder) })
    }

    pub(crate) async fn postgres(
        server: &str,
        entries: usize,
        events: &mut Events,
    ) -> Result<Self, Failure> {
        let home = PgConnectOptions::from_str(server)?.disable_statement_logging();
        let name = format!("audit_bench_{}", Uuid::from_bytes(rand::random()).simple());
        run(&home, format!("CREATE DATABASE {name}")).await?;
        // The database's name is the path of the URL.
        let (address, query) = server.split_once('?').unwrap_or((server, ""));
        let (address, _) = address.rsplit_once('/').ok_or("the URL names no database")?;
        let url = format!("{address}/{name}?{query}");
        let store = PostgresStore::open(&url).await?;
        fill(&store, entries, events).await?;
        store.close().await;
        run(&home.clone().database(&name), "VACUUM ANALYZE audit.entry".to_owned()).await?;
        Ok(Self { url, entries, home: Home::Server(Box::new(home), name) })
    }

    pub(crate) async fn remove(self) -> Result<(), Failure> {
        match self.home {
            Home::Folder(folder) => Ok(folder.close()?),
            Home::Server(home, name) => {
                run(&home, format!("DROP DATABASE {name} WITH (FORCE)")).await
            }
        }
    }
}

pub(crate) async fn fill(
    store: &impl Store,
    entries: usize,
    events: &mut Events,
) -> Result<(), Failure> {
    let log = store.open_log(LOG, "standard").await?;
    let mut left = entries;
    while left > 0 {
        let built = events.built(left.min(BATCH))?;
        left -= built.len();
        store.append(log, &events.encoded(&built), SystemClock::new().now()).await?;
    }
    Ok(())
}

async fn run(options: &PgConnectOptions, sql: String) -> Result<(), Failure> {
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut options.connect().await?).await?;
    Ok(())
}
