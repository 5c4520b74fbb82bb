//! What an application serves under load from another process: bare, traced, audited.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use super::median;
use crate::cargo::{cargo, program};
use crate::{Done, impossible};

const BUILD: &str = "bench -p audit-tests --locked --bench load";

/// How often all are loaded in turns, and for how many seconds each.
const ROUNDS: usize = 3;
const SECONDS: &str = "6s";

/// What is served: for the reader, and for the program.
const ROWS: [(&str, &str); 5] = [
    ("bare", "bare"),
    ("TraceLayer and #[instrument], JSON into a file", "traced"),
    ("AuditLayer and #[audited], into SQLite", "audited"),
    ("the same, durable", "durable"),
    ("one INSERT and commit for each request", "single"),
];

/// What one load has shown.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Shown {
    rate: f64,
    /// Milliseconds within which 99 of 100 requests were answered.
    slow: f64,
    /// MiB.
    peak: f64,
    answered: u64,
    recorded: u64,
}

pub(crate) fn run(root: &Path) -> Done {
    // It has no option of the sort, and says its version where it finds none.
    if Command::new("wrk").arg("--version").output().is_err() {
        return Err(impossible("wrk is missing: install it, as by `apt-get install wrk`"));
    }
    cargo(root, &[], BUILD, &["--no-run"])?;
    let mut all = vec![Vec::new(); ROWS.len()];
    for round in 1..=ROUNDS {
        for ((row, case), shown) in ROWS.iter().zip(&mut all) {
            let folder = root.join("target").join(format!("load-{case}-{round}"));
            let done = std::fs::create_dir_all(&folder)
                .map_err(|error| impossible(&format!("cannot make {}: {error}", folder.display())))
                .and_then(|()| load(root, case, &folder));
            let removed = std::fs::remove_dir_all(&folder);
            let one = done?;
            removed.map_err(|error| impossible(&format!("{}: {error}", folder.display())))?;
            println!("round {round}: {row}: {:.0}/s", one.rate);
            shown.push(one);
        }
    }
    println!("\n{}", table(&all));
    Ok(())
}

/// Starts the application, loads it, and stops it.
fn load(root: &Path, case: &str, folder: &Path) -> Result<Shown, u8> {
    let failed = |what: String| impossible(&format!("loading `{case}`: {what}"));
    let mut server = Command::new(program())
        .args(BUILD.split_whitespace())
        .args(["--", case])
        .arg(folder)
        .current_dir(root)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .map_err(|error| failed(format!("cannot run cargo: {error}")))?;
    let loaded = ask(&mut server, &failed);
    // Whatever came of it: its input ends here, and so does it.
    drop(server.stdin.take());
    let (wrk, mut output) = loaded?;
    let mut told = String::new();
    let read = output.read_to_string(&mut told);
    read.map_err(|error| failed(error.to_string()))?;
    let ended = server.wait().is_ok_and(|status| status.success());
    shown(&wrk, &told).filter(|_| ended).ok_or_else(|| failed(format!("it told:\n{wrk}\n{told}")))
}

fn ask(
    server: &mut Child,
    failed: &impl Fn(String) -> u8,
) -> Result<(String, BufReader<ChildStdout>), u8> {
    let output = server.stdout.take().ok_or_else(|| failed("it has no output".to_owned()))?;
    let mut output = BufReader::new(output);
    let mut line = String::new();
    output.read_line(&mut line).map_err(|error| failed(error.to_string()))?;
    let port = line.trim().strip_prefix("port ").ok_or_else(|| failed(format!("told `{line}`")))?;
    let url = format!("http://127.0.0.1:{port}/invoices/7");
    let wrk = Command::new("wrk")
        .args(["-t1", "-c32", "--latency", "-d", SECONDS, &url])
        .output()
        .map_err(|error| failed(format!("cannot run wrk: {error}")))?;
    Ok((String::from_utf8_lossy(&wrk.stdout).into_owned(), output))
}

