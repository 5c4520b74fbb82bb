#![cfg(test)]
//! The command as its own process, on real database files.

use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use audit_core::store::{LogId, SqliteStore};
use audit_core::{Actor, ErrorInfo, Event, Outcome, Recorder, RequestInfo, Severity};
use serde_json::Value;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};
use tempfile::TempDir;

/// A database with ten approvals, every third denied, and one entry with a hostile text.
struct Database {
    folder: TempDir,
}

impl Database {
    async fn new() -> Self {
        let database = Self { folder: tempfile::tempdir().unwrap() };
        let store = SqliteStore::open(database.path().to_str().unwrap()).await.unwrap();
        let recorder = Recorder::builder(store.clone()).origin("cli.example/audit").start().await;
        let recorder = recorder.unwrap();
        for i in 0..10_u8 {
            let outcome = if i % 3 == 0 { Outcome::Denied } else { Outcome::Success };
            let event = Event::builder("invoice.approve").resource("invoice", i.to_string());
            let request = RequestInfo::new()
                .id(format!("r-{i}"))
                .session(format!("s-{}", i % 4))
                .correlation_id(format!("c-{}", i % 5))
                .ip([10, 0, 0, i].into());
            let event = event
                .request(request)
                .severity(if i % 5 == 0 { Severity::Warning } else { Severity::Info })
                .category(["billing", "approval"][usize::from(i % 2)])
                .tenant(format!("t-{}", i % 3))
                .operation_id(format!("o-{}", i / 2))
                .label("region", ["eu", "us"][usize::from(i % 2)])
                .tag("all")
                .tag(if i < 5 { "early" } else { "late" });
            recorder
                .record(event.outcome(outcome).actor(Actor::user(format!("u-{}", i % 2))))
                .await;
        }
        let error = ErrorInfo::new("\u{202e}turned\u{1b}[2J\nround");
        recorder.record(Event::builder("mail.send").outcome(Outcome::Failure).error(error)).await;
        recorder.shutdown(Duration::from_secs(10)).await.unwrap();
        store.close().await;
        database
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("audit.db")
    }

