//! `audit export`

use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::pin::pin;

use audit_core::Cursor;
use audit_core::event::open_all;
use audit_core::follow::{FollowError, Follower};
use audit_core::store::Entry;
use serde_json::{Map, Value, json};

use crate::args::Database as DatabaseArgs;
use crate::commands::export_bundle::{self, Asked, BundleArgs};
use crate::database::Database;
use crate::entries::Which;
use crate::output::{Failure, answer, answer_json, complain};
use crate::progress::Progress;
use crate::replacement::Replacement;
use crate::{FINDINGS, OK, stop};

const EXAMPLES: &str = "\
Examples:
  audit export --output all.jsonl
  audit export --since 2026-01-01 --until 2026-02-01 | gzip > january.jsonl.gz
  audit export --resume /var/lib/siem/audit.cursor >> audit.jsonl      from cron: only what is new
  audit export --bundle all.bundle --policy policy                     for people without the database
  audit export --log standard | head -1 | tr -d '\\n' | (printf '\\000'; cat) | sha256sum

Entries come oldest first, in the order in which they were recorded over all logs, up to where the logs ended when the
export began. A line is exactly the canonical bytes of an entry, which its leaf hash is of. An entry whose bytes do not
have the hash beside them is left out and told of on stderr, and the exit code is 1.";

#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Export {
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(flatten)]
    which: Which,
    /// Writes personal values as well, as far as they have not been erased: a line is then an object of `log`, `index`,
    /// `leaf_hash`, `openings` (`[salt, value]` by JSON pointer), and `event`, which is the canonical bytes.
    #[arg(long)]
    openings: bool,
    #[command(flatten)]
    bundle: BundleArgs,
    /// Writes into this file, which nobody else may read, and which is replaced only when all is written.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Goes on where another export ended, as it has said.
    #[arg(long)]
    cursor: Option<Cursor>,
    /// Goes on where the last export with this file ended, and keeps in it where this one ends.
    #[arg(long, value_name = "FILE", conflicts_with = "cursor")]
    resume: Option<PathBuf>,
}

pub(crate) async fn run(args: Export) -> Result<u8, Failure> {
    let reader = Database::of(&args.database.database_url)?.read().await?;
    if let (Some(bundle), Some(policy)) = (&args.bundle.bundle, &args.bundle.policy) {
        let (log, openings, json) = (args.which.log(), args.openings, args.database.json);
        let asked = Asked { bundle, policy, log, openings, json };
        return export_bundle::run(&reader, &args.bundle, asked).await;
    }
    let mut query = args.which.query(&reader).await?;
    let kept = args.resume.as_deref().map(kept).transpose()?.flatten();
    if let Some(cursor) = args.cursor.or(kept) {
        query = query.cursor(cursor);
    }
    let mut follower = Follower::new(reader, query);
    let mut out = Out::open(args.output.as_deref())?;
    let copied = copy(&mut follower, &mut out, args.openings).await;
    let next = follower.cursor().to_string();
    let Copied { entries, code } = match copied.and_then(|copied| out.finish().map(|()| copied)) {
        Ok(copied) => copied,
        // Whoever reads it has seen enough.
        Err(Failure::Io(why)) if why.kind() == io::ErrorKind::BrokenPipe => return Ok(OK),
        Err(why @ Failure::Io(_)) => return Err(why),
        Err(why) => {
            if args.output.is_none() {
                writeln!(io::stderr(), "what was written ends before --cursor {next}")?;
            }
            return Err(why);
        }
    };
    if let Some(resume) = &args.resume {
        let mut file = Replacement::of(resume)?;
        file.write(next.as_bytes())?;
        file.put()?;
    }
    match (&args.output, &args.resume) {
        (Some(_), _) if args.database.json => {
            answer_json(&json!({ "entries": entries, "next": next }))?;
        }
        (Some(_), _) => {
            answer(|out| writeln!(out, "{entries} entries; go on with --cursor {next}"))?
        }
        // What is kept need not be told.
        (None, Some(_)) => {}
        (None, None) => writeln!(io::stderr(), "{entries} entries; go on with --cursor {next}")?,
    }
    Ok(code)
}

