//! `audit import`

use std::fs::File;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::time::Duration;

use audit_core::event::Producer;
use audit_core::import::{Brought, Import as Importing};
use audit_core::{EventBuilder, Recorder};
use serde_json::{Value, json};

use crate::database::Database;
use crate::import::Row;
use crate::import::map::Map;
use crate::import::rows::{Kind, ReadRow, Rows};
use crate::output::{Failure, answer, answer_bytes, answer_json};
use crate::progress::Progress;
use crate::replacement::Replacement;
use crate::{OK, WARNINGS, files, stop};

/// Rows that are looked up and brought in together.
const CHUNK: usize = 1_000;

/// Events that are shown where nothing is brought in.
const SHOWN: usize = 3;

/// How long the last events have to come into the log.
const ENDING: Duration = Duration::from_secs(30);

const EXAMPLES: &str = "\
Examples:
  audit import --from csv --map legacy.toml --dry-run old.csv           what would become of it
  audit import --from csv --map legacy.toml --rejects bad.jsonl old.csv
  audit import --from json --map shop.toml events.jsonl                 an object on each line

A map, in TOML:
  from = \"legacy-billing\"              # the name of the other system
  time = \"%Y-%m-%d %H:%M:%S\"           # or rfc3339 (the default), unix, unix_ms, unix_us; without an offset it is UTC
  drop = [\"row_version\"]               # what is left behind

  [members]                            # member of the event = column, or JSON pointer (\"/user/id\")
  id = \"id\"
  occurred_at = \"created\"
  \"actor.id\" = \"user\"
  \"resource.id\" = \"invoice\"

  [constants]
  \"resource.type\" = \"invoice\"

  [values.event.APPROVED]              # what a value means: here the column `event`
  action = \"invoice.approve\"

  [values.status.error]
  outcome = \"failure\"
  \"error.kind\" = \"legacy\"

What the map does not name is kept in `metadata`, as personal values that can be erased.

Each event is marked as imported, keeps its time, and gets an id that is made of its id there: run again, the command adds nothing.
A row that is no event ends it, unless --rejects says where to put such rows; what came before stays. When all is
in the log, an entry `audit.imported` says so. What is in a log stays there: begin with --dry-run.";

#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Import {
    /// The database: `sqlite:PATH` or `postgres://USER:PASSWORD@HOST/NAME`, as one who appends to its logs.
    #[arg(long, env = "AUDIT_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    #[arg(required_unless_present = "dry_run")]
    database_url: Option<String>,
    /// The file with the other system's log.
    file: PathBuf,
    /// How it is written: csv (RFC 4180, with a head), or json (an object on each line).
    #[arg(long, value_enum, hide_possible_values = true)]
    from: Kind,
    /// How a row becomes an event.
    #[arg(long, value_name = "FILE")]
    map: PathBuf,
    /// Puts rows that are no events into this file, as JSON lines with their line and what is wrong, and goes on. The exit code is
    /// then 3.
    #[arg(long, value_name = "FILE")]
    rejects: Option<PathBuf>,
    /// Brings nothing in: reads all, and shows the first events.
    #[arg(long)]
    dry_run: bool,
    /// The name of the logs, without their class, where the database does not tell: `billing.example/audit`.
    #[arg(long, value_name = "NAME")]
    origin: Option<String>,
    /// Answers in JSON.
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(args: Import) -> Result<u8, Failure> {
    let map: Map = files::parsed(&args.map)?;
    let failed = |why| Failure::File(args.file.clone(), Box::new(why));
    let file = File::open(&args.file).map_err(failed)?;
    let size = file.metadata().map_err(failed)?.len();
    let mut source = Source {
        path: &args.file,
        rows: Rows::of(args.from, file).map_err(failed)?,
        rejects: args.rejects.as_deref().map(Replacement::of).transpose()?,
        map,
        size,
    };
    if args.dry_run {
        return dry_run(source);
    }
    let url = args.database_url.as_deref().unwrap_or_default();
    let recorder = recorder(url, args.origin).await?;
    let imported = import(&recorder, &mut source).await;
    // What is on its way comes into the log first.
    let ended = recorder.shutdown(ENDING).await;
    let told = imported?;
    ended?;
    if let Some(rejects) = source.rejects {
        rejects.put()?;
    }
    let [new, there, refused] = told;
    match args.json {
        true => answer_json(&json!({ "new": new, "there": there, "refused": refused }))?,
        false => answer(|out| {
            writeln!(
                out,
                "{new} events brought in, {there} were there already, {refused} rows are none"
            )
        })?,
    }
    Ok(if refused == 0 { OK } else { WARNINGS })
}

/// A recorder for the logs of a database, whose name is that of its log of the class `audit`.
async fn recorder(url: &str, origin: Option<String>) -> Result<Recorder, Failure> {
    let database = Database::of(url)?;
    let origin = match origin {
        Some(origin) => origin,
        None => {
            let logs = database.read().await?.logs().await?;
            let mut names = logs.iter().filter_map(|log| log.origin.strip_suffix("/audit"));
            match (names.next(), names.next()) {
                (Some(name), None) => name.to_owned(),
                _ => {
                    let what =
                        "the database does not tell the name of the logs: say it with `--origin`";
                    return Err(Failure::Asked(what.to_owned()));
                }
            }
        }
    };
    Ok(database.recorder().await?.origin(origin).start().await?)
}

/// What is imported.
struct Source<'a> {
    path: &'a Path,
    rows: Rows,
    rejects: Option<Replacement>,
    map: Map,
    size: u64,
}

