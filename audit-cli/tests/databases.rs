#![cfg(test)]
//! The command on each kind of database, from making its tables to finding what was changed in them.

use std::env;
use std::process::{Command, Output};
use std::time::Duration;

use audit_core::store::{PostgresStore, SqliteStore, Store};
use audit_core::{Event, Recorder};
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _, Executor};
use test_postgres::URL_VARIABLE;
use uuid::Uuid;

struct Answer {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

fn audit(arguments: &[&str], url: &str) -> Answer {
    let mut command = Command::new(env!("CARGO_BIN_EXE_audit"));
    let output = command.args(arguments).args(["--database-url", url]).output().unwrap();
    let Output { status, stdout, stderr } = output;
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Answer { code: status.code(), stdout: text(stdout), stderr: text(stderr) }
}

/// One line on stderr, with this in it, and exit code 2.
fn could_not(arguments: &[&str], url: &str, reason: &str) {
    let Answer { code, stdout, stderr } = audit(arguments, url);
    assert_eq!((code, &*stdout), (Some(2), ""), "{stderr}");
    assert!(stderr.starts_with("audit: ") && stderr.contains(reason), "{stderr}");
    assert!(stderr.lines().count() == 1 && !stderr.contains("secret"), "{stderr}");
}

/// What is the same for all kinds.
async fn from_nothing_to_a_verified_log<S: Store>(url: &str, open: impl AsyncFn() -> S) {
    let made = audit(&["db", "migrate"], url);
    assert_eq!((made.code, &*made.stderr), (Some(0), ""));
    assert!(made.stdout.starts_with("done: "), "{}", made.stdout);
    could_not(&["verify"], url, "there is no audit log in this database");
    let again = audit(&["db", "migrate"], url);
    assert_eq!((again.code, &*again.stderr), (Some(0), ""));
    assert!(again.stdout.starts_with("nothing to do: "), "{}", again.stdout);

    let recorder = Recorder::builder(open().await).origin("cli.example/audit").start().await;
    let recorder = recorder.unwrap();
    for id in 0..10 {
        recorder
            .record(Event::builder("invoice.approve").resource("invoice", id.to_string()))
            .await;
    }
    recorder.shutdown(Duration::from_secs(10)).await.unwrap();
    let verified = audit(&["verify"], url);
    assert_eq!((verified.code, &*verified.stderr), (Some(0), ""), "{}", verified.stdout);
    assert!(
        verified.stdout.contains("cli.example/audit/standard: 10 entries"),
        "{}",
        verified.stdout
    );
    let found = audit(&["search", "--resource", "invoice/7"], url);
    assert_eq!((found.code, &*found.stderr), (Some(0), ""));
    assert_eq!(found.stdout.lines().count(), 1, "{}", found.stdout);
}

/// Whoever owns the tables makes wrong tiles again, if the entries are what they were; `change` runs SQL on the audit tables in
/// spite of all triggers.
async fn repairs_tiles<S: Store>(
    url: &str,
    open: impl AsyncFn() -> S,
    change: impl AsyncFn(&[&str]),
) {
    let recorder = Recorder::builder(open().await).origin("cli.example/audit").start().await;
    let recorder = recorder.unwrap();
    for _ in 0..800 {
        recorder.record(Event::builder("bulk.copy").retention("bulk")).await;
    }
    recorder.shutdown(Duration::from_secs(10)).await.unwrap();
    let verified = || {
        let Answer { code, stdout, stderr } = audit(&["verify"], url);
        assert_eq!(stderr, "");
        (code, stdout.matches("\nTILES_CORRUPT").count(), stdout)
    };
    let repaired = |code: i32, count: usize, complaint: &str| {
        let answer = audit(&["repair-tiles", "--log", "bulk"], url);
        assert_eq!(answer.code, Some(code), "{}", answer.stderr);
        assert!(answer.stderr.contains(complaint) && (code > 0) != answer.stderr.is_empty());
        let done = format!("cli.example/audit/bulk: {count} tiles made again\n");
        assert_eq!(answer.stdout, if code > 0 { "" } else { &done });
    };
    let said =
        || audit(&["search", "--action", "audit.tiles_repaired"], url).stdout.lines().count();

    repaired(0, 0, "");
    change(&[
        "UPDATE audit.tile SET data = (SELECT data FROM audit.tile WHERE n = 1) WHERE n = 0",
        "UPDATE audit.tile SET root = (SELECT root FROM audit.tile WHERE n = 0) WHERE n = 1",
        "DELETE FROM audit.tile WHERE n = 2",
    ])
    .await;
    let (code, corrupt, text) = verified();
    assert_eq!((code, corrupt), (Some(1), 3), "{text}");
    repaired(0, 3, "");
    let (code, _, text) = verified();
    assert_eq!((code, said()), (Some(0), 1), "{text}");
    repaired(0, 0, "");
    assert_eq!(said(), 1);

    // Nothing is made of entries that were changed.
    let bulk = "log_id = (SELECT log_id FROM audit.log WHERE origin = 'cli.example/audit/bulk')";
    let replace = |from: &str, to: &str| {
        format!(
            "UPDATE audit.entry SET canon = replace(canon, '{from}', '{to}') WHERE idx = 300 AND {bulk}"
        )
    };
    change(&[&replace("copy", "move"), "DELETE FROM audit.tile WHERE n = 2"]).await;
    repaired(1, 0, "`audit verify` says what was changed");
    let (code, corrupt, text) = verified();
    assert_eq!((code, corrupt, said()), (Some(1), 1, 1), "{text}");
    assert!(text.contains("MODIFIED cli.example/audit/bulk 300"), "{text}");
    change(&[&replace("move", "copy")]).await;
    repaired(0, 1, "");

    // Where they are gone, tiles of leaf hashes are what there is to go by.
    change(&[
        &format!("DELETE FROM audit.entry WHERE idx < 256 AND {bulk}"),
        &format!("UPDATE audit.log SET min_index = 256 WHERE {bulk}"),
        "UPDATE audit.tile SET root = (SELECT root FROM audit.tile WHERE n = 1) WHERE n = 0",
    ])
    .await;
    repaired(0, 1, "");
    change(&["UPDATE audit.tile SET data = (SELECT data FROM audit.tile WHERE n = 1) WHERE n = 0"])
        .await;
    repaired(1, 0, "are not those that its head commits to");
    assert_eq!(said(), 3);
}

const CHANGE: &str =
    "UPDATE audit.entry SET canon = replace(canon, 'approve', 'approval') WHERE idx = 3";

fn finds_the_change(url: &str) {
    let verified = audit(&["verify"], url);
    assert_eq!((verified.code, &*verified.stderr), (Some(1), ""));
    assert!(
        verified.stdout.contains("MODIFIED cli.example/audit/standard 3"),
        "{}",
        verified.stdout
    );
}

#[tokio::test]
async fn sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("audit.db");
    let url = format!("sqlite:{}", file.display());
    could_not(&["verify"], &url, "audit.db");
    from_nothing_to_a_verified_log(&url, async || SqliteStore::open(&url).await.unwrap()).await;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(&file);
    let change = async |statements: &[&str]| {
        let mut connection = options.connect().await.unwrap();
        let triggers = "SELECT sql FROM sqlite_schema WHERE type = 'trigger'";
        let triggers = sqlx::query_scalar::<_, String>(triggers).fetch_all(&mut connection).await;
        let triggers = triggers.unwrap();
        let name = |trigger: &String| trigger.split(' ').nth(2).unwrap().to_owned();
        let drops = triggers.iter().map(|trigger| format!("DROP TRIGGER {}", name(trigger)));
        let statements = statements.iter().map(|sql| sql.replace("audit.", "audit_"));
        for sql in drops.chain(statements).chain(triggers.iter().cloned()) {
            execute(&mut connection, &sql).await;
        }
    };
    repairs_tiles(&url, async || SqliteStore::open(&url).await.unwrap(), change).await;
    change(&[CHANGE]).await;
    finds_the_change(&url);
    let nowhere = format!("sqlite:{}", folder.path().join("none/audit.db").display());
    could_not(&["db", "migrate"], &nowhere, "none/audit.db");
}

