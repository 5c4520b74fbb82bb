//! Measurements in turns, each in a process of its own, so that its peak of memory is that of what is measured.

use std::env;
use std::fmt;
use std::process::Command;
use std::str::FromStr;
use std::time::Instant;

use crate::Failure;

/// How often each is measured.
const ROUNDS: usize = 3;

/// Something that is measured.
pub(crate) trait What: Copy + PartialEq {
    fn name(self) -> &'static str;

    /// What it is compared with.
    fn beside(self) -> Self;
}

/// What came of one measurement.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measured {
    rows_a_second: f64,
    /// What was written, if it was measured.
    megabytes: u64,
    peak_mib: u64,
}

impl Measured {
    pub(crate) fn since(begun: Instant, rows: u64, bytes: u64) -> Result<Self, Failure> {
        let seconds = begun.elapsed().as_secs_f64();
        let rows_a_second = number(rows) / seconds;
        Ok(Self { rows_a_second, megabytes: bytes / 1_000_000, peak_mib: peak()? })
    }
}

/// Measures all in turns, each by `measure NAME URL` of this program, and prints a table.
pub(crate) fn turns<W: What>(
    name: &str,
    entries: usize,
    url: &str,
    all: &[W],
) -> Result<(), Failure> {
    let mut rounds: Vec<Vec<(W, Measured)>> = Vec::new();
    for _ in 0..ROUNDS {
        let of_what = |what: &W| Ok::<_, Failure>((*what, child(what.name(), url)?));
        rounds.push(all.iter().map(of_what).collect::<Result<_, _>>()?);
    }
    print(&format!(
        "\n{name}, {entries} entries\n{:<34} {:>9} {:>6} {:>8} {:>8}",
        "", "rows/s", "ratio", "MB", "peak MiB"
    ));
    let of = |round: &[(W, Measured)], what: W| {
        round.iter().find(|(of, _)| *of == what).map(|(_, measured)| *measured)
    };
    for &what in all {
        let measured: Vec<_> = rounds.iter().filter_map(|round| of(round, what)).collect();
        let rate = median(measured.iter().map(|it| it.rows_a_second));
        let peak = measured.iter().map(|it| it.peak_mib).max().unwrap_or(0);
        let size = measured.iter().map(|it| it.megabytes).max().unwrap_or(0);
        let ratio = median(rounds.iter().filter_map(|round| {
            Some(of(round, what)?.rows_a_second / of(round, what.beside())?.rows_a_second)
        }));
        print(&format!("{:<34} {rate:>9.0} {ratio:>6.2} {size:>8} {peak:>8}", what.name()));
    }
    Ok(())
}

fn child(name: &str, url: &str) -> Result<Measured, Failure> {
    let output = Command::new(env::current_exe()?).args(["measure", name, url]).output()?;
    let told = String::from_utf8(output.stdout)?;
    told.parse().map_err(|_| String::from_utf8_lossy(&output.stderr).into_owned().into())
}

/// The middle one, which noise of a moment does not move.
fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The most memory that this process has held, in MiB.
fn peak() -> Result<u64, Failure> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    let kib: u64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kib / 1_024)
}

#[expect(clippy::print_stdout, reason = "a benchmark prints")]
pub(crate) fn print(text: &str) {
    println!("{text}");
}

#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "a count that a benchmark prints rounded"
)]
fn number(count: u64) -> f64 {
    count as f64
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.rows_a_second, self.megabytes, self.peak_mib)
    }
}

impl FromStr for Measured {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self, Failure> {
        let numbers: Vec<&str> = text.trim().split(' ').collect();
        let [rate, megabytes, peak] = numbers[..] else {
            return Err("three numbers".into());
        };
        Ok(Self {
            rows_a_second: rate.parse()?,
            megabytes: megabytes.parse()?,
            peak_mib: peak.parse()?,
        })
    }
}
