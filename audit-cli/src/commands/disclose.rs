//! `audit disclose`

use audit_core::prove::disclose;

use crate::OK;
use crate::database::Database;
use crate::output::{Failure, answer_bytes};
use crate::place::Place;

const EXAMPLES: &str = "\
Examples:
  audit disclose --event 0198c0de-7a3b-7c11-9d2e-5b6f00c0ffee --field /actor/name > name.disclosure
  audit verify-proof --policy policy --disclosure name.disclosure      without the database

What is printed holds this personal value, and no other.";

#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Disclose {
    /// The database: `sqlite:PATH` or `postgres://USER:PASSWORD@HOST/NAME`. It is only read, and must be there.
    #[arg(long, env = "AUDIT_DATABASE_URL", hide_env_values = true, value_name = "URL")]
    database_url: String,
    #[command(flatten)]
    place: Place,
    /// Where the value stands in the event, as a JSON pointer: `/actor/name`. `personal` in the event names all of them.
    #[arg(long, value_name = "POINTER")]
    field: String,
}

pub(crate) async fn run(args: Disclose) -> Result<u8, Failure> {
    let reader = Database::of(&args.database_url)?.read().await?;
    let (note, index) = args.place.find(&reader).await?;
    let disclosure = disclose(&reader, &note, index, &args.field).await?;
    answer_bytes(disclosure.to_string().as_bytes())?;
    Ok(OK)
}
