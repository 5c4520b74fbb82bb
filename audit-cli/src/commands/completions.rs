//! `audit completions`

use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::OK;
use crate::args::Args;
use crate::output::{Failure, answer_bytes};

const EXAMPLES: &str = "\
Examples:
  audit completions bash > ~/.local/share/bash-completion/completions/audit
  audit completions zsh  > ~/.zfunc/_audit                 with fpath+=(~/.zfunc) before compinit
  audit completions fish > ~/.config/fish/completions/audit.fish";

#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Completions {
    /// The shell.
    shell: Shell,
}

pub(crate) fn run(args: &Completions) -> Result<u8, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Args::command(), "audit", &mut script);
    answer_bytes(&script)?;
    Ok(OK)
}
