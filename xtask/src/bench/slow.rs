//! What a request feels of a store that is slow.

use std::path::Path;
use std::process::Command;

use super::median;
use crate::cargo::{cargo, program};
use crate::{Done, impossible};

const BUILD: &str = "bench -p audit-tests --locked --bench slow";

/// How often both are run, in turns.
const ROUNDS: usize = 5;

/// Milliseconds by which the slow store's appends are longer.
const PAUSE: &str = "200";

/// What one run has told.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Told {
    /// Microseconds within which half of the requests were answered, and 99 of 100.
    half: f64,
    slow: f64,
    /// Events of an append.
    batch: f64,
    recorded: f64,
    lost: f64,
}

pub(crate) fn run(root: &Path) -> Done {
    cargo(root, &[], BUILD, &["--no-run"])?;
    let mut rounds = Vec::new();
    for round in 1..=ROUNDS {
        // Who comes second has a warmer machine: that is each in turn.
        let of = |pause| once(root, pause, round);
        let (fast, slow) = match round % 2 {
            0 => {
                let slow = of(PAUSE)?;
                (of("0")?, slow)
            }
            _ => (of("0")?, of(PAUSE)?),
        };
        println!("round {round}: 99% within {:.0} us, and {:.0} us", fast.slow, slow.slow);
        rounds.push((fast, slow));
    }
    println!("\n{}", table(&rounds));
    Ok(())
}

fn once(root: &Path, pause: &str, round: usize) -> Result<Told, u8> {
    let failed = |what: String| impossible(&format!("a store with a pause of {pause} ms: {what}"));
    let folder = root.join("target").join(format!("slow-{pause}-{round}"));
    std::fs::create_dir_all(&folder).map_err(|error| failed(error.to_string()))?;
    let output = Command::new(program())
        .args(BUILD.split_whitespace())
        .args(["--", pause])
        .arg(&folder)
        .current_dir(root)
        .output();
    let removed = std::fs::remove_dir_all(&folder);
    let output = output.map_err(|error| failed(format!("cannot run cargo: {error}")))?;
    removed.map_err(|error| failed(error.to_string()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let told = told(&text).filter(|_| output.status.success());
    told.ok_or_else(|| failed(format!("{text}\n{}", String::from_utf8_lossy(&output.stderr))))
}

fn told(text: &str) -> Option<Told> {
    let number = |name: &str| {
        let words = |line: &str| line.strip_prefix(name)?.trim().parse().ok();
        text.lines().find_map(words)
    };
    Some(Told {
        half: number("half ")?,
        slow: number("slow ")?,
        batch: number("batch ")?,
        recorded: number("recorded ")?,
        lost: number("lost ")?,
    })
}

fn table(rounds: &[(Told, Told)]) -> String {
    let (fast, slow): (Vec<Told>, Vec<Told>) = rounds.iter().copied().unzip();
    let mut lines = format!(
        "{:<36}{:>8}{:>8}{:>14}{:>11}{:>8}",
        "2,000 requests/s", "50% us", "99% us", "events/append", "recorded", "lost"
    );
    for (row, told) in [("into SQLite", fast), ("the same, each append 200 ms longer", slow)] {
        let middle = |what: fn(&Told) -> f64| median(&told.iter().map(what).collect::<Vec<_>>());
        lines += &format!(
            "\n{row:<36}{:>8.0}{:>8.0}{:>14.1}{:>11.0}{:>8.0}",
            middle(|one| one.half),
            middle(|one| one.slow),
            middle(|one| one.batch),
            middle(|one| one.recorded),
            told.iter().map(|one| one.lost).sum::<f64>(),
        );
    }
    let ratios: Vec<_> = rounds.iter().map(|(fast, slow)| slow.slow / fast.slow).collect();
    let ratio = median(&ratios);
    format!("{lines}\nmedian of the ratios of 99%: {ratio:.2} (the aim is 1.20 at the most)")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "half 30.5\nslow 210.0\nbatch 1.5\nrecorded 20000\nlost 0\n";

    #[test]
    fn what_a_run_tells_is_read() {
        let expected = Told { half: 30.5, slow: 210.0, batch: 1.5, recorded: 20_000.0, lost: 0.0 };
        assert_eq!(told(TEXT), Some(expected));
        assert_eq!(told("half 1"), None);
    }

    #[test]
    fn the_ratio_is_the_median_of_those_of_the_rounds_and_losses_are_summed() {
        let of = |slow, lost| Told { slow, lost, ..told(TEXT).unwrap() };
        let rounds = [
            (of(100.0, 0.0), of(110.0, 1.0)),
            (of(200.0, 0.0), of(180.0, 2.0)),
            (of(10.0, 0.0), of(100.0, 0.0)),
        ];
        let table = table(&rounds);
        assert!(table.contains("99%: 1.10 "), "{table}");
        assert!(table.lines().nth(2).unwrap().ends_with(" 3"), "{table}");
    }
}
