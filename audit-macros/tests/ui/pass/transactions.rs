#![deny(warnings)]

use audit_core::store::Outbox;
use audit_core::{NotRecorded, audited};
use sqlx::sqlite::SqliteConnection;
use sqlx::{Sqlite, Transaction};

#[derive(Debug)]
pub enum AppError {
    NotRecorded(NotRecorded),
    Database(sqlx::Error),
}

impl From<NotRecorded> for AppError {
    fn from(error: NotRecorded) -> Self {
        Self::NotRecorded(error)
    }
}

impl From<sqlx::Error> for AppError {
    fn from(error: sqlx::Error) -> Self {
        Self::Database(error)
    }
}

#[audited(action = "order.place", resource = "order", resource_id = id, transaction = tx)]
pub async fn in_a_transaction(tx: &mut Transaction<'_, Sqlite>, id: i64) -> Result<u64, AppError> {
    let done = sqlx::query("INSERT INTO orders VALUES (?)").bind(id).execute(&mut **tx).await?;
    Ok(done.rows_affected())
}

#[audited(action = "order.place", transaction = connection)]
pub async fn on_a_connection<'a>(connection: &'a mut SqliteConnection) -> Result<(), AppError> {
    sqlx::query("DELETE FROM orders").execute(&mut *connection).await?;
    sqlx::query("DELETE FROM orders").execute(connection).await?;
    Ok(())
}

pub struct Orders(pub Vec<i64>);

impl Orders {
    #[audited(action = "order.place", resource = "order", resource_id_from = |id: &i64| *id, transaction = to)]
    pub async fn method<C: Outbox>(&mut self, to: &mut C, id: i64) -> Result<i64, AppError>
    where
        for<'c> &'c mut C: Send,
    {
        let _ = &to;
        self.0.push(id);
        Ok(id)
    }
}

#[audited(action = "order.place")]
pub async fn of_its_own(connection: &mut SqliteConnection) -> Result<(), AppError> {
    let mut transaction = sqlx::Connection::begin(connection).await?;
    in_a_transaction(&mut transaction, 1).await?;
    audit_core::current().record_in(&mut transaction).await?;
    audit_core::current().record_in(&mut *transaction).await?;
    Ok(transaction.commit().await?)
}

pub fn all_are_send(connection: &mut SqliteConnection) -> impl Send {
    of_its_own(connection)
}

fn main() {}
