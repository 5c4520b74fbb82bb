//! `audit keys`

use std::fmt;
use std::path::PathBuf;

use audit_core::note::VerifierKey;
use audit_core::signer::{Keys, Signer};
use clap::Subcommand;
use serde_json::{Value, json};

use crate::OK;
use crate::database::Database;
use crate::output::{Failure, answer, answer_json, printable};

/// What can be done with a signer's keys.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Prints the public keys, also while the signer runs: of logs (of two, the second takes over), cosigners, and those revoked.
    List {
        #[command(flatten)]
        folder: Folder,
    },
    /// Makes a key for a log that has none yet, or one that dates all checkpoints. Logs get their keys by themselves when they are
    /// first signed.
    New {
        #[command(flatten)]
        folder: Folder,
        /// The key is that of a cosigner, by a name of its own, such as `time.billing.example`.
        #[arg(long)]
        cosigner: bool,
        /// The name of the log, or of the cosigner.
        name: String,
    },
    /// Gives a log its next key. The log `audit` says so, and from then on both keys sign.
    Rotate {
        #[command(flatten)]
        folder: Folder,
        #[command(flatten)]
        database: Written,
        /// The name of the log.
        log: String,
    },
    /// Takes one of two keys of a log out of use. The log `audit` says so, and the secret is forgotten.
    Revoke(Box<Revoke>),
}

#[derive(Debug, clap::Args)]
pub(crate) struct Revoke {
    #[command(flatten)]
    folder: Folder,
    #[command(flatten)]
    database: Written,
    /// Up to which size of the log its signatures count; by default up to what was signed last.
    #[arg(long, value_name = "N")]
    size: Option<u64>,
    /// The public key, as `audit keys list` prints it.
    key: VerifierKey,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Folder {
    /// The signer's folder.
    #[arg(long, value_name = "FOLDER")]
    keys: PathBuf,
    /// Answers in JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Written {
    /// The database: `sqlite:PATH` or `postgres://USER:PASSWORD@HOST/NAME`. An entry is appended to its log `audit`.
    #[arg(long, env = "AUDIT_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    database_url: String,
}

/// A key, and what it is.
struct Line {
    /// `log`, `cosigner` or `revoked`.
    what: &'static str,
    key: VerifierKey,
    /// Up to which its signatures count.
    size: Option<u64>,
}

pub(crate) async fn run(command: Command) -> Result<u8, Failure> {
    let line = |what, key, size| Line { what, key, size };
    let (folder, lines) = match command {
        Command::List { folder } => {
            let keys = Keys::read(&folder.keys)?;
            let logs = keys.logs().map(|key| line("log", key.clone(), None));
            let cosigners = keys.cosigners().map(|key| line("cosigner", key.clone(), None));
            let revoked = keys.revoked().iter();
            let revoked = revoked.map(|(key, size)| line("revoked", key.clone(), Some(size)));
            let lines = logs.chain(cosigners).chain(revoked).collect();
            (folder, lines)
        }
        Command::New { folder, cosigner: true, name } => {
            let key = Keys::new_cosigner(&folder.keys, &name)?;
            (folder, vec![line("cosigner", key, None)])
        }
        Command::New { folder, cosigner: false, name } => {
            let key = Keys::new_log(&folder.keys, &name)?;
            (folder, vec![line("log", key, None)])
        }
        Command::Rotate { folder, database, log } => {
            let key = signer(&folder, &database).await?.rotate(&log).await?;
            (folder, vec![line("log", key, None)])
        }
        Command::Revoke(revoke) => {
            let Revoke { folder, database, size, key } = *revoke;
            let size = signer(&folder, &database).await?.revoke(&key, size).await?;
            (folder, vec![line("revoked", key, Some(size))])
        }
    };
    if folder.json {
        answer_json(&lines.iter().map(Line::as_json).collect::<Value>())?;
    } else {
        answer(|out| {
            let mut lines = lines.iter().map(ToString::to_string);
            lines.try_for_each(|line| writeln!(out, "{}", printable(&line)))
        })?;
    }
    Ok(OK)
}

impl Line {
    fn as_json(&self) -> Value {
        let Self { what, key, size } = self;
        json!({"kind": what, "name": key.name(), "key": key.to_string(), "size": size})
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { what, key, size } = self;
        write!(f, "{what} {key}")?;
        size.map_or(Ok(()), |size| write!(f, " {size}"))
    }
}

async fn signer(folder: &Folder, database: &Written) -> Result<Signer, Failure> {
    let reader = Database::of(&database.database_url)?.append().await?;
    Ok(Signer::open(reader, &folder.keys).await?)
}
