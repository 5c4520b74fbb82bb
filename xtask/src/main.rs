//! The workspace's own commands: `cargo xtask <command>`.
//!
//! It depends on no crate of the workspace, so that it still runs when those do not compile; but for `test-postgres`,
//! which itself depends on nothing.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool: standard output and standard error are its interface"
)]

mod bench;
mod cargo;
mod check;
mod ci;
mod fuzz;
mod postgres;

use std::path::PathBuf;
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask <command>

  check             the rules of the source that no compiler knows: order of modules, length of files, names
  test [-- ARGS]    every test once, at reduced counts; ARGS go to the first `cargo test`
  soak [-- ARGS]    the same tests at full counts
  ci                format, clippy, docs, check, the fuzzer's lock and test, with the time that each takes
  fuzz              each parser under libFuzzer, a minute each; --seconds N: as long as this; needs a C++ compiler
  bench append      events/s of an append beside those of the database alone, in release; --full: at 5,000,000 entries
  bench attribute   instructions and allocations of a call of an audited function, under valgrind
  bench compile     how long audited functions compile, beside instrumented and plain ones
  bench export [N]  rows/s and memory of exports of N entries, or 1,000,000, beside psql's COPY of the same columns, in release
  bench load        what an application serves under load, bare, traced and audited; needs wrk
  bench pages [N]   what pages deep in a log of N entries cost beside the first, or 100,000, and counts and facets, in release
  bench request     what the layer costs over a bare router, beside other layers, in process and under valgrind
  bench slow        what requests feel of a store whose appends take 200 ms
  bench verify [N]  rows/s of a verification of N entries, or 1,000,000, beside fetching the same rows and throwing them away, in release
  fixture URL [N [SEED]]
                    N entries, or 1,000,000, as several tenants make them, into a new log in `sqlite:PATH` or `postgres://..`
  bless             accept what the macros answer now as what their tests expect
  help              this text";

/// What went wrong has been told already; what is left is the exit code.
type Done = Result<(), u8>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    run(&words).map_or_else(ExitCode::from, |()| ExitCode::SUCCESS)
}

fn run(words: &[&str]) -> Done {
    match words {
        [] | ["help" | "-h" | "--help", ..] => {
            println!("{USAGE}");
            Ok(())
        }
        ["check"] => check::run(&root()?),
        ["ci"] => ci::run(&root()?),
        ["fuzz"] => fuzz::run(&root()?, fuzz::SECONDS),
        ["fuzz", "--seconds", seconds] => fuzz::run(&root()?, seconds),
        ["bless"] => cargo::bless(&root()?),
        ["bench", "append"] => cargo::bench(&root()?, "append", &[]),
        ["bench", "append", "--full"] => cargo::bench(&root()?, "append", &["--full"]),
        ["bench", "attribute"] => bench::attribute::run(&root()?),
        ["bench", "compile"] => bench::compile::run(&root()?),
        ["bench", "export"] => cargo::bench(&root()?, "export", &[]),
        ["bench", "export", entries] if entries.parse::<u32>().is_ok() => {
            cargo::bench(&root()?, "export", &[entries])
        }
        ["bench", "load"] => bench::load::run(&root()?),
        ["bench", "pages"] => cargo::bench(&root()?, "pages", &["100000"]),
        ["bench", "pages", entries] if entries.parse::<u32>().is_ok() => {
            cargo::bench(&root()?, "pages", &[entries])
        }
        ["bench", "request"] => bench::request::run(&root()?),
        ["bench", "slow"] => bench::slow::run(&root()?),
        ["bench", "verify"] => cargo::bench(&root()?, "verify", &[]),
        ["bench", "verify", entries] if entries.parse::<u32>().is_ok() => {
            cargo::bench(&root()?, "verify", &[entries])
        }
        ["fixture", url] => cargo::fixture(&root()?, url, "1000000", "0"),
        ["fixture", url, entries] if entries.parse::<u32>().is_ok() => {
            cargo::fixture(&root()?, url, entries, "0")
        }
        ["fixture", url, entries, seed]
            if entries.parse::<u32>().is_ok() && seed.parse::<u64>().is_ok() =>
        {
            cargo::fixture(&root()?, url, entries, seed)
        }
        ["test"] => cargo::test(&root()?, &[]),
        ["test", "--", extra @ ..] => cargo::test(&root()?, extra),
        ["soak"] => cargo::soak(&root()?, &[]),
        ["soak", "--", extra @ ..] => cargo::soak(&root()?, extra),
        other => Err(impossible(&format!(
            "`{}` is no command; `cargo xtask help` lists them",
            other.join(" ")
        ))),
    }
}

/// The workspace's folder, from wherever inside it the command was given.
fn root() -> Result<PathBuf, u8> {
    // Read when run, not when built: a target folder may be shared by two clones.
    std::env::var_os("CARGO_MANIFEST_DIR")
        .and_then(|folder| PathBuf::from(folder).parent().map(PathBuf::from))
        .ok_or_else(|| impossible("run it by cargo, as `cargo xtask <command>`"))
}

/// For work that could not be begun: wrong arguments, no git, an unreadable file.
fn impossible(text: &str) -> u8 {
    eprintln!("xtask: {text}");
    2
}

#[cfg(test)]
mod tests {
    #[test]
    fn an_unknown_command_or_argument_is_refused_before_anything_runs() {
        for line in [
            "chekc",
            "check --fix",
            "ci now",
            "bless all",
            "fixture",
            "fixture sqlite:a many",
            "fixture sqlite:a 1 chance",
            "fuzz all",
            "fuzz --seconds many",
            "test name",
            "bench",
            "bench append full",
            "bench attribute all",
            "bench compile all",
            "bench export all",
            "bench load all",
            "bench pages all",
            "bench request all",
            "bench slow all",
            "bench verify all",
        ] {
            let words: Vec<&str> = line.split(' ').collect();
            assert_eq!(super::run(&words), Err(2), "{line}");
        }
    }
}
