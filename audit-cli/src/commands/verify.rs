//! `audit verify`

use audit_core::verify::verify;

use crate::args::Verify;
use crate::database::Database;
use crate::output::{Failure, answer, printable};
use crate::{FINDINGS, OK};

pub(crate) async fn run(args: Verify) -> Result<u8, Failure> {
    let reader = Database::of(&args.database.database_url)?.read().await?;
    let report = verify(&reader).await?;
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
