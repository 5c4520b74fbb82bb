//! The workspace's own commands: `cargo xtask <command>`. `cargo xtask help` lists them.
//!
//! It depends on no crate, so that it builds in a second and still runs when the others do not compile.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool: standard output and standard error are its interface"
)]

mod check;
mod ci;
mod command;
mod test;

use std::path::PathBuf;
use std::process::ExitCode;

const USAGE: &str = "\
usage: cargo xtask <command>

  check             the rules of the source that no compiler knows: order of modules, length of files, names
  test [-- ARGS]    every test once, at reduced counts; ARGS go to the first `cargo test`
  soak [-- ARGS]    the same tests at full counts
  ci                format, clippy, docs, check and test, with the time that each takes
  bless             accept what the macros answer now as what their tests expect
  help              this text";

/// What a command ends with, other than success. Each maps to one exit code.
#[derive(Debug, PartialEq, Eq)]
enum Failure {
    /// The arguments make no sense.
    Usage(String),
    /// The work could not be done at all: no git, no cargo, an unreadable file.
    Impossible(String),
    /// `check` has printed what it found.
    Findings,
    /// A command that was run, and that has spoken for itself, ended with this code.
    Command(u8),
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Usage(text) | Failure::Impossible(text)) => {
            eprintln!("xtask: {text}");
            ExitCode::from(2)
        }
        Err(Failure::Findings) => ExitCode::from(1),
        Err(Failure::Command(code)) => ExitCode::from(code),
    }
}

fn run(arguments: &[String]) -> Result<(), Failure> {
    let Some((name, rest)) = arguments.split_first() else {
        println!("{USAGE}");
        return Ok(());
    };
    match name.as_str() {
        "help" | "-h" | "--help" => {
            println!("{USAGE}");
            Ok(())
        }
        "check" => nothing_more(name, rest).and_then(|()| check::run(&root()?)),
        "test" => test::once(&root()?, after_dashes(name, rest)?),
        "soak" => test::soak(&root()?, after_dashes(name, rest)?),
        "ci" => nothing_more(name, rest).and_then(|()| ci::run(&root()?)),
        "bless" => nothing_more(name, rest).and_then(|()| test::bless(&root()?)),
        other => Err(Failure::Usage(format!(
            "unknown command `{other}`; `cargo xtask help` lists the commands"
        ))),
    }
}

fn nothing_more(name: &str, rest: &[String]) -> Result<(), Failure> {
    match rest.first() {
        None => Ok(()),
        Some(extra) => Err(Failure::Usage(format!("`{name}` takes no argument `{extra}`"))),
    }
}

fn after_dashes<'a>(name: &str, rest: &'a [String]) -> Result<&'a [String], Failure> {
    match rest.split_first() {
        None => Ok(rest),
        Some((dashes, extra)) if dashes == "--" => Ok(extra),
        Some((first, _)) => Err(Failure::Usage(format!(
            "`{name}` takes arguments for cargo after `--` only, not `{first}`"
        ))),
    }
}

/// The workspace's folder, from wherever inside it the command was given.
fn root() -> Result<PathBuf, Failure> {
    // Read when run, not when built: a target folder may be shared by two clones.
    std::env::var_os("CARGO_MANIFEST_DIR")
        .map(PathBuf::from)
        .and_then(|folder| folder.parent().map(PathBuf::from))
        .ok_or_else(|| {
            Failure::Impossible("run it by cargo, as `cargo xtask <command>`".to_owned())
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run_with(arguments: &[&str]) -> Result<(), Failure> {
        let arguments: Vec<String> = arguments.iter().map(ToString::to_string).collect();
        run(&arguments)
    }

    #[test]
    fn no_argument_and_help_are_answered_with_the_usage() {
        for arguments in [&[][..], &["help"], &["-h"], &["--help"]] {
            assert_eq!(run_with(arguments), Ok(()));
        }
    }

    #[test]
    fn an_unknown_command_is_named_in_one_line() {
        let Err(Failure::Usage(text)) = run_with(&["chekc"]) else {
            panic!("accepted");
        };
        assert!(text.contains("`chekc`") && !text.contains('\n'), "{text}");
    }

    #[test]
    fn an_argument_that_a_command_does_not_take_is_refused_before_anything_runs() {
        for arguments in
            [["check", "--fix"], ["ci", "now"], ["bless", "all"], ["test", "name"], ["soak", "-p"]]
        {
            assert!(matches!(run_with(&arguments), Err(Failure::Usage(_))), "{arguments:?}");
        }
    }

    #[test]
    fn what_follows_the_dashes_is_for_cargo() {
        let rest = ["--", "-p", "xtask"].map(str::to_owned);
        assert_eq!(after_dashes("test", &rest), Ok(&rest[1..]));
    }
}
