//! Opening: new files, old files, and files that are none of ours.

use std::fs;

use sqlx::SqlSafeStr as _;
use sqlx::migrate::{Migration, MigrationType, Migrator};

use super::*;
use crate::event::error_text;
use crate::merkle::TileId;
use crate::query::Filter;
use crate::store::{Start, StoreErrorKind};
use crate::testing::conformance::whole;

async fn refused(file: &str) -> StoreError {
    let existing = SqliteStore::open_existing(file).await.unwrap_err();
    let opened = SqliteStore::open(file).await.unwrap_err();
    assert_eq!(
        existing.kind(),
        opened.kind(),
        "{} / {}",
        error_text(&existing),
        error_text(&opened)
    );
    opened
}

#[tokio::test]
async fn what_was_appended_is_there_when_the_file_is_opened_again() {
    let (store, log, folder) = store_of(700).await;
    let tile = TileId { level: 0, index: 1 };
    let before = (
        store.head(log).await.unwrap(),
        whole(&store, log).await,
        store.tile(log, tile).await.unwrap(),
        store.segments(log).await.unwrap(),
    );
    drop(store);
    let url = format!("sqlite://{}?mode=rwc", file_in(&folder).display());
    let store = SqliteStore::open(&url).await.unwrap();
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
async fn the_file_is_in_the_mode_that_survives_a_loss_of_power() {
    let (store, folder) = new_store().await;
    let pragma = async |sql: &'static str| -> String {
        let mut loan = store.writer.take().await.unwrap();
        let value = sqlx::query_scalar(sql).fetch_one(&mut loan.connection).await.unwrap();
        loan.give_back();
        value
    };
    assert_eq!(pragma("PRAGMA journal_mode").await, "wal");
    assert_eq!(pragma("SELECT CAST(synchronous AS TEXT) FROM pragma_synchronous").await, "2");
    let mut other = stranger(&folder).await;
    let mode: String =
        sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut other).await.unwrap();
    assert_eq!(mode, "wal");
}

/// As an application would have its own, under sqlx's own name for the table.
fn of_the_application(table: &'static str) -> Migrator {
    let sql = match table {
        "_sqlx_migrations" => "CREATE TABLE invoice (id)",
        _ => "CREATE TABLE of_a_later_version (id)",
    };
    let version = if table == "_sqlx_migrations" { 1 } else { 7 };
    let migration =
        Migration::new(version, "first".into(), MigrationType::Simple, sql.into_sql_str(), false);
    let mut migrator = Migrator::with_migrations(vec![migration]);
    migrator.dangerous_set_table_name(table);
    migrator.set_ignore_missing(true);
    migrator
}

#[tokio::test]
async fn the_applications_migrations_and_ours_have_both_a_version_1_in_one_file() {
    for application_first in [true, false] {
        let folder = TempDir::new().unwrap();
        if !application_first {
            open(&file_in(&folder)).await;
        }
        let mut application = stranger(&folder).await;
        of_the_application("_sqlx_migrations").run(&mut application).await.unwrap();
        let store = open(&file_in(&folder)).await;
        // Both again: each finds its own, and nothing to do.
        of_the_application("_sqlx_migrations").run(&mut application).await.unwrap();
        open(&file_in(&folder)).await;
        store.open_log("test/audit/standard", "standard").await.unwrap();
        let applied = "SELECT (SELECT group_concat(version) FROM _sqlx_migrations) || '/' || \
                       (SELECT group_concat(version) FROM audit_migrations)";
        let applied: String =
            sqlx::query_scalar(applied).fetch_one(&mut application).await.unwrap();
        assert_eq!(applied, "1/1");
    }
}

#[tokio::test]
async fn a_newer_schema_is_refused_with_what_to_do_and_left_as_it_is() {
    let (store, _log, folder) = store_of(3).await;
    drop(store);
    let mut newer = stranger(&folder).await;
    of_the_application("audit_migrations").run(&mut newer).await.unwrap();
    let error = refused(file_in(&folder).to_str().unwrap()).await;
    assert_eq!(error.kind(), StoreErrorKind::Incompatible);
    let text = told(&error, &file_in(&folder));
    assert!(text.contains("version 7: use a newer version of this library"), "{text}");

    execute(
        &mut newer,
        "UPDATE audit_migrations SET version = 1, checksum = x'00' WHERE version = 7",
    )
    .await
    .unwrap_err();
    execute(&mut newer, "DELETE FROM audit_migrations WHERE version = 7; UPDATE audit_migrations SET checksum = x'00'")
        .await
        .unwrap();
    let error = refused(file_in(&folder).to_str().unwrap()).await;
    assert_eq!(error.kind(), StoreErrorKind::Incompatible);
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_by_name_and_left_as_it_is() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("notes.txt");
    let notes = "These are notes and no database. ".repeat(100);
    fs::write(&file, &notes).unwrap();
    let error = refused(file.to_str().unwrap()).await;
    assert_eq!(error.kind(), StoreErrorKind::Incompatible);
    assert!(told(&error, &file).contains("no SQLite database"));
    assert_eq!(fs::read_to_string(&file).unwrap(), notes);
}

