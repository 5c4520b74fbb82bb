//! `audit db`

use audit_core::clock::SystemClock;
use audit_core::store::{POSTGRES_ROLES, continue_log};

use crate::OK;
use crate::args::{Continue, Db, Migrate};
use crate::database::Database;
use crate::output::{Failure, answer, printable};

pub(crate) async fn run(command: Db) -> Result<u8, Failure> {
    match command {
        Db::Migrate(args) => migrate(args).await,
        Db::Continue(args) => go_on(args).await,
        Db::Roles => {
            answer(|out| out.write_all(POSTGRES_ROLES.as_bytes()))?;
            Ok(OK)
        }
    }
}

async fn migrate(args: Migrate) -> Result<u8, Failure> {
    let database = Database::of(&args.database_url)?;
    let done = match database.read().await {
        Ok(_) => "nothing to do: the audit tables are those of this version",
        // Whatever else is wrong, the migration meets it again.
        Err(_) => {
            database.migrate().await?;
            "done: the audit tables have been brought to this version"
        }
    };
    answer(|out| writeln!(out, "{done}"))?;
    Ok(OK)
}

async fn go_on(args: Continue) -> Result<u8, Failure> {
    let store = Database::of(&args.database_url)?.write().await?;
    let next = continue_log(&*store, &args.log, &SystemClock::new()).await?;
    let done = format!("{} is frozen, and {} goes on", args.log, next.origin);
    answer(|out| writeln!(out, "{}", printable(&done)))?;
    Ok(OK)
}
