//! The schema `audit`, and its versions.

use sqlx::Connection as _;
use sqlx::migrate::Migration;
use sqlx::postgres::PgConnection;

use crate::store::doing::Doing;
use crate::store::{StoreError, migrations};

const TABLE: &str = "audit.migrations";

/// Whoever migrates may have to wait for somebody else who does, and an index on a large log takes its time.
const BEGIN: &str = "BEGIN; SET LOCAL lock_timeout = '30s'; SET LOCAL statement_timeout = 0";

const ENCODING: &str = "SHOW server_encoding";

/// Only one at a time; the number means nothing, but to those who use the same ("audit" in ASCII).
const LOCK: &str = "SELECT pg_advisory_xact_lock(418229905780)";

const MAKE_SCHEMA: &str = "DO $$ BEGIN
    IF to_regnamespace('audit') IS NULL THEN CREATE SCHEMA audit; END IF;
END $$";

const IS_THERE: &str = "SELECT to_regclass('audit.migrations') IS NOT NULL";

const APPLIED: &str = "SELECT version, checksum FROM audit.migrations ORDER BY version";

/// Brings the schema to the version of this library.
pub(super) async fn migrate(
    connection: &mut PgConnection,
    doing: &Doing,
) -> Result<(), StoreError> {
    // Where nothing is missing, no right to make anything is needed either.
    if missing(connection, doing).await?.is_empty() {
        return Ok(());
    }
    let failed = |error| doing.failed(error);
    let mut transaction = connection.begin_with(BEGIN).await.map_err(failed)?;
    sqlx::query(LOCK).execute(&mut *transaction).await.map_err(failed)?;
    sqlx::query(MAKE_SCHEMA).execute(&mut *transaction).await.map_err(failed)?;
    let missing = missing(&mut transaction, doing).await?;
    migrations::apply(&mut *transaction, TABLE, &missing, doing).await?;
    transaction.commit().await.map_err(failed)
}

/// Makes sure that the schema is there in the version of this library, and changes nothing.
pub(super) async fn check(connection: &mut PgConnection, doing: &Doing) -> Result<(), StoreError> {
    if missing(connection, doing).await?.is_empty() {
        return Ok(());
    }
    Err(doing.incompatible(
        "it has no audit schema, or an older one: name another database, or let `audit db migrate` make it",
    ))
}

async fn missing(
    connection: &mut PgConnection,
    doing: &Doing,
) -> Result<Vec<Migration>, StoreError> {
    let known = vec![migrations::migration(
        1,
        "log",
        include_str!("../../../migrations/postgres/0001_log.sql"),
    )];
    // In any other, PostgreSQL refuses characters that an event may have.
    let encoding = sqlx::query_scalar(ENCODING).fetch_one(&mut *connection).await;
    let encoding: String = encoding.map_err(|error| doing.failed(error))?;
    if encoding != "UTF8" {
        let what = format!("its encoding is {encoding}: use a database made with ENCODING 'UTF8'");
        return Err(doing.incompatible(&what));
    }
    let there = sqlx::query_scalar(IS_THERE).fetch_one(&mut *connection).await;
    if !there.map_err(|error| doing.failed(error))? {
        return Ok(known);
    }
    let applied = sqlx::query_as(APPLIED).fetch_all(connection).await;
    migrations::missing(known, applied.map_err(|error| doing.failed(error))?, doing)
}
