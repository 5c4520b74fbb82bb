//! A database that a recorder writes to, and the command beside it.

use std::env;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use audit_core::store::{PostgresStore, SqliteStore, Store};
use audit_core::{Actor, Event, Outcome, Recorder, RequestInfo};
use serde_json::Value;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _};
use tempfile::TempDir;
use test_postgres::URL_VARIABLE;
use uuid::Uuid;

pub(crate) struct Case {
    pub(crate) url: String,
    pub(crate) folder: TempDir,
    pub(crate) recorder: Recorder,
}

pub(crate) struct Answer {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a test on a new database of each kind.
pub(crate) async fn on_each_database(test: impl AsyncFn(&Case)) {
    let case = Case::on_sqlite().await;
    test(&case).await;
    case.recorder.shutdown(Duration::from_secs(10)).await.unwrap();
    let Some(server) = env::var(URL_VARIABLE).ok().filter(|url| !url.is_empty()) else {
        eprintln!("skipped, as {URL_VARIABLE} names no server: run `cargo xtask test`");
        return;
    };
    let name = format!("audit_test_{}", Uuid::new_v4().simple());
    let (before, query) = server.split_once('?').unwrap_or((&server, ""));
    let (before, _maintenance) = before.rsplit_once('/').unwrap();
    let url = format!("{before}/{name}?{query}");
    maintain(&server, &format!("CREATE DATABASE {name}")).await;
    let case = Case::of(url.clone(), PostgresStore::open(&url).await.unwrap()).await;
    test(&case).await;
    case.recorder.shutdown(Duration::from_secs(10)).await.unwrap();
    drop(case);
    maintain(&server, &format!("DROP DATABASE {name} WITH (FORCE)")).await;
}

#[expect(clippy::disallowed_methods, reason = "tests write their SQL as they go")]
async fn maintain(server: &str, sql: &str) {
    let options: PgConnectOptions = server.parse().unwrap();
    let mut maintenance = options.connect().await.unwrap();
    sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut maintenance).await.unwrap();
}

impl Case {
    pub(crate) async fn on_sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite:{}", folder.path().join("audit.db").display());
        Self { folder, ..Self::of(url.clone(), SqliteStore::open(&url).await.unwrap()).await }
    }

    async fn of(url: String, store: impl Store) -> Self {
        let recorder = Recorder::builder(store)
            .origin("cli.example/audit")
            .shard_by(|event| event.tenant().map(str::to_owned));
        let recorder = recorder.start().await.unwrap();
        Self { url, folder: tempfile::tempdir().unwrap(), recorder }
    }

    /// Events of two tenants and of none, in logs of their own, every third of them denied.
    pub(crate) async fn record(&self, numbers: std::ops::Range<u32>) {
        for number in numbers.clone() {
            let is_last = number + 3 >= numbers.end;
            let event = Event::builder("invoice.approve")
                .resource("invoice", number.to_string())
                .actor(Actor::user("u-1").name("Alice Adams"))
                .outcome(if number % 3 == 0 { Outcome::Denied } else { Outcome::Success })
                .request(RequestInfo::new().ip([10, 0, 0, 7].into()));
            let event = match number % 3 {
                0 => event,
                1 => event.tenant("a"),
                _ => event.tenant("b"),
            };
            // What came before the last of a log is there with it.
            match is_last {
                true => drop(self.recorder.record_durable(event).await.unwrap()),
                false => self.recorder.record(event).await,
            }
        }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The command with this database, in the folder of the case.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_audit"));
        command.args(arguments).current_dir(&self.folder).env("AUDIT_DATABASE_URL", &self.url);
        command.env_remove("NO_COLOR").stdin(Stdio::null());
        command
    }

    pub(crate) fn audit(&self, arguments: &[&str]) -> Answer {
        let Output { status, stdout, stderr } = self.command(arguments).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        Answer { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
    }

    /// What it prints, if all is well.
    pub(crate) fn printed(&self, arguments: &[&str]) -> String {
        let answer = self.audit(arguments);
        assert_eq!(answer.code, Some(0), "{arguments:?}: {}", answer.stderr);
        answer.stdout
    }

    /// Log and index of all that a search finds, oldest first.
    pub(crate) fn searched(&self, filter: &[&str]) -> Vec<(String, u64)> {
        let (mut found, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let mut arguments = [&["search", "--json", "--limit", "1000"], filter].concat();
            if let Some(cursor) = &cursor {
                arguments.extend(["--cursor", cursor]);
            }
            let page: Value = serde_json::from_str(&self.printed(&arguments)).unwrap();
            found.extend(page["entries"].as_array().unwrap().iter().map(place));
            match page["next"].as_str() {
                Some(next) => cursor = Some(next.to_owned()),
                None => break,
            }
        }
        found.reverse();
        found
    }
}

/// Where an entry stands, by its JSON.
pub(crate) fn place(entry: &Value) -> (String, u64) {
    (entry["log"].as_str().unwrap().to_owned(), entry["index"].as_u64().unwrap())
}
