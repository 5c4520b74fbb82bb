//! `audit show`

use std::io::{self, Write};

use audit_core::merkle::leaf_hash;
use audit_core::store::{Entry, LogId, Reader, SignedCheckpoint};
use serde_json::Value;
use uuid::Uuid;

use crate::args::Database as DatabaseArgs;
use crate::database::Database;
use crate::entries::moment;
use crate::output::{Failure, answer, answer_bytes, answer_json, printable};
use crate::paint::{BAD, BOLD, DIM, GOOD, painted};
use crate::{FINDINGS, OK, logs};

const EXAMPLES: &str = "\
Examples:
  audit show 0198c0de-7a3b-7c11-9d2e-5b6f00c0ffee
  audit show standard 17
  audit show standard 17 --canonical | audit verify-proof --policy policy --proof 17.tlog-proof

Exit code: 1 where the bytes of the entry do not have the hash that stands beside them.";

#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Show {
    #[command(flatten)]
    database: DatabaseArgs,
    /// The id of an event, or the name of a log or the end of it: `standard`.
    #[arg(value_name = "ID|LOG")]
    what: String,
    /// The index of the entry in the log.
    index: Option<u64>,
    /// Prints the canonical bytes as they are, which the leaf hash is of, and nothing else.
    #[arg(long, conflicts_with = "json")]
    canonical: bool,
}

pub(crate) async fn run(args: Show) -> Result<u8, Failure> {
    let reader = Database::of(&args.database.database_url)?.read().await?;
    let entry = find(&reader, &args).await?;
    let is_whole = leaf_hash(entry.canonical()) == entry.leaf_hash;
    if args.canonical {
        answer_bytes(entry.canonical())?;
    } else if args.database.json {
        answer_json(&entry)?;
    } else {
        let covering = reader.covering(LogId::of(&entry.log), entry.index).await?;
        answer(|out| print(out, &entry, is_whole, covering))?;
    }
    Ok(if is_whole { OK } else { FINDINGS })
}

async fn find(reader: &Reader, args: &Show) -> Result<Entry, Failure> {
    let what = args.what.clone();
    let (found, place) = match args.index {
        Some(index) => {
            let log = logs::named(reader, &what).await?;
            let entries = reader.read(&log, index, 1).await?;
            let here = entries.into_iter().find(|entry| entry.index == index);
            (here, format!("{index} in the log {}", log.origin))
        }
        None => {
            let id: Uuid = what.parse().map_err(|_| Failure::NoPlace(what.clone()))?;
            // A log and its successor may both have it: the newest is shown.
            (reader.find(id).await?, format!("with the event id {id}"))
        }
    };
    found.ok_or(Failure::NoEntry(place))
}

fn print(
    out: &mut dyn Write,
    entry: &Entry,
    is_whole: bool,
    covering: Option<SignedCheckpoint>,
) -> io::Result<()> {
    let event = entry.event();
    let verdict = match is_whole {
        true => painted(GOOD, "which the bytes have"),
        false => painted(BAD, "which the bytes do NOT have: run `audit verify`"),
    };
    let mut line = |name: &str, value: String| {
        writeln!(out, "{} {value}", painted(DIM, format_args!("{name:<12}")))
    };
    line("log", painted(BOLD, &entry.log))?;
    line("index", painted(BOLD, entry.index))?;
    line("recorded at", moment(entry.recorded_at))?;
    line("leaf hash", format!("{}, {verdict}", entry.leaf_hash))?;
    line(
        "checkpoint",
        match covering {
            Some(kept) => format!(
                "the first one that has it is of size {}, signed {}",
                kept.size,
                moment(kept.signed_at)
            ),
            None => "none that has it is kept".to_owned(),
        },
    )?;
    if let Some(personal) = personal(&event, entry) {
        line("personal", personal)?;
    }
    let event = serde_json::to_string_pretty(&event)?;
    event.lines().try_for_each(|line| writeln!(out, "{}", printable(line)))
}

/// How many personal values it has, and how many of them cannot be shown.
fn personal(event: &Value, entry: &Entry) -> Option<String> {
    let bytes: Value = serde_json::from_slice(entry.canonical()).unwrap_or_default();
    let places: Vec<_> =
        event.get("personal")?.as_array()?.iter().filter_map(Value::as_str).collect();
    // Where a value is not, its commitment stands.
    let gone = places.iter().filter(|place| event.pointer(place) == bytes.pointer(place)).count();
    Some(match gone {
        0 => format!("{} values, as they were opened", places.len()),
        gone => format!(
            "{} values, of which {gone} have been erased: their commitments stand there",
            places.len()
        ),
    })
}
