//! The store's own connections.

use std::sync::{Mutex, PoisonError};

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _, Error};
use tokio::sync::{Semaphore, SemaphorePermit};

/// Connections to one database: opened when they are needed, never more than a number.
///
/// This is not sqlx's pool, which takes a connection back in a task of its own: nobody would own that
/// task, and a future that is dropped outside of a runtime would panic. Here a connection whose work was
/// not finished, because it failed or because its future was dropped, is closed, and SQLite rolls back
/// what it had begun.
#[derive(Debug)]
pub(super) struct Connections {
    options: SqliteConnectOptions,
    permits: Semaphore,
    most: u16,
    idle: Mutex<Vec<SqliteConnection>>,
}

/// A connection on loan.
#[derive(Debug)]
pub(super) struct Loan<'a> {
    pub(super) connection: SqliteConnection,
    home: &'a Connections,
    _permit: SemaphorePermit<'a>,
}

impl Connections {
    pub(super) fn new(options: SqliteConnectOptions, most: u16) -> Self {
        Self { options, permits: Semaphore::new(most.into()), most, idle: Mutex::default() }
    }

    /// Waits for a connection; those who wait get theirs in the order in which they came.
    pub(super) async fn take(&self) -> Result<Loan<'_>, Error> {
        let permit = self.permits.acquire().await.map_err(|_| Error::PoolClosed)?;
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let connection = match idle {
            Some(connection) => connection,
            None => self.options.connect().await?,
        };
        Ok(Loan { connection, home: self, _permit: permit })
    }

    /// Waits for all connections and closes them.
    pub(super) async fn close(&self) {
        let _all = self.permits.acquire_many(self.most.into()).await;
        let idle = std::mem::take(&mut *self.idle.lock().unwrap_or_else(PoisonError::into_inner));
        for connection in idle {
            // Whatever is wrong with it, it is gone.
            let _ = connection.close().await;
        }
    }
}

impl Loan<'_> {
    /// Gives the connection back after work that succeeded.
    pub(super) fn give_back(self) {
        self.home.idle.lock().unwrap_or_else(PoisonError::into_inner).push(self.connection);
    }
}
