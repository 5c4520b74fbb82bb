//! `audit verify`

use audit_core::note::{Checkpoint, VerifierKey};
use audit_core::verify::verify_against;

use crate::args::Verify;
use crate::database::Database;
use crate::output::{Failure, answer, printable};
use crate::{FINDINGS, OK, files};

pub(crate) async fn run(args: Verify) -> Result<u8, Failure> {
    let reader = Database::of(&args.database.database_url)?.read().await?;
    let mut trusted = Vec::new();
    if let Some(policy) = &args.policy {
        let policy = files::policy(policy)?;
        for path in &args.checkpoint {
            for file in files::checkpoints(path)? {
                trusted.push(files::checkpoint(&file, &policy)?);
            }
        }
        let is_there =
            |key: &&VerifierKey| trusted.iter().any(|c: &Checkpoint| c.origin == key.name());
        if let Some(key) = policy.logs().find(|key| !is_there(key)) {
            return Err(Failure::NoCheckpoint(key.name().to_owned()));
        }
    }
    let report = verify_against(&reader, &trusted).await?;
    if report.logs.is_empty() {
        return Err(Failure::NoLog);
    }
    answer(|out| match args.database.json {
        true => writeln!(out, "{}", serde_json::to_string(&report)?),
        false => {
            report.to_string().lines().try_for_each(|line| writeln!(out, "{}", printable(line)))
        }
    })?;
    Ok(if report.is_clean() { OK } else { FINDINGS })
}
