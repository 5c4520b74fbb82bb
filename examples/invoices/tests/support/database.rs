//! A copy of the application's database: to look at, and to change behind the log's back.

use std::path::{Path, PathBuf};

use audit_core::query::{self, MAX_LIMIT};
use audit_core::store::{Entry, Reader, SqliteStore};
use audit_core::verify::{Finding, Report, verify};
use sqlx::query::Query;
use sqlx::sqlite::{Sqlite, SqliteArguments, SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};
use tempfile::TempDir;
use tokio::runtime::Runtime;

pub(crate) struct Database {
    folder: TempDir,
    runtime: Runtime,
}

impl Database {
    pub(crate) fn copy(bytes: &[u8]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("data")).unwrap();
        let runtime = Runtime::new().unwrap();
        let database = Self { folder, runtime };
        std::fs::write(database.path(), bytes).unwrap();
        database
    }

    /// The folder above `data`.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("data/invoices.db")
    }

    /// All entries of all logs, oldest first, but for what recorders say of themselves.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        self.with_reader(async |reader| {
            let mut entries = Vec::new();
            let mut query = query::Query::new().limit(MAX_LIMIT);
            loop {
                let page = reader.search(&query).await.unwrap();
                entries.extend(page.entries);
                match page.next {
                    Some(next) => query = query.cursor(next),
                    None => break,
                }
            }
            let words = ["audit.started", "audit.heartbeat", "audit.stopped"];
            entries.retain(|entry| !words.contains(&entry.event()["action"].as_str().unwrap()));
            entries.reverse();
            entries
        })
    }

    pub(crate) fn verify(&self) -> Report {
        self.with_reader(async |reader| verify(&reader).await.unwrap())
    }

    /// What is found, as `KIND first-last`, after somebody who can write to the file has run these
    /// statements, each with its parameters; which cannot be done before the triggers are gone.
    pub(crate) fn findings_after(&self, statements: &[(&'static str, &[i64])]) -> Vec<String> {
        self.with_connection(async |connection| {
            let (first, parameters) = statements[0];
            let refused =
                query(first, parameters).execute(&mut *connection).await.unwrap_err().to_string();
            assert!(refused.contains("append-only"), "{refused}");
            let triggers = "DROP TRIGGER audit_entry_update; DROP TRIGGER audit_entry_delete";
            sqlx::raw_sql(triggers).execute(&mut *connection).await.unwrap();
            for (statement, parameters) in statements {
                let done = query(statement, parameters).execute(&mut *connection).await.unwrap();
                assert!(done.rows_affected() > 0, "{statement} changes nothing");
            }
        });
        self.verify().findings().map(named).collect()
    }

    fn with_reader<T>(&self, work: impl AsyncFnOnce(Reader) -> T) -> T {
        self.runtime.block_on(async {
            let store = SqliteStore::open_existing(self.path().to_str().unwrap()).await.unwrap();
            work(Reader::new(store)).await
        })
    }

    fn with_connection(&self, work: impl AsyncFnOnce(&mut SqliteConnection)) {
        self.runtime.block_on(async {
            let mut connection =
                SqliteConnectOptions::new().filename(self.path()).connect().await.unwrap();
            work(&mut connection).await;
            connection.close().await.unwrap();
        });
    }
}

fn query<'a>(statement: &'static str, parameters: &[i64]) -> Query<'a, Sqlite, SqliteArguments> {
    parameters.iter().fold(sqlx::query(statement), |query, parameter| query.bind(*parameter))
}

fn named(finding: &Finding) -> String {
    match finding.entries {
        Some(entries) => format!("{} {entries}", finding.kind),
        None => finding.kind.to_string(),
    }
}