/// A row that is an event.
struct Mapped {
    line: u64,
    row: Row,
    id: String,
    event: EventBuilder,
}

impl Source<'_> {
    /// The next rows that are events; none at the end. Answers also how many were none.
    fn chunk(&mut self) -> Result<(Vec<Mapped>, u64), Failure> {
        let (mut chunk, mut refused) = (Vec::new(), 0);
        while chunk.len() < CHUNK {
            let read = self.rows.next();
            let read = read.map_err(|why| Failure::File(self.path.to_owned(), Box::new(why)))?;
            let Some(ReadRow { line, row }) = read else {
                break;
            };
            let mapped = match row {
                Ok(row) => match self.map.event(row.clone()) {
                    Ok((id, event)) => Ok(Mapped { line, row, id, event }),
                    Err(why) => Err((Some(row), why)),
                },
                Err(why) => Err((None, why)),
            };
            match mapped {
                Ok(mapped) => chunk.push(mapped),
                Err((row, why)) => {
                    self.refuse(line, row, &why)?;
                    refused += 1;
                }
            }
        }
        Ok((chunk, refused))
    }

    /// Sets a row aside, if there is a place for that.
    fn refuse(&mut self, line: u64, row: Option<Row>, why: &str) -> Result<(), Failure> {
        match &mut self.rejects {
            Some(rejects) => {
                let told = json!({ "line": line, "why": why, "row": row });
                rejects.write(format!("{told}\n").as_bytes())
            }
            None => {
                let what = format!("line {line}: {why}; `--rejects FILE` sets such rows aside");
                Err(Failure::File(self.path.to_owned(), what.into()))
            }
        }
    }
}

/// Brings all in, and answers how many events are new, were there, and are none.
async fn import(recorder: &Recorder, source: &mut Source<'_>) -> Result<[u64; 3], Failure> {
    let progress = Progress::new("importing");
    let mut import = Importing::new(recorder, &*source.map.from);
    let mut stopped = pin!(stop::asked()?);
    loop {
        let (chunk, refused) = source.chunk()?;
        (0..refused).for_each(|_| import.pass_over());
        if chunk.is_empty() && refused == 0 {
            break;
        }
        let events = chunk.iter().map(|it| (it.id.clone(), it.event.clone())).collect();
        let brought = tokio::select! {
            brought = import.bring(events) => brought?,
            () = &mut stopped => return Err(Failure::Interrupted),
        };
        for (Mapped { line, row, id, .. }, brought) in chunk.into_iter().zip(brought) {
            let why = match brought {
                Brought::New | Brought::There => continue,
                Brought::Other => format!("another event with the id `{id}` has been brought in"),
                Brought::Refused(why) => why.to_string(),
            };
            source.refuse(line, Some(row), &why)?;
        }
        progress.set(source.rows.bytes(), source.size);
    }
    let (new, there, refused) = import.counts();
    import.finish(&source.rows.sha256()).await?;
    Ok([new, there, refused])
}

/// Reads all, and shows the first events as they would stand in the log, but for ids and what is random.
fn dry_run(mut source: Source<'_>) -> Result<u8, Failure> {
    let (mut events, mut refused) = (0_u64, 0_u64);
    loop {
        let (chunk, none) = source.chunk()?;
        refused = refused.saturating_add(none);
        if chunk.is_empty() && none == 0 {
            break;
        }
        for Mapped { line, row, id, event } in chunk {
            match event.imported(&*source.map.from, id).build() {
                Ok(event) => {
                    if events < u64::try_from(SHOWN).unwrap_or(0) {
                        let encoded = event.encode(&Producer::new("audit import"), None);
                        answer_bytes(format!("{}\n", shown(&encoded.canon)).as_bytes())?;
                    }
                    events = events.saturating_add(1);
                }
                Err(why) => {
                    source.refuse(line, Some(row), &why.to_string())?;
                    refused = refused.saturating_add(1);
                }
            }
        }
    }
    if let Some(rejects) = source.rejects {
        rejects.put()?;
    }
    answer(|out| {
        writeln!(out, "{events} events, {refused} rows are none; nothing was brought in")
    })?;
    Ok(if refused == 0 { OK } else { WARNINGS })
}

/// Without what will be another one.
fn shown(canon: &str) -> Value {
    let mut event: Value = serde_json::from_str(canon).unwrap_or_default();
    if let Some(members) = event.as_object_mut() {
        members.retain(|name, _| !["id", "nonce", "producer", "v"].contains(&name.as_str()));
    }
    event
}
