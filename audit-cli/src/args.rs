//! What can be asked for.

use std::net::IpAddr;
use std::path::PathBuf;

use audit_core::{Cursor, Outcome, Severity};
use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use clap::{Parser, Subcommand};

use crate::commands::keys;
use crate::commands::verify::Verify;

/// Reads, verifies and sets up audit logs.
///
/// Exit code: 0 all is well, 1 findings, 2 could not, 3 warnings.
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
    /// Checks that an entry is in a log, by a proof and the keys that are believed, without a database. Reads the entry's
    /// canonical bytes from stdin.
    VerifyProof(VerifyProof),
    /// Proves that an entry is in its log: prints a proof for `verify-proof`, or any tool that reads tlog-proof.
    Prove(Prove),
    /// Signs what the logs of a database have come to.
    Sign(Sign),
    /// Keys by which a signer signs.
    #[command(subcommand)]
    Keys(keys::Command),
    /// Finds entries, newest first.
    Search(Box<Search>),
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
pub(crate) struct VerifyProof {
    /// The logs and witnesses that are believed, as `audit sign --into` writes them.
    #[arg(long, value_name = "FILE")]
    pub(crate) policy: PathBuf,
    /// The proof.
    #[arg(long, value_name = "FILE")]
    pub(crate) proof: PathBuf,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Prove {
    /// The database: `sqlite:PATH` or `postgres://USER:PASSWORD@HOST/NAME`. It is only read, and must be there.
    #[arg(long, env = "AUDIT_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub(crate) database_url: String,
    /// A signed checkpoint of the log, no older than the entry.
    #[arg(long, value_name = "FILE")]
    pub(crate) checkpoint: PathBuf,
    /// The index of the entry in the log.
    #[arg(long, value_name = "N")]
    pub(crate) index: u64,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Sign {
    /// The database: `sqlite:PATH` or `postgres://USER:PASSWORD@HOST/NAME`. It is only read, and must be there.
    #[arg(long, env = "AUDIT_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub(crate) database_url: String,
    /// The folder of the signer's keys, and of what it has signed; made where there is none. Where the database's
    /// administrator does not write.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) keys: PathBuf,
    /// Takes the logs as they are for what they were, where the folder is new. Verify them before.
    #[arg(long)]
    pub(crate) adopt: bool,
    /// Goes on, and signs again after so many seconds, until it is interrupted. Ends by itself where a log is not what was
    /// signed.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) every: Option<u64>,
    /// Writes the checkpoints into this folder, a file each, and the keys as `policy`. A checkpoint there that tells of more is
    /// not replaced.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) into: Option<PathBuf>,
    /// Asks the witnesses of this policy that have an address there to cosign each checkpoint. One that the policy does not accept
    /// then is not written.
    #[arg(long, value_name = "FILE", requires = "into")]
    pub(crate) policy: Option<PathBuf>,
    /// How long a witness has for its answer.
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub(crate) witness_deadline: u64,
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
    /// What is so serious: debug, info, warning, error, critical.
    #[arg(long)]
    pub(crate) severity: Option<Severity>,
    /// This group of actions.
    #[arg(long, value_name = "NAME")]
    pub(crate) category: Option<String>,
    /// What belongs to this tenant.
    #[arg(long, value_name = "ID")]
    pub(crate) tenant: Option<String>,
    /// What this request did.
    #[arg(long, value_name = "ID")]
    pub(crate) request_id: Option<String>,
    /// What was done in this session, by its hash as it stands in the events.
    #[arg(long, value_name = "HASH")]
    pub(crate) session: Option<String>,
    /// What requests with this correlation id did.
    #[arg(long, value_name = "ID")]
    pub(crate) correlation_id: Option<String>,
    /// The steps of this workflow or job.
    #[arg(long, value_name = "ID")]
    pub(crate) operation_id: Option<String>,
    /// What has this label; given more than once, all of them.
    #[arg(long, value_name = "KEY=VALUE", value_parser = label)]
    pub(crate) label: Vec<(String, String)>,
    /// What has this tag; given more than once, all of them.
    #[arg(long)]
    pub(crate) tag: Vec<String>,
    /// What was asked for from this address or network: `10.0.0.7`, `10.0.0.0/8`, `2001:db8::/32`.
    #[arg(long, value_name = "ADDRESS[/PREFIX]", value_parser = network)]
    pub(crate) ip: Option<(IpAddr, Option<u8>)>,
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

/// A label's key ends at the first `=`.
fn label(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write `KEY=VALUE`")?;
    Ok((key.to_owned(), value.to_owned()))
}

/// An address, and how many of its bits a network has in common.
fn network(text: &str) -> Result<(IpAddr, Option<u8>), String> {
    let wrong = || "write `10.0.0.7` or `10.0.0.0/8`".to_owned();
    let (ip, bits) = match text.split_once('/') {
        Some((ip, bits)) => (ip, Some(bits.parse::<u8>().map_err(|_| wrong())?)),
        None => (text, None),
    };
    let ip: IpAddr = ip.parse().map_err(|_| wrong())?;
    let most = if ip.is_ipv4() { 32 } else { 128 };
    if bits.is_some_and(|bits| bits > most) {
        return Err(format!("an address of this kind has {most} bits"));
    }
    Ok((ip, bits))
}
