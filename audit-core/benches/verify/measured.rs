//! One measurement.

use std::str::FromStr;
use std::time::Instant;

use audit_core::store::{LogId, PostgresStore, Reader, SqliteStore};
use audit_core::verify::Verification;
use futures_util::TryStreamExt as _;
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions as _};

use crate::Failure;
use crate::made::LOG;
use crate::turns::{self, Measured};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    /// Fetching index, bytes and leaf of all rows, and throwing them away.
    FetchBytes,
    /// Verifying leaves and roots alone.
    VerifyLeaves,
    /// Fetching all columns that a verification looks at, and throwing them away.
    FetchRows,
    /// Verifying everything.
    Verify,
}

impl What {
    pub(crate) const ALL: [Self; 4] =
        [Self::FetchBytes, Self::VerifyLeaves, Self::FetchRows, Self::Verify];
}

impl turns::What for What {
    fn name(self) -> &'static str {
        match self {
            Self::FetchBytes => "fetch bytes and leaves",
            Self::VerifyLeaves => "verify leaves and roots alone",
            Self::FetchRows => "fetch all columns",
            Self::Verify => "verify everything",
        }
    }

    fn beside(self) -> Self {
        match self {
            Self::FetchBytes | Self::VerifyLeaves => Self::FetchBytes,
            Self::FetchRows | Self::Verify => Self::FetchRows,
        }
    }
}

pub(crate) async fn measure(what: What, url: &str) -> Result<Measured, Failure> {
    let begun = Instant::now();
    let rows = match what {
        What::FetchBytes => fetched(url, "idx, canon, leaf").await?,
        What::FetchRows => {
            let columns = "idx, seg, event_id, canon, leaf, recorded_at, occurred_at, action, actor, \
                           resource_type, resource_id, terms, openings, ip";
            fetched(url, columns).await?
        }
        What::VerifyLeaves => verified(Verification::of(&reader(url).await?).leaves_only()).await?,
        What::Verify => verified(Verification::of(&reader(url).await?)).await?,
    };
    Measured::since(begun, rows, 0)
}

async fn reader(url: &str) -> Result<Reader, Failure> {
    Ok(match url.starts_with("sqlite:") {
        true => Reader::new(SqliteStore::open_existing(url).await?),
        false => Reader::new(PostgresStore::open_existing(url).await?),
    })
}

async fn verified(verification: Verification) -> Result<u64, Failure> {
    let report = verification.run().await?;
    if !report.is_clean() {
        return Err(report.to_string().into());
    }
    Ok(report.logs.iter().filter_map(|log| log.size).sum())
}

/// One statement, whose rows are dropped as they come.
async fn fetched(url: &str, columns: &str) -> Result<u64, Failure> {
    let log = LogId::of(LOG).0;
    let mut rows = 0;
    if url.starts_with("sqlite:") {
        let mut connection = url.parse::<SqliteConnectOptions>()?.connect().await?;
        let sql = format!("SELECT {columns} FROM audit_entry WHERE log_id = ? ORDER BY idx");
        let mut stream = sqlx::query(AssertSqlSafe(sql)).bind(log).fetch(&mut connection);
        while stream.try_next().await?.is_some() {
            rows += 1;
        }
    } else {
        let mut connection = url.parse::<PgConnectOptions>()?.connect().await?;
        let sql = format!("SELECT {columns} FROM audit.entry WHERE log_id = $1 ORDER BY idx");
        let mut stream = sqlx::query(AssertSqlSafe(sql)).bind(log).fetch(&mut connection);
        while stream.try_next().await?.is_some() {
            rows += 1;
        }
    }
    Ok(rows)
}

impl FromStr for What {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|what| turns::What::name(*what) == name);
        found.ok_or_else(|| format!("`{name}` is not measured"))
    }
}
