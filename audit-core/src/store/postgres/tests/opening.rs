//! Opening: new databases, old ones, and those that cannot be used.

use std::path::Path;
use std::time::Duration;

use sqlx::SqlSafeStr as _;
use sqlx::migrate::{Migration, MigrationType, Migrator};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::*;
use crate::merkle::TileId;
use crate::store::StoreErrorKind;
use crate::store::postgres::open::Source;
use crate::testing::conformance::whole;

/// Both ways to open it, which must agree; neither may say the password.
async fn refused(url: &str) -> StoreError {
    let existing = PostgresStore::open_existing(url).await.unwrap_err();
    let opened = PostgresStore::open(url).await.unwrap_err();
    for error in [&existing, &opened] {
        keeps_the_secret(&error_text(error), error);
    }
    assert_eq!(existing.kind(), opened.kind(), "{existing:?} / {opened:?}");
    opened
}

async fn value(connection: &mut PgConnection, sql: &'static str) -> String {
    sqlx::query_scalar(sql).fetch_one(connection).await.unwrap()
}

#[tokio::test]
async fn what_was_appended_is_there_when_the_database_is_opened_again() {
    let Some((store, log, database)) = store_of(700).await else { return };
    let tile = TileId { level: 0, index: 1 };
    let before = (
        store.head(log).await.unwrap(),
        whole(&store, log).await,
        store.tile(log, tile).await.unwrap(),
        store.segments(log).await.unwrap(),
    );
    store.close().await;
    let store = database.store().await;
    let after = (
        store.head(log).await.unwrap(),
        whole(&store, log).await,
        store.tile(log, tile).await.unwrap(),
        store.segments(log).await.unwrap(),
    );
    assert_eq!(before, after);
    assert_eq!(store.open_log("test/audit/standard", "standard").await.unwrap(), log);
    store.append(log, &leaves(1), at(0)).await.unwrap();
}

#[tokio::test]
async fn the_stores_sessions_do_not_take_the_databases_defaults() {
    let Some((_, _, database)) = store_of(0).await else { return };
    let defaults = ["synchronous_commit = off", "lock_timeout = 0", "statement_timeout = 0"];
    for default in defaults {
        database.meddle(&format!("ALTER DATABASE {} SET {default}", database.name)).await;
    }
    let store = database.store().await;
    let mut loan = store.writer.take().await.unwrap();
    assert_eq!(value(&mut loan.connection, "SHOW synchronous_commit").await, "on");
    assert_eq!(value(&mut loan.connection, "SHOW lock_timeout").await, "3s");
    assert_eq!(value(&mut loan.connection, "SHOW statement_timeout").await, "30s");
    let mut loan = store.readers.take().await.unwrap();
    assert_eq!(value(&mut loan.connection, "SHOW statement_timeout").await, "30s");
    assert_eq!(value(&mut loan.connection, "SHOW default_transaction_read_only").await, "on");
}

/// As an application would have its own, under sqlx's own name for the table; or as a later version of ours.
fn migrations(table: &'static str) -> Migrator {
    let (version, sql) = match table {
        "_sqlx_migrations" => (1, "CREATE TABLE invoice (id int)"),
        _ => (7, "CREATE TABLE of_a_later_version (id int)"),
    };
    let migration =
        Migration::new(version, "first".into(), MigrationType::Simple, sql.into_sql_str(), false);
    let mut migrator = Migrator::with_migrations(vec![migration]);
    migrator.dangerous_set_table_name(table);
    migrator.set_ignore_missing(true);
    migrator
}

#[tokio::test]
async fn the_applications_migrations_and_ours_have_both_a_version_1_in_one_database() {
    for application_first in [true, false] {
        let Some(database) = Database::new().await else { return };
        if !application_first {
            database.store().await;
        }
        let mut application = database.stranger().await;
        migrations("_sqlx_migrations").run(&mut application).await.unwrap();
        let store = database.store().await;
        // Both again: each finds its own, and nothing to do.
        migrations("_sqlx_migrations").run(&mut application).await.unwrap();
        database.store().await;
        store.open_log("test/audit/standard", "standard").await.unwrap();
        let applied = "SELECT (SELECT string_agg(version::text, ',') FROM _sqlx_migrations) || '/' || \
                       (SELECT min(version)::text FROM audit.migrations)";
        assert_eq!(value(&mut application, applied).await, "1/1");
    }
}

#[tokio::test]
async fn a_newer_schema_is_refused_with_what_to_do_and_left_as_it_is() {
    let Some((_, _, database)) = store_of(3).await else { return };
    let mut newer = database.stranger().await;
    migrations("audit.migrations").run(&mut newer).await.unwrap();
    let error = refused(&database.url).await;
    assert_eq!(error.kind(), StoreErrorKind::Incompatible);
    let text = database.told(&error);
    assert!(text.contains("version 7: use a newer version of this library"), "{text}");

    let other = "DELETE FROM audit.migrations WHERE version = 7; \
                 UPDATE audit.migrations SET checksum = '\\x00' WHERE version = 1";
    database.meddle(other).await;
    let error = refused(&database.url).await;
    assert_eq!(error.kind(), StoreErrorKind::Incompatible);
    let text = database.told(&error);
    assert!(text.contains("another version 1: use the library that made it"), "{text}");
}

