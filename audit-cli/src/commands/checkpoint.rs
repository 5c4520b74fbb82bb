//! `audit checkpoint`

use audit_core::store::{Anchor, SignedCheckpoint};
use serde_json::{Value, json};

use crate::args::Database as DatabaseArgs;
use crate::database::Database;
use crate::entries::moment;
use crate::output::{Failure, answer_bytes, answer_json};
use crate::{OK, logs};

const EXAMPLES: &str = "\
Examples:
  audit checkpoint --log standard > standard.checkpoint
  audit prove --index 17 --checkpoint standard.checkpoint > 17.tlog-proof
  audit checkpoint --json | jq '.[] | {log, size, signed_at}'

What is printed is worth what its signatures are worth to somebody who has the keys from elsewhere: it comes from the same
database as the log. To find out whether that was rewritten, keep checkpoints elsewhere: `audit sign --into`.";

#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Checkpoint {
    #[command(flatten)]
    database: DatabaseArgs,
    /// Of this log, by its name or the end of it: `standard`; without, of all logs, an empty line between two.
    #[arg(long, value_name = "NAME")]
    log: Option<String>,
}

pub(crate) async fn run(args: Checkpoint) -> Result<u8, Failure> {
    let reader = Database::of(&args.database.database_url)?.read().await?;
    let mut latest = Vec::new();
    for log in logs::all_or(&reader, args.log.as_deref()).await? {
        if let Some(checkpoint) = reader.latest_checkpoint(log.id).await? {
            latest.push((log.origin, checkpoint, reader.anchors(log.id).await?));
        }
    }
    if latest.is_empty() {
        return Err(Failure::NotSigned);
    }
    if args.database.json {
        answer_json(&Value::from_iter(latest.iter().map(as_json)))?;
    } else {
        let notes: Vec<_> = latest.iter().map(|(_, checkpoint, _)| &*checkpoint.note).collect();
        answer_bytes(notes.join("\n").as_bytes())?;
    }
    Ok(OK)
}

fn as_json((log, checkpoint, anchors): &(String, SignedCheckpoint, Vec<Anchor>)) -> Value {
    let anchor = |Anchor { place, size, at, .. }: &Anchor| json!({"place": place, "size": size, "at": moment(*at)});
    json!({
        "log": log,
        "size": checkpoint.size,
        "root": checkpoint.root.to_string(),
        "signed_at": moment(checkpoint.signed_at),
        "note": checkpoint.note,
        "anchors": anchors.iter().map(anchor).collect::<Value>(),
    })
}