/// Where the last export ended; nothing where there was none.
fn kept(path: &Path) -> Result<Option<Cursor>, Failure> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(why) if why.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(why) => return Err(Failure::File(path.to_owned(), Box::new(why))),
    };
    if text.is_empty() {
        return Ok(None);
    }
    text.trim().parse().map(Some).map_err(|why| Failure::File(path.to_owned(), Box::new(why)))
}

struct Copied {
    entries: u64,
    code: u8,
}

/// Writes all that is there, or all that was read until it failed.
async fn copy(follower: &mut Follower, out: &mut Out, openings: bool) -> Result<Copied, Failure> {
    let progress = match out {
        Out::Stdout(_) if io::stdout().is_terminal() => Progress::hidden(),
        _ => Progress::new("exporting"),
    };
    let mut copied = Copied { entries: 0, code: OK };
    let mut stopped = pin!(stop::asked()?);
    loop {
        let read = tokio::select! {
            read = follower.read() => read.map_err(Failure::from),
            () = &mut stopped => Err(Failure::Interrupted),
        };
        match read {
            Ok(Some(entries)) => {
                for entry in entries {
                    out.write(&if openings { opened(&entry) } else { plain(&entry) })?;
                    copied.entries = copied.entries.saturating_add(1);
                }
                let (done, all) = follower.progress();
                progress.set(done, all);
            }
            Ok(None) => return Ok(copied),
            Err(why @ Failure::Follow(FollowError::Damaged { .. })) => {
                copied.code = FINDINGS;
                progress.aside(|| complain(&why));
            }
            Err(why) => {
                out.flush()?;
                return Err(why);
            }
        }
    }
}

fn plain(entry: &Entry) -> Vec<u8> {
    [entry.canonical(), b"\n"].concat()
}

fn opened(entry: &Entry) -> Vec<u8> {
    let head = json!({
        "log": entry.log,
        "index": entry.index,
        "leaf_hash": entry.leaf_hash.to_string(),
        "openings": openings(entry),
    });
    let head = head.to_string();
    let head = head.strip_suffix('}').unwrap_or(&head);
    [head.as_bytes(), b",\"event\":", entry.canonical(), b"}\n"].concat()
}

/// Those that open what stands in the event.
fn openings(entry: &Entry) -> Map<String, Value> {
    let Some(text) = entry.openings() else {
        return Map::new();
    };
    let event: Value = serde_json::from_slice(entry.canonical()).unwrap_or_default();
    let opened = open_all(text).unwrap_or_default();
    let mut openings: Map<String, Value> = serde_json::from_str(text).unwrap_or_default();
    openings
        .retain(|pointer, _| opened.iter().any(|it| it.pointer == *pointer && it.opens(&event)));
    openings
}

/// Where the lines go.
enum Out {
    Stdout(BufWriter<io::Stdout>),
    File(Replacement),
}

impl Out {
    fn open(path: Option<&Path>) -> Result<Self, Failure> {
        match path {
            Some(path) => Ok(Self::File(Replacement::of(path)?)),
            None => Ok(Self::Stdout(BufWriter::new(io::stdout()))),
        }
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        match self {
            Self::Stdout(out) => out.write_all(bytes).map_err(Failure::from),
            Self::File(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> Result<(), Failure> {
        match self {
            Self::Stdout(out) => out.flush().map_err(Failure::from),
            Self::File(_) => Ok(()),
        }
    }

    /// All that was written is where it belongs.
    fn finish(mut self) -> Result<(), Failure> {
        match self {
            Self::Stdout(_) => self.flush(),
            Self::File(file) => file.put(),
        }
    }
}