#[expect(clippy::disallowed_methods, reason = "tests write their SQL as they go")]
async fn execute<C>(connection: &mut C, sql: &str)
where
    for<'c> &'c mut C: Executor<'c>,
{
    let done = connection.execute(sqlx::raw_sql(AssertSqlSafe(sql))).await;
    done.unwrap_or_else(|error| panic!("{sql}: {error}"));
}

#[tokio::test]
async fn postgres() {
    let Some(server) = env::var(URL_VARIABLE).ok().filter(|url| !url.is_empty()) else {
        eprintln!("skipped, as {URL_VARIABLE} names no server: run `cargo xtask test`");
        return;
    };
    let name = format!("audit_test_{}", Uuid::new_v4().simple());
    let (before, query) = server.split_once('?').unwrap_or((&server, ""));
    let (before, _maintenance) = before.rsplit_once('/').unwrap();
    let url = format!("{before}/{name}?{query}");
    let (_, host) = url.split_once('@').unwrap();
    let of_role = |role: &str| format!("postgres://{name}_{role}:secret@{host}");
    let options: PgConnectOptions = server.parse().unwrap();
    let mut maintenance = options.clone().connect().await.unwrap();
    could_not(&["db", "migrate"], &url, "there is no such database");
    execute(&mut maintenance, &format!("CREATE DATABASE {name}")).await;

    could_not(&["verify"], &url, "let `audit db migrate` make it");
    from_nothing_to_a_verified_log(&url, async || PostgresStore::open(&url).await.unwrap()).await;

    // The roles that it prints are those that let somebody read.
    let printed = Command::new(env!("CARGO_BIN_EXE_audit")).args(["db", "roles"]).output().unwrap();
    assert_eq!((printed.status.code(), printed.stderr), (Some(0), Vec::new()));
    let options = options.database(&name);
    let mut connection = options.connect().await.unwrap();
    execute(&mut connection, &String::from_utf8(printed.stdout).unwrap()).await;
    let logins = format!(
        "CREATE ROLE {name}_reader LOGIN; GRANT audit_reader TO {name}_reader; \
         CREATE ROLE {name}_signer LOGIN; GRANT audit_signer TO {name}_signer; CREATE ROLE {name}_nobody LOGIN"
    );
    execute(&mut connection, &logins).await;
    assert_eq!(audit(&["verify"], &of_role("reader")).code, Some(0));
    assert_eq!(audit(&["search"], &of_role("reader")).stdout.lines().count(), 12);
    // Nothing is to be done, and for that one need not be the owner.
    assert_eq!(audit(&["db", "migrate"], &of_role("reader")).code, Some(0));
    for command in [&["verify"][..], &["search"], &["db", "migrate"]] {
        could_not(command, &of_role("nobody"), "compare it with what `audit db roles` grants");
        could_not(command, &of_role("who"), "the server does not accept these credentials");
    }

    // Who may read and no more signs all the same, and is told that it is not kept there; a signer keeps it.
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys");
    let sign = ["sign", "--adopt", "--keys", keys.to_str().unwrap()];
    let signed = audit(&sign, &of_role("reader"));
    assert_eq!((signed.code, signed.stdout.lines().count()), (Some(0), 4), "{}", signed.stderr);
    assert!(signed.stderr.contains("keep a checkpoint"), "{}", signed.stderr);
    let signed = audit(&sign, &of_role("signer"));
    assert_eq!((signed.code, &*signed.stderr), (Some(0), ""));
    assert_eq!(audit(&["checkpoint"], &of_role("reader")).code, Some(0));

    drop(connection);
    let change = async |statements: &[&str]| {
        let mut connection = options.connect().await.unwrap();
        let all = ["log", "entry", "tile"];
        let set =
            |how: &str| all.map(|name| format!("ALTER TABLE audit.{name} {how} TRIGGER USER"));
        let statements = statements.iter().map(ToString::to_string);
        for sql in set("DISABLE").into_iter().chain(statements).chain(set("ENABLE")) {
            execute(&mut connection, &sql).await;
        }
    };
    could_not(
        &["repair-tiles"],
        &of_role("nobody"),
        "compare it with what `audit db roles` grants",
    );
    repairs_tiles(&url, async || PostgresStore::open(&url).await.unwrap(), change).await;
    change(&[CHANGE]).await;
    finds_the_change(&url);
    execute(&mut maintenance, &format!("DROP DATABASE {name} WITH (FORCE)")).await;
    execute(&mut maintenance, &format!("DROP ROLE {name}_reader, {name}_signer, {name}_nobody"))
        .await;
}
