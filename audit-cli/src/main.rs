//! `audit`: the operator's hand on an audit log.

mod args;
mod output;
mod commands;

use std::process::ExitCode;

use clap::Parser;

use args::{Args, Command};
use output::{Failure, complain};

/// All is well.
const OK: u8 = 0;
/// The log is not what it was.
const FINDINGS: u8 = 1;
/// The command could not do what it was asked to.
const COULD_NOT: u8 = 2;

fn main() -> ExitCode {
    let args = Args::parse();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
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

async fn run(command: Command) -> Result<u8, Failure> {
    match command {
        Command::Search(args) => commands::search::run(*args).await,
        Command::Verify(args) => commands::verify::run(args).await,
    }
}
