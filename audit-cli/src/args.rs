//! What can be asked for.

use audit_core::{Cursor, Outcome};
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use clap::{Parser, Subcommand};

/// Reads, verifies and sets up audit logs.
///
/// Exit code: 0 all is well, 1 findings, 2 could not.
#[derive(Debug, Parser)]
#[command(name = "audit", version)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Checks that the logs of a database are what was appended to them.
    Verify(Verify),
    /// Finds entries, newest first.
    Search(Search),
    /// Sets up a database.
    #[command(subcommand)]
    Db(Db),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Db {
    /// Makes the audit tables, or brings them to this version.
    Migrate(Migrate),
    /// Prints the roles for PostgreSQL, as SQL for `psql`, which the owner of the schema `audit` runs after `migrate`.
    Roles,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Migrate {
    /// The database: `sqlite:PATH`, which is made where there is none, or `postgres://USER:PASSWORD@HOST/NAME`.
    #[arg(long, env = "AUDIT_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub(crate) database_url: String,
}

/// Where the logs are.
#[derive(Debug, clap::Args)]
pub(crate) struct Database {
    /// The database: `sqlite:PATH` or `postgres://USER:PASSWORD@HOST/NAME`. It is only read, and must be there.
    #[arg(long, env = "AUDIT_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub(crate) database_url: String,
    /// Answers in JSON.
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Verify {
    #[command(flatten)]
    pub(crate) database: Database,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Search {
    #[command(flatten)]
    pub(crate) database: Database,
    /// What this actor did, by id.
    #[arg(long, value_name = "ID")]
    pub(crate) actor: Option<String>,
    /// This action.
    #[arg(long, value_name = "NAME")]
    pub(crate) action: Option<String>,
    /// What was done to resources of a type, or to one of them.
    #[arg(long, value_name = "TYPE[/ID]")]
    pub(crate) resource: Option<String>,
    /// What ended so: success, failure, denied, cancelled, unknown.
    #[arg(long)]
    pub(crate) outcome: Option<Outcome>,
    /// What happened at this time or later: `2026-01-31` or `2026-01-31T12:00:00Z`.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) since: Option<DateTime<Utc>>,
    /// What happened before this time.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub(crate) until: Option<DateTime<Utc>>,
    /// Entries on a page, 1 to 1000.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub(crate) limit: u32,
    /// Goes on where a page of the same search ended.
    #[arg(long)]
    pub(crate) cursor: Option<Cursor>,
}

/// A time, or a day, which begins at midnight UTC.
fn time(text: &str) -> Result<DateTime<Utc>, String> {
    let day = text.parse::<NaiveDate>().map(|day| day.and_time(NaiveTime::MIN).and_utc());
    day.or_else(|_| text.parse())
        .map_err(|_| "write `2026-01-31` or `2026-01-31T12:00:00Z`".to_owned())
}