    /// Runs statements as somebody who can write to the file.
    async fn change(&self, statements: &[&'static str]) {
        let options = SqliteConnectOptions::new().filename(self.path());
        let mut connection = options.connect().await.unwrap();
        for statement in statements {
            sqlx::query(*statement).execute(&mut connection).await.unwrap();
        }
        connection.close().await.unwrap();
    }

    fn audit(&self, arguments: &[&str]) -> Answer {
        let url = format!("sqlite:{}", self.path().display());
        let [command, rest @ ..] = arguments else { panic!("no command") };
        audit(&[&[*command, "--database-url", &url], rest].concat())
    }
}

struct Answer {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

fn audit(arguments: &[&str]) -> Answer {
    let output = Command::new(env!("CARGO_BIN_EXE_audit")).args(arguments).output().unwrap();
    let Output { status, stdout, stderr } = output;
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Answer { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
}

#[tokio::test]
async fn a_log_that_nobody_changed_is_clean_and_the_report_says_what_that_is_worth() {
    let database = Database::new().await;
    let answer = database.audit(&["verify"]);
    assert_eq!((answer.code, &*answer.stderr), (Some(0), ""), "{}", answer.stdout);
    assert!(answer.stdout.contains("cli.example/audit/standard: 11 entries"), "{}", answer.stdout);
    assert!(answer.stdout.contains("the head row in the same database"), "{}", answer.stdout);
    let report: Value =
        serde_json::from_str(&database.audit(&["verify", "--json"]).stdout).unwrap();
    let sizes: Vec<_> = report["logs"].as_array().unwrap().iter().map(|log| &log["size"]).collect();
    // First and last word of the recorder, and what it recorded.
    assert_eq!(sizes, [2, 11]);
}

#[tokio::test]
async fn a_log_that_was_changed_gives_its_findings_and_another_exit_code() {
    let database = Database::new().await;
    let change = "UPDATE audit_entry SET canon = replace(canon, 'denied', 'success') WHERE idx = 3";
    database.change(&["DROP TRIGGER audit_entry_update", change]).await;
    let answer = database.audit(&["verify"]);
    assert_eq!(answer.code, Some(1), "{}", answer.stdout);
    assert!(answer.stdout.contains("MODIFIED cli.example/audit/standard 3"), "{}", answer.stdout);
    let answer = database.audit(&["verify", "--json"]);
    assert_eq!(answer.code, Some(1));
    let report: Value = serde_json::from_str(&answer.stdout).unwrap();
    assert!(answer.stdout.contains("\"MODIFIED\""), "{report}");
}

#[tokio::test]
async fn another_row_with_the_name_of_a_log_hides_nothing_of_it() {
    let empty = "x'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'";
    for id in [5, i64::MAX] {
        let database = Database::new().await;
        let change =
            "UPDATE audit_entry SET canon = replace(canon, 'denied', 'success') WHERE idx = 3";
        database.change(&["DROP TRIGGER audit_entry_update", change]).await;
        let twin = format!(
            "INSERT INTO audit_log (log_id, origin, class, size, root, frontier, min_index, state) VALUES \
             ({id}, 'cli.example/audit/standard', 'standard', 0, {empty}, x'', 0, 'open')"
        );
        database.change(&[twin.leak()]).await;
        let answer = database.audit(&["verify"]);
        assert_eq!(answer.code, Some(1), "{}", answer.stdout);
        for finding in
            ["MODIFIED cli.example/audit/standard 3", "FORKED cli.example/audit/standard"]
        {
            assert!(answer.stdout.contains(finding), "{}", answer.stdout);
        }
    }
}

#[tokio::test]
async fn a_search_finds_by_each_filter_newest_first_page_by_page() {
    let database = Database::new().await;
    let indices = |arguments: &[&str]| -> Vec<u64> {
        let answer = database.audit(&[&["search", "--json"], arguments].concat());
        assert_eq!(answer.code, Some(0), "{}", answer.stderr);
        let page: Value = serde_json::from_str(&answer.stdout).unwrap();
        let entries = page["entries"].as_array().unwrap();
        entries.iter().map(|entry| entry["index"].as_u64().unwrap()).collect()
    };
    assert_eq!(indices(&["--outcome", "denied"]), [9, 6, 3, 0]);
    assert_eq!(indices(&["--outcome", "denied", "--actor", "u-1"]), [9, 3]);
    assert_eq!(indices(&["--resource", "invoice/4"]), [4]);
    assert_eq!(indices(&["--resource", "invoice", "--limit", "2"]), [9, 8]);
    assert_eq!(indices(&["--action", "mail.send"]), [10]);
    assert_eq!(indices(&["--severity", "warning"]), [5, 0]);
    assert_eq!(indices(&["--category", "approval", "--tenant", "t-0"]), [9, 3]);
    assert_eq!(indices(&["--request-id", "r-7"]), [7]);
    assert_eq!(indices(&["--session", "s-1"]), [9, 5, 1]);
    assert_eq!(indices(&["--correlation-id", "c-3"]), [8, 3]);
    assert_eq!(indices(&["--operation-id", "o-3"]), [7, 6]);
    assert_eq!(indices(&["--label", "region=us", "--tag", "all", "--tag", "early"]), [3, 1]);
    assert_eq!(indices(&["--ip", "10.0.0.7"]), [7]);
    assert_eq!(indices(&["--ip", "10.0.0.4/30"]), [7, 6, 5, 4]);
    assert!(indices(&["--ip", "2001:db8::/32"]).is_empty());
    for wrong in ["10.0.0.0/33", "10.0.0/8", "x", "10.0.0.1/"] {
        assert_eq!(database.audit(&["search", "--ip", wrong]).code, Some(2), "{wrong}");
    }
    assert_eq!(database.audit(&["search", "--label", "region"]).code, Some(2));
    assert!(indices(&["--until", "2020-01-01"]).is_empty());
    // With first and last word of the recorder.
    assert_eq!(indices(&["--since", "2020-01-01T00:00:00Z"]).len(), 13);

    let first = database.audit(&["search", "--limit", "8"]);
    assert_eq!(first.stdout.lines().count(), 8);
    let cursor = first.stderr.trim().strip_prefix("more with --cursor ").unwrap();
    let second = database.audit(&["search", "--limit", "8", "--cursor", cursor]);
    assert_eq!((second.stdout.lines().count(), &*second.stderr), (5, ""));
    let mut oldest = second.stdout.lines().rev();
    assert!(oldest.next().unwrap().contains("audit.started"));
    assert!(oldest.next().unwrap().contains("invoice.approve denied u-0 invoice/0"));
}

#[tokio::test]
async fn a_hostile_text_stays_on_its_line() {
    let database = Database::new().await;
    let answer = database.audit(&["search", "--action", "mail.send"]);
    assert_eq!(answer.stdout.lines().count(), 1, "{}", answer.stdout);
    assert!(
        answer.stdout.ends_with("\\u{202e}turned\u{fffd}[2J\\u{a}round\n"),
        "{}",
        answer.stdout
    );
}

#[tokio::test]
async fn what_cannot_be_read_is_one_line_and_exit_code_2() {
    let database = Database::new().await;
    let folder = database.folder.path();
    let text = folder.join("text");
    std::fs::write(&text, "no database\n".repeat(100)).unwrap();
    let url = |name: &str| format!("sqlite:{}", folder.join(name).display());
    for (url, reason) in [
        (url("missing.db"), "missing.db"),
        (url("text"), "file is not a database"),
        ("mysql://alice:secret@db/audit".to_owned(), "`mysql:..` is no address"),
        ("postgres://alice:secret@db:port/audit".to_owned(), "no URL of a PostgreSQL database"),
        ("postgres://alice:secret@127.0.0.1:1/audit".to_owned(), "the server is out of reach"),
        ("postgresql://alice:secret@127.0.0.1:1/audit".to_owned(), "the server is out of reach"),
        ("audit.db".to_owned(), "use `sqlite:PATH`"),
    ] {
        let commands = [&["verify"][..], &["search"], &["db", "migrate"]];
        // A file that is missing is made by it.
        let commands = commands.into_iter().filter(|it| it.len() == 1 || reason != "missing.db");
        for command in commands {
            let arguments = [command, &["--database-url", &url]].concat();
            let Answer { code, stdout, stderr } = audit(&arguments);
            assert_eq!((code, &*stdout), (Some(2), ""), "{stderr}");
            assert!(stderr.starts_with("audit: ") && stderr.contains(reason), "{stderr}");
            assert!(stderr.lines().count() == 1 && !stderr.contains("secret"), "{stderr}");
            assert_eq!(stderr.matches(reason).count(), 1, "{stderr}");
        }
    }
    assert!(!folder.join("missing.db").exists());
    let url = "postgres://alice:secret@db/audit";
    for arguments in [
        &["verify"][..],
        &["search", "--frobnicate"],
        &["frobnicate"],
        &["db"],
        &["verify", url],
        &["search", "--database-url", url, "--limit", url],
    ] {
        let answer = audit(arguments);
        assert_eq!(answer.code, Some(2), "{arguments:?}");
        assert!(!answer.stderr.contains("secret"), "{}", answer.stderr);
    }
    assert_eq!(database.audit(&["search", "--cursor", "?"]).code, Some(2));
    assert_eq!(database.audit(&["search", "--limit", "0"]).code, Some(2));
}

#[tokio::test]
async fn a_log_whose_head_was_removed_does_not_vanish_from_the_report() {
    let database = Database::new().await;
    let change = "DELETE FROM audit_log WHERE class = 'standard'";
    database.change(&["DROP TRIGGER audit_log_delete", change]).await;
    let answer = database.audit(&["verify"]);
    assert_eq!(answer.code, Some(1), "{}", answer.stdout);
    let log = LogId::of("cli.example/audit/standard").0;
    let finding = format!("FORKED the log {log}, which has no head");
    assert!(answer.stdout.contains(&finding), "{}", answer.stdout);
}

#[tokio::test]
async fn a_database_without_a_log_is_not_a_clean_one() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.db");
    SqliteStore::open(path.to_str().unwrap()).await.unwrap().close().await;
    let answer = audit(&["verify", "--database-url", &format!("sqlite:{}", path.display())]);
    assert_eq!(answer.code, Some(2));
    assert!(answer.stderr.contains("there is no audit log in this database"), "{}", answer.stderr);
}

#[tokio::test]
async fn a_reader_that_leaves_early_changes_nothing_about_the_verdict() {
    let database = Database::new().await;
    let change = "UPDATE audit_entry SET action = 'invoice.deny' WHERE idx < 9";
    database.change(&["DROP TRIGGER audit_entry_update", change]).await;
    let url = format!("sqlite:{}", database.path().display());
    for format in [&[][..], &["--json"]] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_audit"));
        command.args(["verify", "--database-url", &url]).args(format);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), output.stderr), (Some(1), Vec::new()));
    }
}
