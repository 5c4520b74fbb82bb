//! How long the compiler takes for audited functions, beside instrumented and plain ones.

mod sources;

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use self::sources::{CRATES, FUNCTIONS, Workspace};
use super::median;
use crate::cargo::program;
use crate::{Done, impossible};

const ROUNDS: usize = 5;

/// Debug, both: what one waits for all day.
const COMMANDS: [&str; 2] = ["check", "build"];

/// Seconds of each round, for each crate, for each command.
type Times = [[Vec<f64>; CRATES.len()]; COMMANDS.len()];

pub(crate) fn run(root: &Path) -> Done {
    let workspace = Workspace::write(root).map_err(|error| impossible(&error))?;
    println!("{FUNCTIONS} functions in each of the crates in {}", workspace.folder().display());
    for command in COMMANDS {
        cargo(workspace.folder(), command, &["--workspace"])?;
    }
    let mut times = Times::default();
    for round in 1..=ROUNDS {
        println!("round {round} of {ROUNDS}");
        // In turns, so that what else the machine does is shared fairly.
        for (command, times) in COMMANDS.iter().zip(&mut times) {
            for (part, times) in CRATES.iter().zip(times) {
                workspace.touch(part).map_err(|error| impossible(&error))?;
                let time = cargo(workspace.folder(), command, &["--package", part.name])?;
                times.push(time.as_secs_f64());
            }
        }
    }
    println!("\n{}", table(&times));
    Ok(())
}

/// One call of cargo, and how long it took.
#[expect(
    clippy::disallowed_methods,
    reason = "a benchmark takes the time; no audited time is made here"
)]
fn cargo(folder: &Path, command: &str, arguments: &[&str]) -> Result<Duration, u8> {
    let start = Instant::now();
    let output = Command::new(program())
        .args([command, "--offline", "--quiet", "--target-dir", "target"])
        .args(arguments)
        // All of the crate is compiled each time: nothing of it has changed.
        .env("CARGO_INCREMENTAL", "0")
        .current_dir(folder)
        .stdout(Stdio::null())
        .output()
        .map_err(|error| impossible(&format!("cannot run cargo: {error}")))?;
    let time = start.elapsed();
    if output.status.success() {
        return Ok(time);
    }
    Err(impossible(&String::from_utf8_lossy(&output.stderr)))
}

/// Medians, what they are of the instrumented ones', and what each function takes beyond a plain one.
fn table(times: &Times) -> String {
    let mut lines = format!("{:<14}", "functions");
    for command in COMMANDS {
        lines += &format!("{command:>8} s  ratio  ms/function");
    }
    let medians = times.each_ref().map(|of_crates| of_crates.each_ref().map(|times| median(times)));
    for (number, part) in CRATES.iter().enumerate() {
        lines += &format!("\n{:<14}", part.name);
        for [plain, instrumented, audited] in medians {
            let own = [plain, instrumented, audited].into_iter().nth(number).unwrap_or(f64::NAN);
            let each = (own - plain) * 1000.0 / f64::from(FUNCTIONS);
            lines += &format!("{own:>10.2}{:>7.2}{each:>13.2}", own / instrumented);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_is_told_beside_the_instrumented_and_beyond_the_plain() {
        let times = [[vec![1.0], vec![2.0], vec![3.0]], [vec![1.0], vec![4.0], vec![2.0]]];
        let expected = "\
functions        check s  ratio  ms/function   build s  ratio  ms/function
plain               1.00   0.50         0.00      1.00   0.25         0.00
instrumented        2.00   1.00         2.00      4.00   1.00         6.00
audited             3.00   1.50         4.00      2.00   0.50         2.00";
        assert_eq!(table(&times), expected);
    }
}
