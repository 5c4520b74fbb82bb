//! What can be asked for.

use std::path::PathBuf;

use clap::{ColorChoice, Parser, Subcommand};

use crate::commands::anchor;
use crate::commands::checkpoint::Checkpoint;
use crate::commands::completions::Completions;
use crate::commands::disclose::Disclose;
use crate::commands::export::Export;
use crate::commands::import::Import;
use crate::commands::keys;
use crate::commands::prove::Prove;
use crate::commands::repair_tiles::RepairTiles;
use crate::commands::report::Report;
use crate::commands::search::Search;
use crate::commands::show::Show;
use crate::commands::stats::Stats;
use crate::commands::tail::Tail;
use crate::commands::verify::Verify;
use crate::commands::verify_bundle::VerifyBundle;
use crate::commands::verify_proof::VerifyProof;

const EXAMPLES: &str = "\
Examples:
  export AUDIT_DATABASE_URL=sqlite:data/invoices.db
  audit tail                                 what is happening
  audit search --outcome denied --since 2h   what was refused in the last two hours
  audit show standard 17                     one entry, whole
  audit verify                               is the log what it was?

`audit help COMMAND` tells more of each command.

Exit codes:
  0  all is well
  1  findings: a log is not what it was
  2  the command could not do what it was asked to
  3  warnings: nothing speaks against the log, but not all of it is proved

Environment:
  AUDIT_DATABASE_URL  the database, where --database-url does not say it
  NO_COLOR            if it is set, nothing is coloured, but for --color=always";

/// Searches, follows, exports, verifies and signs audit logs.
#[derive(Debug, Parser)]
#[command(name = "audit", version, after_help = EXAMPLES)]
pub(crate) struct Args {
    /// Colours: auto (on a terminal), always, never.
    #[arg(long, global = true, value_name = "WHEN", default_value_t, hide_default_value = true)]
    #[arg(hide_possible_values = true)]
    pub(crate) color: ColorChoice,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Finds entries, newest first.
    Search(Box<Search>),
    /// Shows the newest entries, and those that come.
    Tail(Box<Tail>),
    /// Shows one entry, whole, and where it stands.
    Show(Show),
    /// Writes entries for other programs, oldest first: JSON lines, CSV, OCSF, ECS.
    Export(Box<Export>),
    /// Brings another system's log in.
    Import(Box<Import>),
    /// What to look at regularly, on one page: denials, failures, who is new, privileged actions, gaps.
    Report(Report),
    /// Tells how large the logs are, and what is in them.
    Stats(Stats),
    /// Checks that the logs of a database are what was appended to them.
    Verify(Verify),
    /// Makes tiles again that are missing or wrong, of entries that are what they were.
    ///
    /// Where these do not come to what the log's head commits to, nothing is made of them, and the exit code is 1.
    RepairTiles(RepairTiles),
    /// Prints the latest signed checkpoints that are kept beside the logs.
    Checkpoint(Checkpoint),
    /// Proves that an entry is in its log.
    ///
    /// Prints a proof for `verify-proof`, or any tool that reads tlog-proof.
    Prove(Prove),
    /// Checks that an entry is in a log, by a proof and the keys that are believed, without a database.
    ///
    /// Reads the entry's canonical bytes from stdin; or checks a value that was disclosed.
    VerifyProof(VerifyProof),
    /// Checks that a bundle holds the entries that were signed, without a database.
    VerifyBundle(VerifyBundle),
    /// Discloses one personal value of an entry, and no other.
    ///
    /// Prints what `verify-proof --disclosure` takes.
    Disclose(Disclose),
    /// Signs what the logs of a database have come to.
    Sign(Sign),
    /// Brings the latest checkpoints out of reach: into a folder, to a URL, to a command.
    Anchor(Box<anchor::Args>),
    /// Makes, lists, rotates and revokes the keys by which a signer signs.
    #[command(subcommand)]
    Keys(keys::Command),
    /// Sets up a database.
    #[command(subcommand)]
    Db(Db),
    /// Prints what a shell needs to complete words of this command.
    Completions(Completions),
}

#[derive(Debug, Subcommand)]
pub(crate) enum Db {
    /// Makes the audit tables, or brings them to this version.
    Migrate(Migrate),
    /// Closes a log for good and begins the one that goes on in its place: the way out of a quarantine.
    Continue(Continue),
    /// Prints the roles for PostgreSQL, as SQL for `psql`, which the owner of the schema `audit` runs after `migrate`.
    Roles,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Migrate {
    /// The database: `sqlite:PATH`, which is made where there is none, or `postgres://USER:PASSWORD@HOST/NAME`.
    #[arg(long, env = "AUDIT_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub(crate) database_url: String,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Continue {
    /// The database: `sqlite:PATH` or `postgres://USER:PASSWORD@HOST/NAME`, as the owner of its audit tables.
    #[arg(long, env = "AUDIT_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub(crate) database_url: String,
    /// The name of the log, such as `billing.example/audit/standard`.
    pub(crate) log: String,
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
pub(crate) struct Sign {
    /// The database: `sqlite:PATH` or `postgres://USER:PASSWORD@HOST/NAME`. It must be there. What is signed is kept in it, where this user may.
    #[arg(long, env = "AUDIT_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    pub(crate) database_url: String,
    /// The folder of the signer's keys, and of what it has signed; made where there is none. Where the database's
    /// administrator does not write.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) keys: PathBuf,
    /// Takes the logs as they are for what they were, where the folder is new. Verify them before.
    #[arg(long)]
    pub(crate) adopt: bool,
    /// Goes on until it is interrupted, and signs again after so many seconds, or when a thousand entries wait for it. What has
    /// not grown is not told of again.
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    pub(crate) every: Option<u64>,
    /// Writes the checkpoints into this folder, a file each, and the keys as `policy`. A checkpoint there that tells of more is
    /// not replaced.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) into: Option<PathBuf>,
    /// Asks the witnesses of this policy that have an address there to cosign each checkpoint. One that the policy does not accept
    /// then is not written. The policy is published, too, if it names all keys.
    #[arg(long, value_name = "FILE", requires = "into")]
    pub(crate) policy: Option<PathBuf>,
    /// Answers in JSON, a line a round: `keys`, the new ones, and `signed`.
    #[arg(long)]
    pub(crate) json: bool,
    /// How long a witness has for its answer.
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=600))]
    pub(crate) witness_deadline: u64,
}
