//! How fast a log is exported into a file, beside `psql` that copies the same columns into one: `cargo xtask bench export`.
//!
//! Each measurement is a process of its own, so that its peak of memory is that of what is measured. It prints and judges
//! nothing: on a machine that does something else as well, the ratios still hold, as all sides are measured in turns.
#![expect(clippy::disallowed_methods, reason = "a benchmark takes the time")]

#[path = "../append/events.rs"]
mod events;
#[path = "../verify/made.rs"]
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
    let measured = || What::ALL.into_iter().filter(|what| has_psql || !what.is_psql());
    let mut rounds: Vec<Vec<(What, Measured)>> = Vec::new();
    for _ in 0..ROUNDS {
        let of_what = |what| Ok::<_, Failure>((what, child(what, &made.url)?));
        rounds.push(measured().map(of_what).collect::<Result<_, _>>()?);
    }
    print(&format!(
        "\n{name}, {} entries\n{:<34} {:>9} {:>6} {:>8} {:>8}",
        made.entries, "", "rows/s", "ratio", "MB", "peak MiB"
    ));
    let of = |round: &Vec<(What, Measured)>, what| {
        round.iter().find(|(of, _)| *of == what).map(|(_, measured)| *measured)
    };
    for what in measured() {
        let all: Vec<Measured> = rounds.iter().filter_map(|round| of(round, what)).collect();
        let rate = median(all.iter().map(|it| it.rows_a_second));
        let peak = all.iter().map(|it| it.peak_mib).max().unwrap_or(0);
        let size = all.iter().map(|it| it.megabytes).max().unwrap_or(0);
        let ratio = median(rounds.iter().filter_map(|round| {
            Some(of(round, what)?.rows_a_second / of(round, what.beside())?.rows_a_second)
        }));
        print(&format!("{:<34} {rate:>9.0} {ratio:>6.2} {size:>8} {peak:>8}", what.name()));
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
