//! How long the compiler takes for audited functions, beside instrumented and plain ones.

mod sources;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use self::sources::{CRATES, FUNCTIONS, Workspace};
use super::median;
use crate::cargo::program;
use crate::{Done, impossible};

const ROUNDS: usize = 5;

/// Debug, both: what one waits for all day.
const COMMANDS: [&str; 2] = ["check", "build"];

/// How long a call took on the clock, and how long it kept processors busy, which others on the machine disturb less:
/// in seconds.
type Taken = (f64, f64);

/// Each round, for each crate, for each command.
type Rounds = [[Vec<Taken>; CRATES.len()]; COMMANDS.len()];

pub(crate) fn run(root: &Path) -> Done {
    let workspace = Workspace::write(root).map_err(|error| impossible(&error))?;
    println!("{FUNCTIONS} functions in each of the crates in {}", workspace.folder().display());
    for command in COMMANDS {
        cargo(workspace.folder(), command, &["--workspace"])?;
    }
    let mut rounds = Rounds::default();
    for round in 1..=ROUNDS {
        println!("round {round} of {ROUNDS}");
        // In turns, so that what else the machine does is shared fairly.
        for (command, rounds) in COMMANDS.iter().zip(&mut rounds) {
            for (part, rounds) in CRATES.iter().zip(rounds) {
                workspace.touch(part).map_err(|error| impossible(&error))?;
                rounds.push(cargo(workspace.folder(), command, &["--package", part.name])?);
            }
        }
    }
    println!("\n{}", table(&rounds));
    Ok(())
}

/// One call of cargo, and how long it took.
#[expect(
    clippy::disallowed_methods,
    reason = "a benchmark takes the time; no audited time is made here"
)]
fn cargo(folder: &Path, command: &str, arguments: &[&str]) -> Result<Taken, u8> {
    let (start, busy) = (Instant::now(), busy());
    let output = Command::new(program())
        .args([command, "--offline", "--quiet", "--target-dir", "target"])
        .args(arguments)
        // All of the crate is compiled each time: nothing of it has changed.
        .env("CARGO_INCREMENTAL", "0")
        .current_dir(folder)
        .stdout(Stdio::null())
        .output()
        .map_err(|error| impossible(&format!("cannot run cargo: {error}")))?;
    let taken = (start.elapsed().as_secs_f64(), self::busy() - busy);
    if output.status.success() {
        return Ok(taken);
    }
    Err(impossible(&String::from_utf8_lossy(&output.stderr)))
}

/// Seconds that the programs started so far have kept processors busy; NaN where there is no `/proc`.
fn busy() -> f64 {
    let text = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    children(&text).unwrap_or(f64::NAN)
}

/// The times of ended children, in user space and in the kernel: members 16 and 17, in hundredths.
fn children(stat: &str) -> Option<f64> {
    // The second member, a name in parentheses, may have spaces.
    let mut members = stat.rsplit_once(')')?.1.split_whitespace().skip(13);
    let mut next = || members.next()?.parse::<f64>().ok();
    Some((next()? + next()?) / 100.0)
}

/// Medians, what they are of the instrumented ones', and what each function takes beyond a plain one.
fn table(rounds: &Rounds) -> String {
    let mut lines = format!(
        "{:<7}{:<14}{:>8}{:>7}{:>8}{:>7}{:>17}",
        "cargo", "functions", "clock s", "ratio", "busy s", "ratio", "busy ms/function"
    );
    for (command, rounds) in COMMANDS.iter().zip(rounds) {
        let column = |of: fn(&Taken) -> f64| {
            rounds.each_ref().map(|taken| median(&taken.iter().map(of).collect::<Vec<_>>()))
        };
        let (clock, busy) = (column(|taken| taken.0), column(|taken| taken.1));
        let ([_, clock_base, _], [plain, busy_base, _]) = (clock, busy);
        for (part, (clock, busy)) in CRATES.iter().zip(clock.into_iter().zip(busy)) {
            let each = (busy - plain) * 1000.0 / f64::from(FUNCTIONS);
            lines +=
                &format!("\n{command:<7}{:<14}{clock:>8.2}{:>7.2}", part.name, clock / clock_base);
            lines += &format!("{busy:>8.2}{:>7.2}{each:>17.2}", busy / busy_base);
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_is_told_beside_the_instrumented_and_beyond_the_plain() {
        let rounds = [
            [vec![(1.0, 1.0)], vec![(2.0, 2.5)], vec![(3.0, 9.0), (1.0, 2.0), (2.0, 3.0)]],
            [vec![(1.0, 1.0)], vec![(4.0, 4.0)], vec![(2.0, 2.0)]],
        ];
        let expected = "\
cargo  functions      clock s  ratio  busy s  ratio busy ms/function
check  plain             1.00   0.50    1.00   0.40             0.00
check  instrumented      2.00   1.00    2.50   1.00             3.00
check  audited           2.00   1.00    3.00   1.20             4.00
build  plain             1.00   0.25    1.00   0.25             0.00
build  instrumented      4.00   1.00    4.00   1.00             6.00
build  audited           2.00   0.50    2.00   0.50             2.00";
        assert_eq!(table(&rounds), expected);
    }

    #[test]
    fn the_time_of_children_is_found_behind_any_name() {
        let stat = "7 (a b) c) S 1 7 7 0 -1 4194304 1 2 3 4 5 6 150 25 20 0 1 0";
        assert_eq!(children(stat), Some(1.75));
        assert_eq!(children("7 (a) S"), None);
    }
}
