//! `audit verify`

use std::io::{self, Write};

use audit_core::verify::verify;

use crate::args::Verify;
use crate::output::{Failure, open};
use crate::{FINDINGS, OK};

pub(crate) async fn run(args: Verify) -> Result<u8, Failure> {
    let reader = open(&args.database.database_url).await?;
    let report = verify(&reader).await?;
    let mut out = io::stdout().lock();
    if args.database.json {
        serde_json::to_writer(&mut out, &report)?;
        writeln!(out)?;
    } else {
        write!(out, "{report}")?;
    }
    out.flush()?;
    Ok(if report.is_clean() { OK } else { FINDINGS })
}
