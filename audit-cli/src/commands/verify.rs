//! `audit verify`

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use audit_core::note::{Checkpoint, SignedNote, VerifierKey};
use audit_core::query::language;
use audit_core::store::Reader;
use audit_core::verify::{Report, Verification, Weight};

use crate::args::Database;
use crate::output::{Failure, answer, printable};
use crate::progress::Progress;
use crate::{FINDINGS, OK, WARNINGS, database, files, web};

/// The extension of a checkpoint whose entries were verified. Those of a folder to which they are only brought are not taken for such.
const VERIFIED: &str = "verified";

/// How often a bar moves.
const TICK: Duration = Duration::from_millis(100);

#[derive(Debug, clap::Args)]
pub(crate) struct Verify {
    #[command(flatten)]
    pub(crate) database: Database,
    /// A checkpoint that was kept outside of the database, a folder of them, or the URL of one; can be given more than once. There
    /// must be one for each log that the policy names.
    #[arg(long, value_name = "PATH|URL", requires = "policy")]
    pub(crate) checkpoint: Vec<String>,
    /// The logs and witnesses that are believed, as `audit sign --into` writes them.
    #[arg(long, value_name = "FILE", requires = "checkpoint")]
    pub(crate) policy: Option<PathBuf>,
    /// Goes on where the last verification with this folder ended: what stands under the checkpoints in it is not read again, and
    /// if there is no finding but notices those of this one are kept in it. Where the database's administrator does not write. What somebody
    /// has changed meanwhile of what was verified is not seen: verify as a whole from time to time.
    #[arg(long, value_name = "FOLDER", requires = "policy")]
    pub(crate) resume: Option<PathBuf>,
    /// Warns of entries that have waited for a checkpoint for longer: `90s`, `15m`, `1h`, `7d`.
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = duration)]
    pub(crate) unsealed_after: Duration,
    /// Warns where the newest checkpoint was seen by a witness longer ago.
    #[arg(long, value_name = "TIME", requires = "policy", value_parser = duration)]
    pub(crate) stale_after: Option<Duration>,
    /// Looks at leaves and roots alone, which is faster: whether entries were changed, moved or taken out. Not at columns, so that a search may
    /// miss entries; not at personal values, at tiles, and at what producers say that they have numbered.
    #[arg(long, conflicts_with = "resume")]
    pub(crate) quick: bool,
}

pub(crate) async fn run(args: Verify) -> Result<u8, Failure> {
    let reader = database::Database::of(&args.database.database_url)?.read().await?;
    let mut verification = Verification::of(&reader).unsealed_after(args.unsealed_after);
    if let Some(bound) = args.stale_after {
        verification = verification.stale_after(bound);
    }
    if args.quick {
        verification = verification.leaves_only();
    }
    let (mut given, mut verified) = (Vec::new(), Vec::new());
    if let Some(policy) = &args.policy {
        let policy = files::policy(policy)?;
        given = notes(&args.checkpoint).await?;
        let is_there =
            |key: &&VerifierKey| given.iter().any(|(note, _)| files::origin(note) == key.name());
        if let Some(key) = policy.logs().find(|key| !is_there(key)) {
            return Err(Failure::NoCheckpoint(key.name().to_owned()));
        }
        verification = verification.policy(policy);
        for (note, from) in given.iter().cloned() {
            verification = verification.checkpoint(note, from);
        }
        if let Some(folder) = args.resume.as_ref().filter(|folder| files::is_there(folder)) {
            verified = read(files::ending_with(VERIFIED, folder)?)?;
        }
        for (note, from) in verified.iter().cloned() {
            verification = verification.since(note, from);
        }
    }
    let report = watched(&reader, verification).await?;
    if report.logs.is_empty() {
        return Err(Failure::NoLog);
    }
    // What was warned of could not be warned of again.
    if let Some(folder) = args.resume.filter(|_| report.weight() < Some(Weight::Warning)) {
        keep(&folder, given.iter().chain(&verified).map(|(note, _)| note))?;
    }
    answer(|out| match args.database.json {
        true => writeln!(out, "{}", serde_json::to_string(&report)?),
        false => {
            report.to_string().lines().try_for_each(|line| writeln!(out, "{}", printable(line)))
        }
    })?;
    Ok(code(&report))
}

/// Checkpoints, and where they come from.
type Notes = Vec<(SignedNote, String)>;

/// Those at paths and URLs.
async fn notes(places: &[String]) -> Result<Notes, Failure> {
    let mut notes = Vec::new();
    for place in places {
        match web::is_url(place) {
            true => notes.push((web::note(place).await?, web::public(place))),
            false => notes.extend(read(files::checkpoints(Path::new(place))?)?),
        }
    }
    Ok(notes)
}

fn read(files: Vec<PathBuf>) -> Result<Notes, Failure> {
    let files = files.into_iter();
    files.map(|file| Ok((files::note(&file)?, file.display().to_string()))).collect()
}

/// Keeps the largest of each log, with which its entries have been compared.
fn keep<'a>(folder: &Path, notes: impl Iterator<Item = &'a SignedNote>) -> Result<(), Failure> {
    fs::create_dir_all(folder).map_err(|why| Failure::File(folder.to_owned(), Box::new(why)))?;
    let mut largest: BTreeMap<&str, (u64, &SignedNote)> = BTreeMap::new();
    for note in notes {
        if let Ok(Checkpoint { size, .. }) = note.text().parse() {
            let there = largest.entry(files::origin(note)).or_insert((size, note));
            *there = if size > there.0 { (size, note) } else { *there };
        }
    }
    largest.into_iter().try_for_each(|(origin, (_, note))| {
        let path = folder.join(files::checkpoint_name(origin)).with_extension(VERIFIED);
        files::write(&path, &note.to_string())
    })
}

/// Verifies, and shows how far it has come.
async fn watched(reader: &Reader, verification: Verification) -> Result<Report, Failure> {
    let read = Arc::new(AtomicU64::new(0));
    let progress = Progress::new("verifying");
    let mut all = 0;
    for log in reader.logs().await? {
        // What is wrong with a head is for the report.
        all += reader.head(log.id).await.map_or(0, |head| head.frontier.size());
    }
    let verification = verification.counting(read.clone());
    let mut verifying = pin!(verification.run());
    let mut ticks = tokio::time::interval(TICK);
    loop {
        tokio::select! {
            report = &mut verifying => return Ok(report?),
            _ = ticks.tick() => progress.set(read.load(Ordering::Relaxed), all),
        }
    }
}

fn code(report: &Report) -> u8 {
    match report.weight() {
        Some(Weight::Alarm) => FINDINGS,
        Some(Weight::Warning) => WARNINGS,
        Some(Weight::Notice) | None => OK,
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    let span = language::span(text).and_then(|span| span.to_std().ok());
    span.ok_or_else(|| "write `90s`, `15m`, `1h` or `7d`".to_owned())
}