#[tokio::test]
async fn a_place_where_no_file_can_be_is_unavailable_by_name() {
    let folder = TempDir::new().unwrap();
    for place in [folder.path().to_owned(), folder.path().join("none/audit.db")] {
        let error = refused(place.to_str().unwrap()).await;
        assert_eq!(error.kind(), StoreErrorKind::Unavailable);
        told(&error, &place);
    }
}

#[tokio::test]
async fn what_is_no_file_at_all_is_refused() {
    for name in [
        "",
        ":memory:",
        "file:audit.db",
        "sqlite::memory:",
        "sqlite:audit.db?mode=memory",
        "sqlite:audit.db?colour=red",
    ] {
        let error = refused(name).await;
        assert_eq!(error.kind(), StoreErrorKind::Incompatible, "{}", error_text(&error));
    }
}

#[tokio::test]
async fn an_existing_log_is_opened_to_be_read_and_its_file_stays_as_it_is() {
    let (store, log, folder) = store_of(300).await;
    let file = file_in(&folder);
    let text = file.to_str().unwrap();
    let head = store.head(log).await.unwrap();

    // While somebody else writes.
    let reading = SqliteStore::open_existing(text).await.unwrap();
    store.append(log, &leaves(1), at(0)).await.unwrap();
    assert_eq!(reading.head(log).await.unwrap().frontier.size(), head.frontier.size() + 1);
    let refused = reading.append(log, &leaves(1), at(0)).await.unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::Unavailable);
    assert!(told(&refused, &file).contains("readonly database"));
    assert_eq!(
        reading.open_log("test/new", "standard").await.unwrap_err().kind(),
        StoreErrorKind::Unavailable
    );
    drop(reading);

    // At rest.
    store.close().await;
    let before = fs::read(&file).unwrap();
    let reading = SqliteStore::open_existing(text).await.unwrap();
    assert_eq!(
        reading.search(log, &Filter::default(), Start::END, 1_000).await.unwrap().len(),
        301
    );
    reading.close().await;
    assert_eq!(fs::read(&file).unwrap(), before);
}

#[cfg(unix)]
#[tokio::test]
async fn a_log_at_rest_is_read_also_where_nothing_can_be_made_beside_it() {
    let (store, log, folder) = store_of(300).await;
    let file = file_in(&folder);
    let text = file.to_str().unwrap();
    // What keeps SQLite from making or opening the file, also where a test runs as root.
    let in_the_way = format!("{text}-shm");
    store.close().await;
    std::os::unix::fs::symlink("nowhere/at-all", &in_the_way).unwrap();

    let reading = SqliteStore::open_existing(text).await.unwrap();
    assert_eq!(whole(&reading, log).await.len(), 300);

    // With a `-wal`, the file alone is not the whole database.
    let (store, log, live) = store_of(300).await;
    for suffix in ["", "-wal"] {
        fs::copy(format!("{}{suffix}", file_in(&live).display()), format!("{text}{suffix}"))
            .unwrap();
    }
    let error = SqliteStore::open_existing(text).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    told(&error, &file);
    // With a `-wal` and a folder in which SQLite may write, it is.
    fs::remove_file(&in_the_way).unwrap();
    let copy = SqliteStore::open_existing(text).await.unwrap();
    assert_eq!(whole(&copy, log).await, whole(&store, log).await);
}

#[tokio::test]
async fn a_log_that_is_not_there_is_not_made_by_looking_for_it() {
    let folder = TempDir::new().unwrap();
    let file = file_in(&folder);
    let error = SqliteStore::open_existing(file.to_str().unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Unavailable);
    told(&error, &file);
    assert!(!file.exists());

    // A database of the application's, without a log.
    execute(&mut stranger(&folder).await, "CREATE TABLE invoice (id)").await.unwrap();
    let before = fs::read(&file).unwrap();
    let error = SqliteStore::open_existing(file.to_str().unwrap()).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Incompatible);
    assert!(told(&error, &file).contains("no audit tables"));
    assert_eq!(fs::read(&file).unwrap(), before);
}

#[tokio::test]
async fn a_file_whose_texts_are_in_utf_16_is_refused() {
    let folder = TempDir::new().unwrap();
    let file = file_in(&folder);
    let options = SqliteConnectOptions::new().filename(&file).create_if_missing(true);
    let mut connection = options.pragma("encoding", "'UTF-16le'").connect().await.unwrap();
    execute(&mut connection, "CREATE TABLE theirs (id INTEGER)").await.unwrap();
    let error = refused(file.to_str().unwrap()).await;
    assert_eq!(error.kind(), StoreErrorKind::Incompatible);
    assert!(error_text(&error).contains("UTF-16"), "{}", error_text(&error));
}