/// What is in the words of wrk and of the server. Nothing where a request was refused or broken off.
fn shown(wrk: &str, server: &str) -> Option<Shown> {
    if wrk.contains("Non-2xx") || wrk.contains("Socket errors") {
        return None;
    }
    let after = |text: &str, name: &str| {
        let (_, rest) = text.split_once(name)?;
        rest.split_whitespace().next().map(str::to_owned)
    };
    let number = |name| after(server, name)?.parse::<u32>().ok();
    Some(Shown {
        rate: after(wrk, "Requests/sec:")?.parse().ok()?,
        // Not the per cents of other lines.
        slow: milliseconds(&after(wrk.split_once("Latency Distribution")?.1, "99%")?)?,
        peak: f64::from(number("peak ")?) / 1024.0,
        answered: number("answered ")?.into(),
        recorded: number("recorded ")?.into(),
    })
}

/// As wrk writes a time: `812.00us`, `3.10ms`, `1.20s`.
fn milliseconds(text: &str) -> Option<f64> {
    let units = [("us", 0.001), ("ms", 1.0), ("s", 1_000.0)];
    units.iter().find_map(|(unit, factor)| {
        text.strip_suffix(unit)?.parse::<f64>().ok().map(|number| number * factor)
    })
}

fn table(all: &[Vec<Shown>]) -> String {
    let middle = |shown: &[Shown], what: fn(&Shown) -> f64| {
        median(&shown.iter().map(what).collect::<Vec<_>>())
    };
    let bare = all.first().map_or(f64::NAN, |shown| middle(shown, |one| one.rate));
    let mut lines = format!(
        "{:<48}{:>12}{:>8}{:>9}{:>10}{:>11}{:>11}",
        "32 connections", "requests/s", "ratio", "99% ms", "peak MiB", "answered", "recorded"
    );
    for ((row, _), shown) in ROWS.iter().zip(all) {
        let rate = middle(shown, |one| one.rate);
        let sum = |what: fn(&Shown) -> u64| shown.iter().map(what).sum::<u64>();
        lines += &format!(
            "\n{row:<48}{rate:>12.0}{:>8.2}{:>9.1}{:>10.0}{:>11}{:>11}",
            rate / bare,
            middle(shown, |one| one.slow),
            shown.iter().map(|one| one.peak).fold(0.0, f64::max),
            sum(|one| one.answered),
            sum(|one| one.recorded),
        );
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    const WRK: &str = "Running 6s test @ http://127.0.0.1:1/\n  1 threads and 32 connections\n  \
        Thread Stats   Avg      Stdev     Max   +/- Stdev\n    Latency     1.00ms    2.00ms  10.00ms   96.99%\n    \
        Latency Distribution\n     50%  812.00us\n     75%    1.00ms\n     90%    2.00ms\n     99%    3.10ms\n  \
        100 requests in 6.00s, 1.00MB read\nRequests/sec:  16543.21\nTransfer/sec:  1.00MB\n";
    const SERVER: &str = "answered 100\nrecorded 100\npeak 20480\n";

    #[test]
    fn what_wrk_and_the_server_tell_is_read() {
        let expected =
            Shown { rate: 16543.21, slow: 3.1, peak: 20.0, answered: 100, recorded: 100 };
        assert_eq!(shown(WRK, SERVER), Some(expected));
        assert_eq!(shown(&WRK.replace("3.10ms", "1.20s"), SERVER).unwrap().slow, 1_200.0);
        assert_eq!(shown(&format!("{WRK}  Non-2xx or 3xx responses: 7\n"), SERVER), None);
        assert_eq!(shown(WRK, ""), None);
    }

    #[test]
    fn rates_are_told_beside_the_bare_one() {
        let one = |rate| Shown { rate, slow: 1.0, peak: 20.0, answered: 10, recorded: 9 };
        let table = table(&[vec![one(2.0), one(100.0), one(50.0)], vec![one(25.0)]]);
        let last: Vec<_> = table.lines().last().unwrap().split_whitespace().rev().collect();
        assert_eq!(last[..6], ["9", "10", "20", "1.0", "0.50", "25"]);
    }
}
