//! A store's own connections.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use sqlx::{ConnectOptions as _, Connection, Error};
use tokio::sync::{Semaphore, SemaphorePermit};

/// Connections to one database: opened when they are needed, never more than a number.
///
/// This is not sqlx's pool, which takes a connection back in a task of its own: nobody would own that
/// task, and a future that is dropped outside of a runtime would panic. Here a connection whose work was
/// not finished, because it failed or because its future was dropped, is closed, and the database rolls
/// back what it had begun.
pub(super) struct Connections<C: Connection> {
    options: C::Options,
    permits: Semaphore,
    most: u16,
    idle: Mutex<Vec<C>>,
}

/// A connection on loan.
pub(super) struct Loan<'a, C: Connection> {
    pub(super) connection: C,
    /// Whether it was opened for this: one that lay idle may have lost its server meanwhile.
    #[cfg(feature = "postgres")]
    is_new: bool,
    home: &'a Connections<C>,
    _permit: SemaphorePermit<'a>,
}

impl<C: Connection> Connections<C> {
    pub(super) fn new(options: C::Options, most: u16) -> Self {
        Self { options, permits: Semaphore::new(most.into()), most, idle: Mutex::default() }
    }

    /// Waits for a connection; those who wait get theirs in the order in which they came.
    pub(super) async fn take(&self) -> Result<Loan<'_, C>, Error> {
        let permit = self.permits.acquire().await.map_err(|_| Error::PoolClosed)?;
        let idle = self.pop();
        Ok(Loan {
            #[cfg(feature = "postgres")]
            is_new: idle.is_none(),
            connection: match idle {
                Some(connection) => connection,
                None => self.options.connect().await?,
            },
            home: self,
            _permit: permit,
        })
    }

    /// Waits for all connections and closes them.
    pub(super) async fn close(&self) {
        let _all = self.permits.acquire_many(self.most.into()).await;
        while let Some(connection) = self.pop() {
            // Whatever is wrong with it, it is gone.
            let _ = connection.close().await;
        }
    }

    fn pop(&self) -> Option<C> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }
}

impl<C: Connection> fmt::Debug for Connections<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The options may hold a password.
        f.debug_struct("Connections").field("most", &self.most).finish_non_exhaustive()
    }
}

impl<C: Connection> Loan<'_, C> {
    /// Opens a new connection in the place of one that lay idle and does not answer; says whether it was so.
    #[cfg(feature = "postgres")]
    pub(super) async fn renew(&mut self) -> Result<bool, Error> {
        if self.is_new || self.connection.ping().await.is_ok() {
            return Ok(false);
        }
        self.connection = self.home.options.connect().await?;
        self.is_new = true;
        Ok(true)
    }

    /// Gives the connection back after work that succeeded.
    pub(super) fn give_back(self) {
        self.home.idle.lock().unwrap_or_else(PoisonError::into_inner).push(self.connection);
    }
}
