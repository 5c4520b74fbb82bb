//! `audit tail`

use std::pin::pin;
use std::time::Duration;

use audit_core::follow::{FollowError, Follower};
use audit_core::store::{Entry, StoreErrorKind};

use crate::args::Database as DatabaseArgs;
use crate::database::Database;
use crate::entries::{self, Which};
use crate::output::{Failure, answer, answer_json, complain};
use crate::{FINDINGS, OK, stop};

/// How long nothing is asked after all has been seen.
const PAUSE: Duration = Duration::from_secs(1);

const EXAMPLES: &str = "\
Examples:
  audit tail
  audit tail -n 0 --outcome denied
  audit tail --log audit --json | jq .event

It goes on until it is interrupted, or nobody reads its output any more.";

#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Tail {
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(flatten)]
    which: Which,
    /// Newest entries to begin with, 0 to 1000.
    #[arg(short = 'n', long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(0..=1000))]
    lines: u32,
}

pub(crate) async fn run(args: Tail) -> Result<u8, Failure> {
    let reader = Database::of(&args.database.database_url)?.read().await?;
    let query = args.which.query(&reader).await?;
    let print = |entries: &[Entry]| match args.database.json {
        true => entries.iter().try_for_each(answer_json),
        false => answer(|out| {
            entries.iter().try_for_each(|entry| writeln!(out, "{}", entries::line(entry)))
        }),
    };
    let mut stopped = pin!(stop::asked()?);
    let end = reader.end(&query).await?;
    if args.lines > 0 {
        let newest = query.clone().cursor(end.clone()).limit(args.lines);
        let mut newest = reader.search(&newest).await?.entries;
        newest.reverse();
        print(&newest)?;
    }
    let mut follower = Follower::new(reader, query.cursor(end));
    let (mut code, mut is_away) = (OK, false);
    while !stop::is_unread() {
        let next = async {
            let read = follower.read().await;
            if !matches!(read, Ok(Some(_)) | Err(FollowError::Damaged { .. })) {
                tokio::time::sleep(PAUSE).await;
            }
            read
        };
        let read = tokio::select! {
            read = next => read,
            () = &mut stopped => return Ok(code),
        };
        match read {
            Ok(entries) => {
                is_away = false;
                print(&entries.unwrap_or_default())?;
            }
            Err(why @ FollowError::Damaged { .. }) => {
                code = FINDINGS;
                complain(&why.into());
            }
            // Told once, until it is back.
            Err(why) if may_pass(&why) => {
                if !std::mem::replace(&mut is_away, true) {
                    complain(&why.into());
                }
            }
            Err(why) => return Err(why.into()),
        }
    }
    Ok(code)
}

/// Whether a database that comes back is all that it takes.
fn may_pass(why: &FollowError) -> bool {
    let FollowError::Store(why) = why else {
        return false;
    };
    matches!(why.kind(), StoreErrorKind::Unavailable | StoreErrorKind::Locked)
}
