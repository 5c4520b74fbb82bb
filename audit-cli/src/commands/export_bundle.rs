//! `audit export --bundle`

use std::path::{Path, PathBuf};

use audit_core::bundle::{Part, write};
use audit_core::note::SignedNote;
use audit_core::store::Reader;
use serde_json::json;

use crate::output::{Failure, answer, answer_json, complain, printable};
use crate::replacement::Replacement;
use crate::{OK, WARNINGS, files, logs};

/// What belongs to a bundle alone.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "A bundle")]
pub(crate) struct BundleArgs {
    /// Writes a bundle into this file, which nobody else may read: entries, and what binds them to a signed checkpoint, for
    /// people without the database (`audit verify-bundle`). Of the filters it takes `--log` alone: it is all of a range.
    #[arg(long, value_name = "FILE", requires = "policy", conflicts_with_all = NOT_IN_A_BUNDLE)]
    pub(crate) bundle: Option<PathBuf>,
    /// The logs and witnesses that are believed, as `audit sign --into` writes them.
    #[arg(long, value_name = "FILE", requires = "bundle")]
    pub(crate) policy: Option<PathBuf>,
    /// A signed checkpoint, or a folder of them, in the place of the latest that are kept beside the logs; can be given more
    /// than once.
    #[arg(long, value_name = "PATH", requires = "bundle")]
    checkpoint: Vec<PathBuf>,
    /// The first entry, of the log that `--log` names.
    #[arg(long, value_name = "N", requires = "bundle", requires = "log")]
    from: Option<u64>,
    /// The entry before which the bundle ends.
    #[arg(long, value_name = "N", requires = "bundle", requires = "log")]
    to: Option<u64>,
}

/// Other arguments of `audit export`, by their ids.
const NOT_IN_A_BUNDLE: [&str; 24] = [
    "text",
    "format",
    "columns",
    "trailer",
    "id",
    "actor",
    "action",
    "resource",
    "outcome",
    "severity",
    "since",
    "until",
    "category",
    "tenant",
    "label",
    "tag",
    "request_id",
    "session",
    "correlation_id",
    "operation_id",
    "ip",
    "cursor",
    "resume",
    "output",
];

/// What else is asked for.
pub(crate) struct Asked<'a> {
    pub(crate) bundle: &'a Path,
    pub(crate) policy: &'a Path,
    pub(crate) log: Option<&'a str>,
    pub(crate) openings: bool,
    pub(crate) json: bool,
}

pub(crate) async fn run(
    reader: &Reader,
    args: &BundleArgs,
    asked: Asked<'_>,
) -> Result<u8, Failure> {
    let policy = files::policy(asked.policy)?;
    let Notes { notes, unsigned } = args.notes(reader, asked.log).await?;
    let part = |checkpoint: SignedNote| {
        let size = checkpoint.text().lines().nth(1).and_then(|size| size.parse().ok());
        let range = args.from.unwrap_or(0)..args.to.or(size).unwrap_or_default();
        let entries = (args.from.is_some() || args.to.is_some()).then_some(range);
        Part { checkpoint, entries }
    };
    let parts: Vec<_> = notes.into_iter().map(part).collect();
    let mut file = Replacement::of(asked.bundle)?;
    let written = write(reader, &policy, &parts, asked.openings, &mut file).await?;
    file.put()?;
    for log in &unsigned {
        complain(&Failure::LeftOut(log.clone()));
    }
    if asked.json {
        let logs = written.iter().map(|log| {
            let entries = &log.entries;
            let origin = &log.trusted.checkpoint.origin;
            json!({ "log": origin, "first": entries.start, "end": entries.end, "openings": log.openings })
        });
        answer_json(&json!({ "logs": logs.collect::<Vec<_>>(), "left_out": unsigned }))?;
    } else {
        answer(|out| {
            written.iter().try_for_each(|log| {
                let (entries, origin) = (&log.entries, printable(&log.trusted.checkpoint.origin));
                let (first, end, values) = (entries.start, entries.end, log.openings);
                writeln!(out, "{origin}: entries {first} to {end}, {values} personal values")
            })
        })?;
    }
    Ok(if unsigned.is_empty() { OK } else { WARNINGS })
}

/// The checkpoints, and the logs of which there is none.
struct Notes {
    notes: Vec<SignedNote>,
    unsigned: Vec<String>,
}

impl BundleArgs {
    async fn notes(&self, reader: &Reader, log: Option<&str>) -> Result<Notes, Failure> {
        let mut given = Vec::new();
        for path in &self.checkpoint {
            for file in files::checkpoints(path)? {
                given.push(files::note(&file)?);
            }
        }
        let (mut notes, mut unsigned) = (Vec::new(), Vec::new());
        for log in logs::all_or(reader, log).await? {
            let note = if self.checkpoint.is_empty() {
                let kept = reader.latest_checkpoint(log.id).await?;
                let parsed = kept.map(|kept| kept.note.parse());
                parsed.transpose().map_err(|why| Failure::KeptNote(log.origin.clone(), why))?
            } else {
                let is_of = |note: &&SignedNote| note.text().lines().next() == Some(&*log.origin);
                given.iter().find(is_of).cloned()
            };
            match note {
                Some(note) => notes.push(note),
                None => unsigned.push(log.origin),
            }
        }
        if notes.is_empty() { Err(Failure::NotSigned) } else { Ok(Notes { notes, unsigned }) }
    }
}
