//! `audit keys`

use std::path::PathBuf;

use audit_core::note::VerifierKey;
use audit_core::signer::{Keys, Signer};
use clap::Subcommand;

use crate::OK;
use crate::database::Database;
use crate::output::{Failure, answer, printable};

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
}

#[derive(Debug, clap::Args)]
pub(crate) struct Written {
    /// The database: `sqlite:PATH` or `postgres://USER:PASSWORD@HOST/NAME`. An entry is appended to its log `audit`.
    #[arg(long, env = "AUDIT_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    database_url: String,
}

pub(crate) async fn run(command: Command) -> Result<u8, Failure> {
    let lines = match command {
        Command::List { folder } => list(&Keys::read(folder.keys)?),
        Command::New { folder, cosigner: true, name } => {
            vec![format!("cosigner {}", Keys::new_cosigner(folder.keys, &name)?)]
        }
        Command::New { folder, cosigner: false, name } => {
            vec![format!("log {}", Keys::new_log(folder.keys, &name)?)]
        }
        Command::Rotate { folder, database, log } => {
            let new = signer(&folder, &database).await?.rotate(&log).await?;
            vec![format!("log {new}")]
        }
        Command::Revoke(revoke) => {
            let Revoke { folder, database, size, key } = *revoke;
            let size = signer(&folder, &database).await?.revoke(&key, size).await?;
            vec![format!("revoked {key} {size}")]
        }
    };
    answer(|out| lines.iter().try_for_each(|line| writeln!(out, "{}", printable(line))))?;
    Ok(OK)
}

fn list(keys: &Keys) -> Vec<String> {
    let logs = keys.logs().map(|key| format!("log {key}"));
    let cosigners = keys.cosigners().map(|key| format!("cosigner {key}"));
    let revoked = keys.revoked().iter().map(|(key, size)| format!("revoked {key} {size}"));
    logs.chain(cosigners).chain(revoked).collect()
}

async fn signer(folder: &Folder, database: &Written) -> Result<Signer, Failure> {
    let reader = Database::of(&database.database_url)?.append().await?;
    Ok(Signer::open(reader, &folder.keys).await?)
}
