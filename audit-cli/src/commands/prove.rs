//! `audit prove`

use audit_core::prove::prove;

use crate::OK;
use crate::database::Database;
use crate::output::{Failure, answer_bytes};
use crate::place::Place;

#[derive(Debug, clap::Args)]
pub(crate) struct Prove {
    /// The database: `sqlite:PATH` or `postgres://USER:PASSWORD@HOST/NAME`. It is only read, and must be there.
    #[arg(long, env = "AUDIT_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    database_url: String,
    #[command(flatten)]
    place: Place,
}

pub(crate) async fn run(args: Prove) -> Result<u8, Failure> {
    let reader = Database::of(&args.database_url)?.read().await?;
    let (note, index) = args.place.find(&reader).await?;
    let proof = prove(&reader, &note, index).await?;
    answer_bytes(proof.to_string().as_bytes())?;
    Ok(OK)
}
