//! How fast a log is exported into a file, beside `psql` that copies the same columns into one: `cargo xtask bench export`.
//!
//! It prints and judges nothing: on a machine that does something else as well, the ratios still hold, as all sides are measured in turns.
#![expect(clippy::disallowed_methods, reason = "a benchmark takes the time")]

#[path = "../append/events.rs"]
mod events;
#[path = "../verify/made.rs"]
mod made;
mod measured;
#[path = "../verify/turns.rs"]
mod turns;

use std::env;
use std::error::Error;

use events::Events;
use made::Made;
use measured::What;
use turns::{print, turns};

type Failure = Box<dyn Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = env::args().skip(1).filter(|word| word != "--bench").collect();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["measure", what, url] => {
            let measured = runtime.block_on(measured::measure(what.parse()?, url))?;
            print(&measured.to_string());
            Ok(())
        }
        [] => all(&runtime, 1_000_000),
        [entries] => all(&runtime, entries.parse()?),
        _ => Err("expected a number of entries, or nothing".into()),
    }
}

fn all(runtime: &tokio::runtime::Runtime, entries: usize) -> Result<(), Failure> {
    database(runtime, "SQLite", runtime.block_on(Made::sqlite(entries, &mut Events::new()))?)?;
    match env::var("AUDIT_TEST_POSTGRES_URL").ok().filter(|url| !url.is_empty()) {
        Some(url) => {
            let mut events = Events::new();
            let made = runtime.block_on(Made::postgres(&url, entries, &mut events))?;
            database(runtime, "PostgreSQL", made)
        }
        None => {
            print("PostgreSQL: AUDIT_TEST_POSTGRES_URL names no server");
            Ok(())
        }
    }
}

fn database(runtime: &tokio::runtime::Runtime, name: &str, made: Made) -> Result<(), Failure> {
    let has_psql = made.url.starts_with("postgres");
    let all: Vec<_> = What::ALL.into_iter().filter(|what| has_psql || !what.is_psql()).collect();
    turns(name, made.entries, &made.url, &all)?;
    runtime.block_on(made.remove())
}
