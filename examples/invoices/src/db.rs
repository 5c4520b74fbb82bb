//! The application's own tables. Those of the audit log are none of its business.

use std::error::Error;
use std::str::FromStr as _;
use std::time::Duration;

use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions};

use crate::auth::{APPROVER, AUDITOR, User, hash_password};
use crate::error::AppError;
use crate::invoices::{Content, Invoice, Status};

/// All demo users have it.
const DEMO_PASSWORD: &str = "demo";

/// Opens the database, by URL or path, and makes what is missing: the file, the tables, the users.
pub(crate) async fn open(database: &str) -> Result<SqlitePool, Box<dyn Error>> {
    let options = match database.starts_with("sqlite:") {
        true => SqliteConnectOptions::from_str(database)?,
        false => SqliteConnectOptions::new().filename(database),
    };
    let options = options
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        // SQLite lets one connection write at a time, and the audit log writes as well.
        .busy_timeout(Duration::from_secs(10));
    let pool = SqlitePoolOptions::new().max_connections(4).connect_with(options).await?;
    sqlx::raw_sql(include_str!("schema.sql")).execute(&pool).await?;
    add_users(&pool).await?;
    Ok(pool)
}

async fn add_users(db: &SqlitePool) -> Result<(), Box<dyn Error>> {
    let there: i64 = sqlx::query_scalar("SELECT count(*) FROM users").fetch_one(db).await?;
    if there > 0 {
        return Ok(());
    }
    let users = [
        ("alice", "Alice Adams", "clerk"),
        ("bob", "Bob Brown", APPROVER),
        ("auditor", "Olga Orlova", AUDITOR),
    ];
    for (id, name, role) in users {
        sqlx::query(
            "INSERT OR IGNORE INTO users (id, name, role, password_hash) VALUES (?, ?, ?, ?)",
        )
        .bind(id)
        .bind(name)
        .bind(role)
        .bind(hash_password(DEMO_PASSWORD)?)
        .execute(db)
        .await?;
    }
    Ok(())
}

/// A user, and the hash of the password.
pub(crate) async fn user(db: &SqlitePool, id: &str) -> Result<Option<(User, String)>, AppError> {
    let row =
        sqlx::query_as("SELECT id, name, role, password_hash FROM users WHERE id = ?").bind(id);
    let row: Option<(String, String, String, String)> = row.fetch_optional(db).await?;
    Ok(row.map(|(id, name, role, hash)| (User { id, name, role }, hash)))
}

/// A row of the table, in the order of the columns.
type Row = (i64, String, i64, String);

impl From<Row> for Invoice {
    fn from((id, customer, amount, status): Row) -> Self {
        Self { id, customer, amount, status }
    }
}

/// The newest invoices, up to 100.
pub(crate) async fn invoices(db: &SqlitePool) -> Result<Vec<Invoice>, AppError> {
    let rows = sqlx::query_as(
        "SELECT id, customer, amount, status FROM invoices ORDER BY id DESC LIMIT 100",
    );
    let rows: Vec<Row> = rows.fetch_all(db).await?;
    Ok(rows.into_iter().map(Invoice::from).collect())
}

pub(crate) async fn invoice(db: &SqlitePool, id: i64) -> Result<Invoice, AppError> {
    let row =
        sqlx::query_as("SELECT id, customer, amount, status FROM invoices WHERE id = ?").bind(id);
    found(row.fetch_optional(db).await?)
}

pub(crate) async fn insert(db: &SqlitePool, content: &Content) -> Result<Invoice, AppError> {
    let row = sqlx::query_as("INSERT INTO invoices (customer, amount) VALUES (?, ?) RETURNING id, customer, amount, status")
        .bind(&content.customer)
        .bind(content.amount);
    let row: Row = row.fetch_one(db).await?;
    Ok(row.into())
}

/// What was approved was another invoice, so that a changed one is a draft again.
pub(crate) async fn update(
    db: &SqlitePool,
    id: i64,
    content: &Content,
) -> Result<Invoice, AppError> {
    let row = sqlx::query_as(
        "UPDATE invoices SET customer = ?, amount = ?, status = 'draft' WHERE id = ?
         RETURNING id, customer, amount, status",
    );
    found(row.bind(&content.customer).bind(content.amount).bind(id).fetch_optional(db).await?)
}

/// Takes an invoice from one status to the next; in one statement, so that only one of two requests does.
pub(crate) async fn advance(
    db: &SqlitePool,
    id: i64,
    from: Status,
    to: Status,
) -> Result<Invoice, AppError> {
    let row = sqlx::query_as(
        "UPDATE invoices SET status = ? WHERE id = ? AND status = ? RETURNING id, customer, amount, status",
    );
    let row: Option<Row> = row.bind(to).bind(id).bind(from).fetch_optional(db).await?;
    match row {
        Some(row) => Ok(row.into()),
        None => Err(AppError::WrongStatus { is: invoice(db, id).await?.status, must_be: from }),
    }
}

pub(crate) async fn delete(db: &SqlitePool, id: i64) -> Result<(), AppError> {
    let deleted = sqlx::query("DELETE FROM invoices WHERE id = ?").bind(id).execute(db).await?;
    if deleted.rows_affected() == 0 { Err(AppError::NotFound) } else { Ok(()) }
}

fn found(row: Option<Row>) -> Result<Invoice, AppError> {
    row.map(Invoice::from).ok_or(AppError::NotFound)
}
