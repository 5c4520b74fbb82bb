//! A store's own connections.

use std::fmt;
use std::sync::{Mutex, PoisonError};
#[cfg(feature = "postgres")]
use std::time::Duration;

use sqlx::{ConnectOptions as _, Connection, Error};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

/// How long a connection that answered is taken to have a server still: to ask it takes as long as many a read.
#[cfg(feature = "postgres")]
pub(super) const LIVE: Duration = Duration::from_secs(1);

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
    /// With when they were given back.
    idle: Mutex<Vec<(C, Instant)>>,
}

/// A connection on loan.
pub(super) struct Loan<'a, C: Connection> {
    pub(super) connection: C,
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
        let connection = match self.pop() {
            Some((connection, _)) => connection,
            None => self.options.connect().await?,
        };
        Ok(Loan { connection, home: self, _permit: permit })
    }

    /// The same, with a connection that answers: one that lay idle for a while may have lost its server.
    #[cfg(feature = "postgres")]
    pub(super) async fn take_live(&self) -> Result<Loan<'_, C>, Error> {
        let permit = self.permits.acquire().await.map_err(|_| Error::PoolClosed)?;
        while let Some((mut connection, since)) = self.pop() {
            if since.elapsed() < LIVE || connection.ping().await.is_ok() {
                return Ok(Loan { connection, home: self, _permit: permit });
            }
        }
        let connection = self.options.connect().await?;
        Ok(Loan { connection, home: self, _permit: permit })
    }

    /// Waits for all connections and closes them.
    pub(super) async fn close(&self) {
        let _all = self.permits.acquire_many(self.most.into()).await;
        while let Some((connection, _)) = self.pop() {
            // Whatever is wrong with it, it is gone.
            let _ = connection.close().await;
        }
    }

    fn pop(&self) -> Option<(C, Instant)> {
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
    /// Gives the connection back after work that succeeded.
    pub(super) fn give_back(self) {
        let mut idle = self.home.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.push((self.connection, Instant::now()));
    }
}
