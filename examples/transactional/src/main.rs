//! Orders and their audit entries in one SQLite file, committed together or not at all.

use std::error::Error;
use std::time::Duration;

use audit_core::store::SqliteStore;
use audit_core::{AuditContext, Event, NotRecorded, Outcome, Query, Recorder, audited};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _, Sqlite, Transaction};

/// The caller's transaction: the event goes into it when the body has returned `Ok`.
#[audited(action = "order.place", resource = "order", resource_id = id, transaction = tx)]
async fn place(tx: &mut Transaction<'_, Sqlite>, id: i64) -> Result<(), OrderError> {
    sqlx::query("INSERT INTO orders (id) VALUES (?)").bind(id).execute(&mut **tx).await?;
    if id > 1_000 { Err(OrderError::NoSuchNumber) } else { Ok(()) }
}

/// A transaction of its own: the event goes into it before the commit.
#[audited(action = "order.import", resource = "order", resource_id = id)]
async fn import(connection: &mut SqliteConnection, id: i64) -> Result<(), OrderError> {
    let mut tx = connection.begin().await?;
    sqlx::query("INSERT INTO orders (id) VALUES (?)").bind(id).execute(&mut *tx).await?;
    audit_core::current().record_in(&mut tx).await?;
    tx.commit().await?;
    Ok(())
}

async fn work(
    recorder: &Recorder,
    connection: &mut SqliteConnection,
) -> Result<(), Box<dyn Error>> {
    let mut tx = connection.begin().await?;
    place(&mut tx, 1).await?;
    tx.commit().await?;

    // It fails, and the transaction is rolled back: the order is not there, the failure is in the log.
    let mut tx = connection.begin().await?;
    match place(&mut tx, 4_711).await {
        Ok(()) => tx.commit().await?,
        Err(_) => tx.rollback().await?,
    }

    import(connection, 2).await?;

    // No audited function at all.
    let mut tx = connection.begin().await?;
    sqlx::query("INSERT INTO orders (id) VALUES (3)").execute(&mut *tx).await?;
    let event = Event::builder("order.correct").resource("order", "3").outcome(Outcome::Success);
    recorder.record_in(&mut tx, event).await?;
    tx.commit().await?;
    Ok(())
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "this is what the example is for")]
async fn main() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("orders.db");
    let store = SqliteStore::open(file.to_str().ok_or("the folder's name is no text")?).await?;
    let recorder = Recorder::builder(store).origin("orders.example/audit").start().await?;
    // The application's own connection to the same database.
    let mut connection = SqliteConnectOptions::new().filename(&file).connect().await?;
    sqlx::query("CREATE TABLE orders (id INTEGER PRIMARY KEY)").execute(&mut connection).await?;

    AuditContext::system("orders").scope(&recorder, work(&recorder, &mut connection)).await?;
    // The shutdown moves what was committed into the log, and so would the next start.
    recorder.shutdown(Duration::from_secs(10)).await?;

    let orders: Vec<i64> =
        sqlx::query_scalar("SELECT id FROM orders ORDER BY id").fetch_all(&mut connection).await?;
    println!("orders: {orders:?}");
    for entry in recorder.reader().search(&Query::new().actor("orders")).await?.entries {
        let event = entry.event();
        let text = |pointer| event.pointer(pointer).and_then(|value| value.as_str()).unwrap_or("-");
        println!("{} {} {}", text("/action"), text("/resource/id"), text("/outcome"));
    }
    Ok(())
}

#[derive(Debug)]
enum OrderError {
    NoSuchNumber,
    Database(sqlx::Error),
    NotRecorded(NotRecorded),
}

impl std::fmt::Display for OrderError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoSuchNumber => f.write_str("there are no orders beyond number 1,000"),
            Self::Database(error) => error.fmt(f),
            Self::NotRecorded(error) => error.fmt(f),
        }
    }
}

impl Error for OrderError {}

impl From<sqlx::Error> for OrderError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

impl From<NotRecorded> for OrderError {
    fn from(error: NotRecorded) -> Self {
        Self::NotRecorded(error)
    }
}
