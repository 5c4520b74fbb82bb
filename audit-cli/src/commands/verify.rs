//! `audit verify`

use std::path::PathBuf;
use std::time::Duration;

use audit_core::note::{SignedNote, VerifierKey};
use audit_core::verify::{Report, Verification, Weight};

use crate::args::Database;
use crate::output::{Failure, answer, printable};
use crate::{FINDINGS, OK, WARNINGS, database, files};

#[derive(Debug, clap::Args)]
pub(crate) struct Verify {
    #[command(flatten)]
    pub(crate) database: Database,
    /// A checkpoint that was kept outside of the database, or a folder of them; can be given more than once. There must be
    /// one for each log that the policy names.
    #[arg(long, value_name = "PATH", requires = "policy")]
    pub(crate) checkpoint: Vec<PathBuf>,
    /// The logs and witnesses that are believed, as `audit sign --into` writes them.
    #[arg(long, value_name = "FILE", requires = "checkpoint")]
    pub(crate) policy: Option<PathBuf>,
    /// Warns of entries that have waited for a checkpoint for longer: `90s`, `15m`, `1h`, `7d`.
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = duration)]
    pub(crate) unsealed_after: Duration,
    /// Warns where the newest checkpoint was seen by a witness longer ago.
    #[arg(long, value_name = "TIME", requires = "policy", value_parser = duration)]
    pub(crate) stale_after: Option<Duration>,
}

pub(crate) async fn run(args: Verify) -> Result<u8, Failure> {
    let reader = database::Database::of(&args.database.database_url)?.read().await?;
    let mut verification = Verification::of(&reader).unsealed_after(args.unsealed_after);
    if let Some(bound) = args.stale_after {
        verification = verification.stale_after(bound);
    }
    if let Some(policy) = &args.policy {
        let policy = files::policy(policy)?;
        let mut notes = Vec::new();
        for path in &args.checkpoint {
            for file in files::checkpoints(path)? {
                notes.push((files::note(&file)?, file.display().to_string()));
            }
        }
        let is_of =
            |note: &SignedNote, key: &VerifierKey| note.text().lines().next() == Some(key.name());
        let is_there = |key: &&VerifierKey| notes.iter().any(|(note, _)| is_of(note, key));
        if let Some(key) = policy.logs().find(|key| !is_there(key)) {
            return Err(Failure::NoCheckpoint(key.name().to_owned()));
        }
        verification = verification.policy(policy);
        for (note, from) in notes {
            verification = verification.checkpoint(note, from);
        }
    }
    let report = verification.run().await?;
    if report.logs.is_empty() {
        return Err(Failure::NoLog);
    }
    answer(|out| match args.database.json {
        true => writeln!(out, "{}", serde_json::to_string(&report)?),
        false => {
            report.to_string().lines().try_for_each(|line| writeln!(out, "{}", printable(line)))
        }
    })?;
    Ok(code(&report))
}

fn code(report: &Report) -> u8 {
    match report.weight() {
        Some(Weight::Alarm) => FINDINGS,
        Some(Weight::Warning) => WARNINGS,
        Some(Weight::Notice) | None => OK,
    }
}

/// So many seconds, minutes, hours or days.
fn duration(text: &str) -> Result<Duration, String> {
    let units = [('s', 1), ('m', 60), ('h', 3_600), ('d', 86_400)];
    let seconds = units.iter().find_map(|(unit, seconds)| {
        let count: u64 = text.strip_suffix(*unit)?.parse().ok()?;
        count.checked_mul(*seconds)
    });
    seconds.map(Duration::from_secs).ok_or_else(|| "write `90s`, `15m`, `1h` or `7d`".to_owned())
}