#[tokio::test]
async fn a_log_that_is_not_there_is_not_made_by_looking_for_it() {
    let Some(database) = Database::new().await else { return };
    let error = PostgresStore::open_existing(&database.url).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Incompatible);
    let text = database.told(&error);
    assert!(text.contains("no audit schema") && text.contains("`audit db migrate`"), "{text}");
    let made = "SELECT count(*)::text FROM pg_namespace WHERE nspname = 'audit'";
    assert_eq!(value(&mut database.stranger().await, made).await, "0");

    // One that is there is opened, also while somebody else writes.
    let store = database.store().await;
    let log = store.open_log("test/audit/standard", "standard").await.unwrap();
    let reading = PostgresStore::open_existing(&database.url).await.unwrap();
    store.append(log, &leaves(1), at(0)).await.unwrap();
    assert_eq!(reading.read(log, 0, 10).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_database_can_be_opened_by_many_at_once() {
    for _ in 0..3 {
        let Some(database) = Database::new().await else { return };
        let mut tasks = JoinSet::new();
        for _ in 0..8 {
            let url = database.url.clone();
            tasks.spawn(async move {
                let store = PostgresStore::open(&url).await.unwrap();
                store.open_log("test/audit/standard", "standard").await.unwrap()
            });
        }
        let logs = tasks.join_all().await;
        assert_eq!(logs, [LogId::of("test/audit/standard"); 8]);
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable_by_name() {
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = closed.local_addr().unwrap().port();
    drop(closed);
    for (url, server) in [
        (
            format!("postgres://audit:{SECRET}@localhost/audit?host=/none/at-all"),
            "/none/at-all".into(),
        ),
        (format!("postgres://audit:{SECRET}@127.0.0.1:{port}/audit"), format!("127.0.0.1:{port}")),
    ] {
        let error = refused(&url).await;
        assert_eq!(error.kind(), StoreErrorKind::Unavailable);
        let text = error_text(&error);
        let place = format!("the database audit at {server}: the server is out of reach");
        assert!(text.contains(&place), "{text}");
    }
}

/// Time stands still until all wait, and then goes on to the next deadline.
#[tokio::test(start_paused = true)]
async fn a_server_that_never_answers_is_given_up_in_time() {
    // The system accepts for it.
    let mute = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = mute.local_addr().unwrap().port();
    let url = format!("postgres://audit:{SECRET}@127.0.0.1:{port}/audit");
    let patience = Duration::from_secs(60);
    let error = timeout(patience, refused(&url)).await.unwrap();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    assert!(error_text(&error).contains("the server does not answer"), "{error:?}");

    // One that was open before the server went mute.
    let store = PostgresStore::of(Source::of_url(&url).unwrap());
    keeps_the_secret("", &store);
    for error in [
        timeout(patience, store.head(LogId(1))).await.unwrap().unwrap_err(),
        timeout(patience, store.append(LogId(1), &leaves(1), at(0))).await.unwrap().unwrap_err(),
    ] {
        assert_eq!(error.kind(), StoreErrorKind::Unavailable);
        assert!(error_text(&error).contains("the server does not answer"), "{error:?}");
        keeps_the_secret(&error_text(&error), &error);
    }
}

#[tokio::test]
async fn a_role_or_a_database_that_is_not_there_is_told_as_such() {
    let Some(database) = Database::new().await else { return };
    let (user, rest) = database.url.split_once('@').unwrap();
    assert!(user.starts_with("postgres://"), "{user}");
    let error = refused(&format!("postgres://nobody_at_all:{SECRET}@{rest}")).await;
    assert_eq!(error.kind(), StoreErrorKind::Denied);
    let text = database.told(&error);
    assert!(text.contains("the server does not accept these credentials"), "{text}");

    let error = refused(&database.url.replace(&database.name, "no_such_database")).await;
    assert_eq!(error.kind(), StoreErrorKind::Incompatible);
    assert!(error_text(&error).contains("there is no such database"), "{error:?}");
}

#[tokio::test]
async fn a_wrong_password_is_denied_and_a_right_one_is_said_nowhere() {
    let Some(server) = own_server() else { return };
    let url = server.url("postgres");
    let options = PgConnectOptions::from_str(&url).unwrap();
    let rules = options.get_socket().unwrap().join("data/pg_hba.conf");
    let mut connection = options.connect().await.unwrap();
    let role = format!("CREATE ROLE alice LOGIN SUPERUSER PASSWORD '{SECRET}'");
    execute(&mut connection, &role).await.unwrap();
    ask_for_the_password_of(&rules, "alice");
    execute(&mut connection, "SELECT pg_reload_conf()").await.unwrap();
    // The server tells itself by a signal; a session that begins after it has come reads the new rules.
    while PostgresStore::open(&url.replace("audit@", "alice@")).await.is_ok() {}

    let of_alice = |password: &str| url.replace("audit@", &format!("alice:{password}@"));
    let error = refused(&of_alice("guess")).await;
    assert_eq!(error.kind(), StoreErrorKind::Denied);
    let text = error_text(&error);
    assert!(
        text.contains("does not accept these credentials") && !text.contains("guess"),
        "{text}"
    );

    let store = PostgresStore::open(&of_alice(SECRET)).await.unwrap();
    keeps_the_secret("", &store);
    let error = store.head(LogId(1)).await.unwrap_err();
    keeps_the_secret(&error_text(&error), &error);
}

fn ask_for_the_password_of(rules: &Path, role: &str) {
    let others = std::fs::read_to_string(rules).unwrap();
    std::fs::write(rules, format!("local all {role} scram-sha-256\n{others}")).unwrap();
}

#[tokio::test]
async fn what_is_no_url_is_refused_without_saying_it() {
    for url in [
        "",
        "audit.db",
        "sqlite:hunter2.db",
        "mysql://audit:hunter2@localhost/audit",
        "postgres://audit:hunter2@localhost:port/audit",
        "postgres://audit:hunter2@localhost/audit?sslmode=colour",
    ] {
        if let Ok(source) = Source::of_url(url) {
            panic!("{url} is {}", source.database);
        }
        let error = refused(url).await;
        assert_eq!(error.kind(), StoreErrorKind::Incompatible, "{}", error_text(&error));
    }
}
