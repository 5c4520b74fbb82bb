//! `audit prove`

use audit_core::prove::prove;

use crate::args::Prove;
use crate::database::Database;
use crate::output::{Failure, answer};
use crate::{OK, files};

pub(crate) async fn run(args: Prove) -> Result<u8, Failure> {
    let note = files::note(&args.checkpoint)?;
    let reader = Database::of(&args.database_url)?.read().await?;
    let proof = prove(&reader, &note, args.index).await?;
    answer(|out| write!(out, "{proof}"))?;
    Ok(OK)
}
