//! What a call of an audited function costs, in instructions and allocations.

use std::path::Path;

use super::counted::Program;
use crate::Done;

const BUILD: &str = "bench -p audit-core --features macros --locked --bench attribute";

/// What is counted: for the reader, and for the program.
const ROWS: [(&str, &[&str]); 9] = [
    ("plain", &["plain"]),
    (INSTRUMENTED, &["instrumented"]),
    ("instrumented with id, discarded", &["instrumented-id"]),
    ("instrumented with id, formatted into a sink", &["formatted-id"]),
    ("audited, to the queue", &["audited"]),
    ("audited, to the log in memory", &["audited", "drain"]),
    ("audited, not async, to the queue", &["audited-sync"]),
    ("audited with id, to the queue", &["audited-id"]),
    ("audited with id, to the log in memory", &["audited-id", "drain"]),
];

/// The row that the others are compared with.
const INSTRUMENTED: &str = "instrumented, discarded";

pub(crate) fn run(root: &Path) -> Done {
    let program = Program::build(root, BUILD)?;
    let mut counted = Vec::new();
    for (row, words) in ROWS {
        let (instructions, allocations) = program.count(words)?;
        counted.push((row, instructions, allocations));
    }
    println!("\n{}", table(&counted));
    Ok(())
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
    fn a_call_is_told_beside_the_instrumented() {
        let expected = "\
a call                                        instructions  allocations   ratio
plain                                                   10         0.00    0.10
instrumented, discarded                                100         2.50    1.00";
        let counted = [("plain", 10.0, 0.0), (INSTRUMENTED, 100.0, 2.5)];
        assert_eq!(table(&counted), expected);
    }
}
