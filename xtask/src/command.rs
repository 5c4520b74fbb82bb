//! Running other programs: each is printed before it runs, in a form that can be pasted into a shell.

use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, ExitStatus};

use crate::Failure;

/// One call of cargo, from the workspace's folder.
#[derive(Debug, Clone)]
pub(crate) struct Cargo {
    arguments: Vec<String>,
    variables: Vec<(&'static str, &'static str)>,
}

impl Cargo {
    /// The arguments stand in one string, as one would type them.
    pub(crate) fn new(arguments: &str) -> Self {
        Self {
            arguments: arguments.split_whitespace().map(str::to_owned).collect(),
            variables: Vec::new(),
        }
    }

    pub(crate) fn arguments(mut self, more: &[String]) -> Self {
        self.arguments.extend_from_slice(more);
        self
    }

    /// Sets a variable for this call; all others are passed through.
    pub(crate) fn variable(mut self, name: &'static str, value: &'static str) -> Self {
        self.variables.push((name, value));
        self
    }

    pub(crate) fn run(&self, root: &Path) -> Result<(), Failure> {
        println!("$ {}", self.shown());
        // The cargo that started us, so that `cargo +toolchain xtask` stays on that toolchain.
        let program = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
        let status = Command::new(program)
            .args(&self.arguments)
            .envs(self.variables.iter().copied())
            .current_dir(root)
            .status()
            .map_err(|error| Failure::Impossible(format!("cannot run cargo: {error}")))?;
        judged(status)
    }

    pub(crate) fn shown(&self) -> String {
        let variables =
            self.variables.iter().map(|(name, value)| format!("{name}={}", quoted(value)));
        let arguments = self.arguments.iter().map(|argument| quoted(argument));
        let words: Vec<String> = variables.chain(["cargo".to_owned()]).chain(arguments).collect();
        words.join(" ")
    }
}

fn judged(status: ExitStatus) -> Result<(), Failure> {
    if status.success() {
        return Ok(());
    }
    // No code: ended by a signal.
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Err(Failure::Command(code.unwrap_or(1)))
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_one_would_type_it() {
        let cargo = Cargo::new("test  --workspace")
            .arguments(&["it's".to_owned(), "--".to_owned()])
            .variable("RUSTDOCFLAGS", "-D warnings");
        assert_eq!(
            cargo.shown(),
            r"RUSTDOCFLAGS='-D warnings' cargo test --workspace 'it'\''s' --"
        );
    }

    #[cfg(unix)]
    #[test]
    fn the_exit_code_of_a_failed_command_is_kept_and_a_signal_is_a_failure_too() {
        use std::os::unix::process::ExitStatusExt;
        let judged_as = |raw| judged(ExitStatus::from_raw(raw));
        assert_eq!(judged_as(0), Ok(()));
        assert_eq!(judged_as(101 << 8), Err(Failure::Command(101)));
        assert_eq!(judged_as(9), Err(Failure::Command(1)));
    }
}
