//! How fast entries come into a log, beside what the database does without one: `cargo xtask bench append`.
//!
//! It prints and judges nothing: on a machine that does something else as well, the ratios still hold, as
//! both sides are measured in turns, but no number is good enough to fail by.
#![expect(
    clippy::disallowed_methods,
    reason = "a benchmark takes the time, and copies whatever columns the tables have"
)]

mod database;
mod events;
mod postgres;
mod rates;
mod searches;
mod sqlite;
mod table;

use std::env;
use std::error::Error;
use std::thread::available_parallelism;

use database::Database;
use postgres::Postgres;
use sqlite::Sqlite;

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let full =
        env::args().any(|argument| argument == "--full") || env::var_os("AUDIT_SOAK").is_some();
    let entries = if full { 5_000_000 } else { 300_000 };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let cores = available_parallelism()?;
        table::text(&format!(
            "cores: {cores}; batches of 1,000; medians of slices measured in turns"
        ));
        database::<Sqlite>(&(), entries).await?;
        match env::var("AUDIT_TEST_POSTGRES_URL").ok().filter(|url| !url.is_empty()) {
            Some(url) => database::<Postgres>(&url, entries).await,
            None => {
                table::text("\nPostgreSQL: AUDIT_TEST_POSTGRES_URL names no server");
                Ok(())
            }
        }
    })
}

async fn database<D: Database>(home: &D::Home, entries: usize) -> Result<(), Failure> {
    let filled = D::make(home).await?;
    table::text(&format!("\n{}", filled.version().await?));
    table::heading();
    rates::against_floor::<D>(home).await?;
    rates::recorder::<D>(home).await?;
    rates::fill(&filled, entries).await?;
    searches::searches(&filled).await?;
    filled.remove().await
}
