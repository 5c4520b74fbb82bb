//! What runs of a program cost each time that it does something once more, in instructions and allocations: under
//! valgrind, so that it is the same on a busy machine.

use std::path::Path;
use std::process::{Command, Output};

use crate::cargo::{cargo, program};
use crate::impossible;

/// Two runs differ in how often they do it only: start and end are the same.
const TIMES: (u32, u32) = (1_000, 3_000);

/// A benchmark that is told what to do, and how often.
pub(crate) struct Program<'a> {
    pub(crate) root: &'a Path,
    /// The words of its build, for cargo.
    pub(crate) build: &'a str,
}

/// A tool of valgrind's, the words before its number, and whether commas are in that.
struct Counter {
    arguments: &'static [&'static str],
    before: &'static str,
}

const INSTRUCTIONS: Counter = Counter {
    arguments: &["--tool=callgrind", "--callgrind-out-file=/dev/null"],
    before: "Collected : ",
};

const ALLOCATIONS: Counter =
    Counter { arguments: &["--tool=memcheck"], before: "total heap usage: " };

impl<'a> Program<'a> {
    pub(crate) fn build(root: &'a Path, build: &'a str) -> Result<Self, u8> {
        if !Command::new("valgrind")
            .arg("--version")
            .output()
            .is_ok_and(|told| told.status.success())
        {
            return Err(impossible(
                "valgrind is missing: install it, as by `apt-get install valgrind`",
            ));
        }
        cargo(root, &[], build, &["--no-run"])?;
        Ok(Self { root, build })
    }

    /// Instructions and allocations of once. The number of times goes behind the first of the words.
    pub(crate) fn count(&self, words: &[&str]) -> Result<(f64, f64), u8> {
        Ok((self.once(&INSTRUCTIONS, words)?, self.once(&ALLOCATIONS, words)?))
    }

    fn once(&self, counter: &Counter, words: &[&str]) -> Result<f64, u8> {
        let (few, many) = TIMES;
        let of = |times| {
            let output = self.run(&counter.runner(), times, words)?;
            let text = String::from_utf8_lossy(&output.stderr);
            counter
                .read(&text)
                .ok_or_else(|| impossible(&format!("no count of {words:?}:\n{text}")))
        };
        Ok((of(many)? - of(few)?) / f64::from(many - few))
    }

    /// What the program prints when it does something so often.
    pub(crate) fn print(&self, times: u32, words: &[&str]) -> Result<String, u8> {
        let output = self.run(&[], times, words)?;
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }

    fn run(&self, runner: &[String], times: u32, words: &[&str]) -> Result<Output, u8> {
        let (case, more) = words.split_first().unwrap_or((&"", &[]));
        let mut command = Command::new(program());
        command.args(self.build.split_whitespace());
        if !runner.is_empty() {
            command.arg("--config");
            command.arg(format!("target.'cfg(all())'.runner = [{}]", runner.join(", ")));
        }
        command.args(["--", case, &times.to_string()]).args(more).current_dir(self.root);
        let output =
            command.output().map_err(|error| impossible(&format!("cannot run cargo: {error}")))?;
        if output.status.success() {
            return Ok(output);
        }
        let text = String::from_utf8_lossy(&output.stderr);
        Err(impossible(&format!("{words:?} has failed:\n{text}")))
    }
}

impl Counter {
    fn runner(&self) -> Vec<String> {
        let words = ["valgrind"].iter().chain(self.arguments);
        words.map(|word| format!("{word:?}")).collect()
    }

    /// The number in what valgrind tells.
    fn read(&self, text: &str) -> Option<f64> {
        let (_, rest) = text.split_once(self.before)?;
        let number = rest.split_whitespace().next()?;
        number.replace(',', "").parse().ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_found_in_what_valgrind_tells() {
        let text = "==7== Events    : Ir\n==7== Collected : 12345\n==7==\n";
        assert_eq!(INSTRUCTIONS.read(text), Some(12345.0));
        let text = "==7==   total heap usage: 1,006 allocs, 1,005 frees, 73,802 bytes allocated\n";
        assert_eq!(ALLOCATIONS.read(text), Some(1006.0));
        assert_eq!(ALLOCATIONS.read("valgrind: failed to start"), None);
    }
}
