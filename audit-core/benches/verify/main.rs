//! How fast a log is verified, beside fetching its rows and throwing them away: `cargo xtask bench verify`.
//!
//! Each measurement is a process of its own, so that its peak of memory is that of what is measured. It prints and judges
//! nothing: on a machine that does something else as well, the ratios still hold, as all sides are measured in turns.
#![expect(clippy::disallowed_methods, reason = "a benchmark takes the time")]

#[path = "../append/events.rs"]
mod events;
mod made;
mod measured;

use std::env;
use std::error::Error;
use std::process::Command;

use events::Events;
use made::Made;
use measured::{Measured, What};

type Failure = Box<dyn Error + Send + Sync>;

/// How often each is measured, in turns.
const ROUNDS: usize = 3;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = env::args().skip(1).filter(|word| word != "--bench").collect();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
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
    let mut rounds: Vec<Vec<Measured>> = Vec::new();
    for _ in 0..ROUNDS {
        rounds
            .push(What::ALL.iter().map(|what| child(*what, &made.url)).collect::<Result<_, _>>()?);
    }
    print(&format!(
        "\n{name}, {} entries\n{:<34} {:>9} {:>6} {:>8}",
        made.entries, "", "rows/s", "ratio", "peak MiB"
    ));
    for (place, what) in What::ALL.iter().enumerate() {
        let of_what = || rounds.iter().filter_map(|round| round.get(place));
        let rate = median(of_what().map(|measured| measured.rows_a_second));
        let peak = of_what().map(|measured| measured.peak_mib).max().unwrap_or(0);
        let beside = What::ALL.iter().position(|other| *other == what.floor());
        let ratio = median(rounds.iter().filter_map(|round| {
            Some(round.get(place)?.rows_a_second / round.get(beside?)?.rows_a_second)
        }));
        print(&format!("{:<34} {rate:>9.0} {ratio:>6.2} {peak:>8}", what.name()));
    }
    runtime.block_on(made.remove())
}

fn child(what: What, url: &str) -> Result<Measured, Failure> {
    let output = Command::new(env::current_exe()?).args(["measure", what.name(), url]).output()?;
    let told = String::from_utf8(output.stdout)?;
    told.parse().map_err(|_| String::from_utf8_lossy(&output.stderr).into_owned().into())
}

/// The middle one, which noise of a moment does not move.
fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[expect(clippy::print_stdout, reason = "a benchmark prints")]
fn print(text: &str) {
    println!("{text}");
}
