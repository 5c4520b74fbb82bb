//! How fast a log is verified, beside fetching its rows and throwing them away: `cargo xtask bench verify`.
//!
//! It prints and judges nothing: on a machine that does something else as well, the ratios still hold, as all sides are measured in turns.
#![expect(clippy::disallowed_methods, reason = "a benchmark takes the time")]

#[path = "../append/events.rs"]
mod events;
mod made;
mod measured;
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
        Some(url) => database(
            runtime,
            "PostgreSQL",
            runtime.block_on(Made::postgres(&url, entries, &mut Events::new()))?,
        ),
        None => {
            print("PostgreSQL: AUDIT_TEST_POSTGRES_URL names no server");
            Ok(())
        }
    }
}

fn database(runtime: &tokio::runtime::Runtime, name: &str, made: Made) -> Result<(), Failure> {
    turns(name, made.entries, &made.url, &What::ALL)?;
    runtime.block_on(made.remove())
}
