//! Events written by the application's own connection.

use async_trait::async_trait;
use sqlx::postgres::PgConnection;
use sqlx::{Postgres, Transaction};

use super::errors::meaning;
use crate::event::EncodedEvent;
use crate::store::doing::Doing;
use crate::store::outbox::sealed::Sealed;
use crate::store::{LogId, Outbox, StoreError};

const PUT: &str = "INSERT INTO audit.outbox (log_id, origin, class, event_id, canon, openings) \
     VALUES ($1, $2, $3, $4, $5, $6)";

impl Sealed for PgConnection {}
impl Sealed for Transaction<'_, Postgres> {}

#[async_trait]
impl Outbox for PgConnection {
    async fn put(&mut self, origin: &str, event: &EncodedEvent) -> Result<(), StoreError> {
        let doing =
            Doing::new("write to the outbox", &"the application's database".into(), meaning);
        let insert = sqlx::query(PUT).bind(LogId::of(origin).0).bind(origin).bind(&event.class);
        let insert = insert.bind(event.id).bind(&event.canon).bind(event.openings.as_deref());
        let done = insert.execute(self).await.map_err(|error| doing.rejected(error))?;
        match done.rows_affected() {
            1 => Ok(()),
            _ => Err(doing.damaged("the row fell without a word")),
        }
    }
}

#[async_trait]
impl Outbox for Transaction<'_, Postgres> {
    async fn put(&mut self, origin: &str, event: &EncodedEvent) -> Result<(), StoreError> {
        PgConnection::put(self, origin, event).await
    }
}
