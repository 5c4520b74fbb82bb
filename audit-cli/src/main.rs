//! `audit`: the operator's hand on an audit log.

mod args;
mod output;
mod paint;
mod progress;
mod stop;
mod files;
mod replacement;
mod database;
mod web;
mod witnesses;
mod logs;
mod entries;
mod place;
mod import;
mod page;
mod commands;

use std::io::Write as _;
use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _};

use args::{Args, Command};
use output::{Failure, complain};

/// All is well.
const OK: u8 = 0;
/// The log is not what it was.
const FINDINGS: u8 = 1;
/// The command could not do what it was asked to.
const COULD_NOT: u8 = 2;
/// Nothing speaks against the log, but not all of it is proved.
const WARNINGS: u8 = 3;

/// The code that weighs more.
fn worse(code: u8, other: u8) -> u8 {
    if code == FINDINGS || other == FINDINGS { FINDINGS } else { code.max(other) }
}

fn main() -> ExitCode {
    let color = paint::asked(std::env::args());
    paint::set(color);
    let matches = Args::command().color(color).try_get_matches();
    let args = match matches.and_then(|matches| Args::from_arg_matches(&matches)) {
        Ok(args) => args,
        Err(error) => return misunderstood(&error),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let done =
        runtime.map_err(Failure::from).and_then(|runtime| runtime.block_on(run(args.command)));
    match done {
        Ok(code) => code.into(),
        Err(failure) => {
            complain(&failure);
            COULD_NOT.into()
        }
    }
}

/// Says what is wrong with the arguments, or gives the help that they ask for.
fn misunderstood(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() {
        error.exit();
    }
    let mut text = error.render().ansi().to_string();
    for argument in std::env::args() {
        text = without_credentials(text, &argument);
    }
    // If nobody hears it, nobody can be told.
    let _ = write!(anstream::stderr(), "{text}");
    COULD_NOT.into()
}

/// A text that may quote an argument, without the user and password of the URL that the argument holds.
fn without_credentials(text: String, argument: &str) -> String {
    let credentials = argument.split_once("://").and_then(|(_, rest)| rest.rsplit_once('@'));
    match credentials {
        Some((credentials, _)) if !credentials.is_empty() => text.replace(credentials, ".."),
        _ => text,
    }
}

async fn run(command: Command) -> Result<u8, Failure> {
    match command {
        Command::Anchor(args) => commands::anchor::run(*args).await,
        Command::Checkpoint(args) => commands::checkpoint::run(args).await,
        Command::Completions(args) => commands::completions::run(&args),
        Command::Db(command) => commands::db::run(command).await,
        Command::Keys(command) => commands::keys::run(command).await,
        Command::Disclose(args) => commands::disclose::run(args).await,
        Command::Export(args) => commands::export::run(*args).await,
        Command::Import(args) => commands::import::run(*args).await,
        Command::Prove(args) => commands::prove::run(args).await,
        Command::RepairTiles(args) => commands::repair_tiles::run(args).await,
        Command::Report(args) => commands::report::run(args).await,
        Command::Search(args) => commands::search::run(*args).await,
        Command::Show(args) => commands::show::run(args).await,
        Command::Sign(args) => commands::sign::run(args).await,
        Command::Stats(args) => commands::stats::run(args).await,
        Command::Tail(args) => commands::tail::run(*args).await,
        Command::Verify(args) => commands::verify::run(args).await,
        Command::VerifyBundle(args) => commands::verify_bundle::run(&args),
        Command::VerifyProof(args) => commands::verify_proof::run(&args),
    }
}
