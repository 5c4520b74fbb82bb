//! What a call of an audited function costs, in instructions and allocations: under valgrind, so that it is the same
//! on a busy machine.

use std::path::Path;
use std::process::Command;

use crate::cargo::{cargo, program};
use crate::{Done, impossible};

const BUILD: &str = "bench -p audit-core --features macros --locked --bench attribute";

/// Two runs differ in their calls only: start and end are the same.
const CALLS: (u32, u32) = (1_000, 3_000);

/// What is counted: for the reader, for the program, and whether the appender does its part as well.
const ROWS: [(&str, &str, bool); 9] = [
    ("plain", "plain", false),
    (INSTRUMENTED, "instrumented", false),
    ("instrumented with id, discarded", "instrumented-id", false),
    ("instrumented with id, formatted into a sink", "formatted-id", false),
    ("audited, to the queue", "audited", false),
    ("audited, to the log in memory", "audited", true),
    ("audited, not async, to the queue", "audited-sync", false),
    ("audited with id, to the queue", "audited-id", false),
    ("audited with id, to the log in memory", "audited-id", true),
];

/// The row that the others are compared with.
const INSTRUMENTED: &str = "instrumented, discarded";

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

pub(crate) fn run(root: &Path) -> Done {
    if !Command::new("valgrind").arg("--version").output().is_ok_and(|told| told.status.success()) {
        return Err(impossible(
            "valgrind is missing: install it, as by `apt-get install valgrind`",
        ));
    }
    cargo(root, &[], BUILD, &["--no-run"])?;
    let mut counted = Vec::new();
    for (row, case, drain) in ROWS {
        let instructions = INSTRUCTIONS.of_a_call(root, case, drain)?;
        let allocations = ALLOCATIONS.of_a_call(root, case, drain)?;
        counted.push((row, instructions, allocations));
    }
    println!("\n{}", table(&counted));
    Ok(())
}

impl Counter {
    fn of_a_call(&self, root: &Path, case: &str, drain: bool) -> Result<f64, u8> {
        let (few, many) = CALLS;
        let more =
            self.of_a_run(root, case, many, drain)? - self.of_a_run(root, case, few, drain)?;
        Ok(more / f64::from(many - few))
    }

    fn of_a_run(&self, root: &Path, case: &str, calls: u32, drain: bool) -> Result<f64, u8> {
        let words = ["valgrind"].iter().chain(self.arguments);
        let runner: Vec<String> = words.map(|word| format!("{word:?}")).collect();
        let output = Command::new(program())
            .args(BUILD.split_whitespace())
            .args(["--config", &format!("target.'cfg(all())'.runner = [{}]", runner.join(", "))])
            .args(["--", case, &calls.to_string()])
            .args(drain.then_some("drain"))
            .current_dir(root)
            .output()
            .map_err(|error| impossible(&format!("cannot run cargo: {error}")))?;
        let text = String::from_utf8_lossy(&output.stderr);
        match self.read(&text) {
            Some(number) if output.status.success() => Ok(number),
            _ => Err(impossible(&format!("no count of `{case}`:\n{text}"))),
        }
    }

    /// The number in what valgrind tells.
    fn read(&self, text: &str) -> Option<f64> {
        let (_, rest) = text.split_once(self.before)?;
        let number = rest.split_whitespace().next()?;
        number.replace(',', "").parse().ok()
    }
}

fn table(counted: &[(&str, f64, f64)]) -> String {
    let base = counted.iter().find(|(row, ..)| *row == INSTRUMENTED);
    let base = base.map_or(f64::NAN, |(_, instructions, _)| *instructions);
    let mut lines =
        format!("{:<46}{:>12}{:>13}{:>8}", "a call", "instructions", "allocations", "ratio");
    for (row, instructions, allocations) in counted {
        let ratio = instructions / base;
        lines += &format!("\n{row:<46}{instructions:>12.0}{allocations:>13.2}{ratio:>8.2}");
    }
    lines
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

    #[test]
    fn a_call_is_told_beside_the_instrumented() {
        let expected = "\
a call                                        instructions  allocations   ratio
plain                                                   10         0.00    0.10
instrumented, discarded                                100         2.50    1.00";
        let counted = [("plain", 10.0, 0.0), (INSTRUMENTED, 100.0, 2.5)];
        assert_eq!(table(&counted), expected);
    }
}
