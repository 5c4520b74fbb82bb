//! The workspace's own commands: `cargo xtask <command>`.
//!
//! It depends on no crate of the workspace, so that it still runs when those do not compile.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command-line tool: standard output and standard error are its interface"
)]

mod cargo;
mod check;
mod ci;

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
<<<<<<< HEAD
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
=======
        ["check"] => check::run(&root()?),
        ["ci"] => ci::run(&root()?),
        ["bless"] => cargo::bless(&root()?),
        ["test"] => cargo::test(&root()?, &[]),
        ["test", "--", extra @ ..] => cargo::test(&root()?, extra),
        ["soak"] => cargo::soak(&root()?, &[]),
        ["soak", "--", extra @ ..] => cargo::soak(&root()?, extra),
        other => Err(impossible(&format!(
            "`{}` is no command; `cargo xtask help` lists them",
            other.join(" ")
>>>>>>> xtask
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
        for line in ["chekc", "check --fix", "ci now", "bless all", "test name"] {
            let words: Vec<&str> = line.split(' ').collect();
            assert_eq!(super::run(&words), Err(2), "{line}");
        }
    }
<<<<<<< HEAD

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
=======
>>>>>>> xtask
}
