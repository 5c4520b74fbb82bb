//! `audit export`

use std::io::{self, BufWriter, IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::pin::pin;

use audit_core::Cursor;
use audit_core::export::{Column, Export as Exporting, Format};
use audit_core::follow::FollowError;
use clap::ValueEnum;

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
  audit export --format csv --columns occurred_at,actor,action,outcome,/metadata/amount --output january.csv
  audit export --format ocsf --resume /var/lib/siem/audit.cursor >> audit.ocsf      from cron: only what is new
  audit export --bundle all.bundle --policy policy                     for people without the database
  audit export --log standard | head -1 | tr -d '\\n' | (printf '\\000'; cat) | sha256sum

Entries come oldest first, in the order in which they were recorded over all logs, up to where the logs ended when the
export began. How many they were, the SHA-256 of what was written, and where to go on is told on stderr, with --output
on stdout, and with --trailer in the last line as well. An entry whose bytes do not have the hash beside them is left out and told of on
stderr, and the exit code is 1.

Formats:
  jsonl  a line is exactly the canonical bytes of an entry, which its leaf hash is of
  csv    RFC 4180; a cell that a spreadsheet could take for a formula has an apostrophe before it
  ocsf   a line is an event of OCSF 1.3 (API Activity, Authentication, Account Change, Application Lifecycle)
  ecs    a line is a document in the Elastic Common Schema 8

An export that goes on where another ended has no head, so that it can be put behind it.";

#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Export {
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(flatten)]
    which: Which,
    /// How entries are written.
    #[arg(long, value_enum, default_value = "jsonl")]
    format: Kind,
    /// The columns of a CSV file: names of the search language (`actor`, `label.env`), `log`, `index`, `leaf_hash`, `recorded_at`,
    /// `occurred_at`, `ip`, or JSON pointers into the event (`/metadata/amount`).
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    columns: Vec<Column>,
    /// Writes personal values as well, as far as they have not been erased. In JSON lines a line is then an object of `log`,
    /// `index`, `leaf_hash`, `openings` (`[salt, value]` by JSON pointer), and `event`, which is the canonical bytes.
    #[arg(long)]
    openings: bool,
    /// Ends with a line that is no entry: `{"export":{"entries":..,"left_out":..,"sha256":"..","next":".."}}`, in CSV
    /// `# entries=.. left_out=.. sha256=.. next=..`. The SHA-256 is of all before it.
    #[arg(long)]
    trailer: bool,
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
    let format = format(args.format, args.columns, args.openings)?;
    let mut export = Exporting::new(reader, query, format);
    if args.openings {
        export = export.with_personal();
    }
    if args.trailer {
        export = export.with_trailer();
    }
    let mut out = Out::open(args.output.as_deref())?;
    let copied = copy(&mut export, &mut out).await;
    let trailer = export.trailer();
    let next = trailer.next.to_string();
    let code = match copied.and_then(|code| out.finish().map(|()| code)) {
        Ok(code) => code,
        // Whoever reads it has seen enough; but it is not known how much, where that is kept.
        Err(Failure::Io(why))
            if why.kind() == io::ErrorKind::BrokenPipe && args.resume.is_none() =>
        {
            return Ok(OK);
        }
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
    let told = format!(
        "{} entries, SHA-256 {}; go on with --cursor {next}",
        trailer.entries, trailer.sha256
    );
    match (&args.output, &args.resume) {
        (Some(_), _) if args.database.json => answer_json(&trailer)?,
        (Some(_), _) => answer(|out| writeln!(out, "{told}"))?,
        // What is kept need not be told.
        (None, Some(_)) => {}
        (None, None) => writeln!(io::stderr(), "{told}")?,
    }
    Ok(code)
}

/// What is asked for by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    Jsonl,
    Csv,
    Ocsf,
    Ecs,
}

fn format(kind: Kind, columns: Vec<Column>, openings: bool) -> Result<Format, Failure> {
    if kind != Kind::Csv && !columns.is_empty() {
        return Err(Failure::Asked("`--columns` is for `--format csv`".to_owned()));
    }
    if let Some(column) = columns.iter().find(|column| column.is_personal() && !openings) {
        let what = format!("the column `{column}` is personal: it is empty without `--openings`");
        return Err(Failure::Asked(what));
    }
    Ok(match kind {
        Kind::Jsonl => Format::JsonLines,
        Kind::Csv if columns.is_empty() => Format::Csv(Column::default_set(openings)),
        Kind::Csv => Format::Csv(columns),
        Kind::Ocsf => Format::Ocsf,
        Kind::Ecs => Format::Ecs,
    })
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

/// Writes all that is there, or all that was read until it failed; answers with the exit code.
async fn copy(export: &mut Exporting, out: &mut Out) -> Result<u8, Failure> {
    let progress = match out {
        Out::Stdout(_) if io::stdout().is_terminal() => Progress::hidden(),
        _ => Progress::new("exporting"),
    };
    let mut code = OK;
    let mut stopped = pin!(stop::asked()?);
    loop {
        let next = tokio::select! {
            next = export.next() => next.map_err(Failure::from),
            () = &mut stopped => Err(Failure::Interrupted),
        };
        match next {
            Ok(Some(chunk)) => {
                out.write(&chunk)?;
                let (done, all) = export.progress();
                progress.set(done, all);
            }
            Ok(None) => return Ok(code),
            Err(why @ Failure::Follow(FollowError::Damaged { .. })) => {
                code = FINDINGS;
                progress.aside(|| complain(&why));
            }
            Err(why) => {
                out.flush()?;
                return Err(why);
            }
        }
    }
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
