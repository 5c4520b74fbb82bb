//! What a page costs deep in a log, and what counts and facets do: `cargo xtask bench pages`. And a log to try things on:
//! `cargo xtask fixture`.
//!
//! It prints and judges nothing: on a machine that does something else as well, the ratios still hold, as all sides are measured in
//! turns.
#![expect(clippy::disallowed_methods, reason = "a benchmark takes the time")]
#![expect(clippy::indexing_slicing, reason = "a benchmark knows its lists")]

mod events;
#[path = "../verify/made.rs"]
mod made;
mod measured;

use std::env;
use std::error::Error;

use audit_core::store::{PostgresStore, Reader, SqliteStore};
use events::Events;
use made::{Made, fill};

type Failure = Box<dyn Error + Send + Sync>;

/// Where a fixture is made. A password may be in it, so that it is no argument.
const FIXTURE_URL: &str = "AUDIT_FIXTURE_URL";

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = env::args().skip(1).filter(|word| word != "--bench").collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["fixture", entries, seed] => {
            runtime.block_on(fixture(&env::var(FIXTURE_URL)?, entries.parse()?, seed.parse()?))
        }
        [entries] => runtime.block_on(pages(entries.parse()?)),
        _ => {
            Err("expected a number of entries, or `fixture`, a number of entries and a seed".into())
        }
    }
}

/// Fills a log that has no entries.
async fn fixture(url: &str, entries: usize, seed: u64) -> Result<(), Failure> {
    let mut events = Events::seeded(seed);
    if url.starts_with("sqlite:") {
        let store = SqliteStore::open(url).await?;
        must_be_empty(&Reader::new(store.clone())).await?;
        fill(&store, entries, &mut events).await?;
        store.close().await;
    } else {
        let store = PostgresStore::open(url).await?;
        must_be_empty(&Reader::new(store.clone())).await?;
        fill(&store, entries, &mut events).await?;
        store.close().await;
    }
    Ok(())
}

async fn must_be_empty(reader: &Reader) -> Result<(), Failure> {
    for log in reader.logs().await? {
        if log.origin == made::LOG && reader.head(log.id).await?.frontier.size() > 0 {
            return Err(format!("there are entries in the log {} already", log.origin).into());
        }
    }
    Ok(())
}

async fn pages(entries: usize) -> Result<(), Failure> {
    let made = Made::sqlite(entries, &mut Events::new()).await?;
    let reader = Reader::new(SqliteStore::open_existing(&made.url).await?);
    measured::all("SQLite", made.entries, &reader).await?;
    drop(reader);
    made.remove().await?;
    let Some(url) = env::var("AUDIT_TEST_POSTGRES_URL").ok().filter(|url| !url.is_empty()) else {
        measured::text("PostgreSQL: AUDIT_TEST_POSTGRES_URL names no server");
        return Ok(());
    };
    let made = Made::postgres(&url, entries, &mut Events::new()).await?;
    let reader = Reader::new(PostgresStore::open_existing(&made.url).await?);
    measured::all("PostgreSQL", made.entries, &reader).await?;
    drop(reader);
    made.remove().await
}
