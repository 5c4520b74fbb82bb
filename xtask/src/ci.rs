//! What a change must pass, in one command.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::command::Cargo;
use crate::{Failure, check, test};

type Step = (&'static str, fn(&Path) -> Result<(), Failure>);

// The fast ones first. All run, also after one has failed: a change with two faults is told of both.
const STEPS: [Step; 5] = [
    ("format", |root| Cargo::new("fmt --all --check").run(root)),
    ("clippy", |root| {
        Cargo::new("clippy --workspace --all-targets --all-features --locked -- -D warnings")
            .run(root)
    }),
    ("docs", |root| {
        Cargo::new("doc --workspace --all-features --no-deps --locked")
            .variable("RUSTDOCFLAGS", "-D warnings")
            .run(root)
    }),
    ("check", check::run),
    ("test", |root| test::once(root, &[])),
];

pub(crate) fn run(root: &Path) -> Result<(), Failure> {
    run_steps(&STEPS, root)
}

/// Runs all steps, prints the table, and answers with the first failure.
fn run_steps(steps: &[Step], root: &Path) -> Result<(), Failure> {
    let mut rows = Vec::new();
    let mut result = Ok(());
    for (name, step) in steps {
        println!("\n== {name}");
        let start = now();
        let outcome = step(root);
        rows.push((*name, start.elapsed(), outcome.is_ok()));
        if let Err(Failure::Impossible(text)) = &outcome {
            eprintln!("xtask: {name}: {text}");
        }
        result = result.and(outcome);
    }
    println!("\n{}", table(&rows));
    result
}

#[expect(
    clippy::disallowed_methods,
    reason = "how long a step takes is for the reader of this run; no audited time is made here"
)]
fn now() -> Instant {
    Instant::now()
}

fn table(rows: &[(&str, Duration, bool)]) -> String {
    let line = |(name, time, passed): &(&str, Duration, bool)| {
        let mark = if *passed { "" } else { "  FAILED" };
        format!("{name:<8}{:>9.1}{mark}", time.as_secs_f64())
    };
    let total: Duration = rows.iter().map(|(_, time, _)| *time).sum();
    let mut lines = vec![format!("{:<8}{:>9}", "step", "seconds")];
    lines.extend(rows.iter().map(line));
    lines.push(format!("{:<8}{:>9.1}", "all", total.as_secs_f64()));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_tells_the_time_of_each_step_and_which_failed() {
        let rows = [
            ("format", Duration::from_millis(1_240), true),
            ("test", Duration::from_millis(61_000), false),
        ];
        let expected = "\
step      seconds
format        1.2
test         61.0  FAILED
all          62.2";
        assert_eq!(table(&rows), expected);
    }

    #[test]
    fn a_failed_step_does_not_stop_the_others_and_the_first_failure_counts() {
        static RAN: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let steps: [Step; 3] = [
            ("one", |_| Err(Failure::Command(7))),
            ("two", |_| {
                RAN.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                Ok(())
            }),
            ("three", |_| Err(Failure::Findings)),
        ];
        assert_eq!(run_steps(&steps, Path::new(".")), Err(Failure::Command(7)));
        assert_eq!(RAN.load(std::sync::atomic::Ordering::Relaxed), 1);
    }
}
