//! Events written by the application's own connection.

use async_trait::async_trait;
use sqlx::sqlite::SqliteConnection;
use sqlx::{Sqlite, Transaction};

use super::errors::meaning;
use crate::event::EncodedEvent;
use crate::store::doing::Doing;
use crate::store::outbox::sealed::Sealed;
use crate::store::{LogId, Outbox, StoreError};

const PUT: &str = "INSERT INTO audit_outbox (log_id, origin, class, event_id, canon, openings) \
     VALUES (?, ?, ?, ?, ?, ?)";

impl Sealed for SqliteConnection {}
impl Sealed for Transaction<'_, Sqlite> {}

#[async_trait]
impl Outbox for SqliteConnection {
    async fn put(&mut self, origin: &str, event: &EncodedEvent) -> Result<(), StoreError> {
        let doing =
            Doing::new("write to the outbox", &"the application's database".into(), meaning);
        let insert = sqlx::query(PUT).bind(LogId::of(origin).0).bind(origin).bind(&event.class);
        let insert = insert.bind(event.id.as_bytes().to_vec()).bind(&event.canon);
        let done = insert.bind(event.openings.as_deref()).execute(self).await;
        match done.map_err(|error| doing.rejected(error))?.rows_affected() {
            1 => Ok(()),
            _ => Err(doing.damaged("the row fell without a word")),
        }
    }
}

#[async_trait]
impl Outbox for Transaction<'_, Sqlite> {
    async fn put(&mut self, origin: &str, event: &EncodedEvent) -> Result<(), StoreError> {
        SqliteConnection::put(self, origin, event).await
    }
}
