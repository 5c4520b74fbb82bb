//! How a database is reached.

use audit_core::Recorder;
use audit_core::recorder::RecorderBuilder;
use audit_core::store::{PostgresStore, Reader, SqliteStore, Store};

use crate::output::{Failure, printable};

/// A database, by its URL.
pub(crate) enum Database<'a> {
    Sqlite(&'a str),
    Postgres(&'a str),
}

impl<'a> Database<'a> {
    pub(crate) fn of(url: &'a str) -> Result<Self, Failure> {
        // Up to the scheme only: what follows may hold a password.
        match url.split_once(':').map_or("..", |(scheme, _)| scheme) {
            "sqlite" => Ok(Self::Sqlite(url)),
            "postgres" | "postgresql" => Ok(Self::Postgres(url)),
            other => Err(Failure::Url(printable(&format!("{other}:..")))),
        }
    }

    /// Opens its logs for reading.
    pub(crate) async fn read(&self) -> Result<Reader, Failure> {
        Ok(match self {
            Self::Sqlite(url) => Reader::new(SqliteStore::open_existing(url).await?),
            Self::Postgres(url) => Reader::new(PostgresStore::open_existing(url).await?),
        })
    }

    /// Opens its logs for a signer, which keeps there what it has signed, where it may.
    pub(crate) async fn sign(&self) -> Result<Reader, Failure> {
        let reader = self.read().await?;
        Ok(match self {
            Self::Sqlite(url) => SqliteStore::open(url).await.map_or(reader, Reader::new),
            Self::Postgres(_) => reader,
        })
    }

    /// Opens its logs for one who appends to them as well.
    pub(crate) async fn append(&self) -> Result<Reader, Failure> {
        // They must be there.
        self.read().await?;
        Ok(match self {
            Self::Sqlite(url) => Reader::new(SqliteStore::open(url).await?),
            Self::Postgres(url) => Reader::new(PostgresStore::open(url).await?),
        })
    }

    /// Opens it for writing; its tables must be there.
    pub(crate) async fn write(&self) -> Result<Box<dyn Store>, Failure> {
        self.read().await?;
        Ok(match self {
            Self::Sqlite(url) => Box::new(SqliteStore::open(url).await?),
            Self::Postgres(url) => Box::new(PostgresStore::open_existing(url).await?),
        })
    }

    /// A recorder that writes into it; its tables must be there.
    pub(crate) async fn recorder(&self) -> Result<RecorderBuilder, Failure> {
        self.read().await?;
        Ok(match self {
            Self::Sqlite(url) => Recorder::builder(SqliteStore::open(url).await?),
            Self::Postgres(url) => Recorder::builder(PostgresStore::open_existing(url).await?),
        })
    }

    /// Makes its audit tables, or brings them to this version.
    pub(crate) async fn migrate(&self) -> Result<(), Failure> {
        match self {
            Self::Sqlite(url) => SqliteStore::open(url).await?.close().await,
            Self::Postgres(url) => PostgresStore::open(url).await?.close().await,
        }
        Ok(())
    }
}
