//! `audit repair-tiles`

use audit_core::clock::SystemClock;
use audit_core::store::{RepairError, StoreErrorKind, repair_tiles};

use crate::database::Database;
use crate::output::{Failure, answer, complain, printable};
use crate::{FINDINGS, OK, logs};

const EXAMPLES: &str = "\
Examples:
  audit verify                            TILES_CORRUPT, and nothing else
  audit repair-tiles                      of all logs
  audit repair-tiles --log standard
  audit search --action audit.tiles_repaired";

#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct RepairTiles {
    /// The database: `sqlite:PATH` or `postgres://USER:PASSWORD@HOST/NAME`, as the owner of its audit tables.
    #[arg(long, env = "AUDIT_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    database_url: String,
    /// Only of this log, by its name or the end of it.
    #[arg(long, value_name = "ORIGIN")]
    log: Option<String>,
}

pub(crate) async fn run(args: RepairTiles) -> Result<u8, Failure> {
    let database = Database::of(&args.database_url)?;
    let (reader, store) = (database.read().await?, database.write().await?);
    let mut code = OK;
    for log in logs::all_or(&reader, args.log.as_deref()).await? {
        match repair_tiles(&*store, &log.origin, &SystemClock::new()).await {
            Ok(tiles) => {
                let done = format!("{}: {tiles} tiles made again", log.origin);
                answer(|out| writeln!(out, "{}", printable(&done)))?;
            }
            Err(why) if is_finding(&why) => {
                complain(&why.into());
                code = FINDINGS;
            }
            Err(why) => return Err(why.into()),
        }
    }
    Ok(code)
}

/// Whether the log is not what it was. That is in no other log's way.
fn is_finding(why: &RepairError) -> bool {
    match why {
        RepairError::Doubtful(_) => true,
        RepairError::Store(why) => why.kind() == StoreErrorKind::Damaged,
        _ => false,
    }
}
