//! What a change must pass, in one command.

use std::path::Path;
use std::time::{Duration, Instant};

use crate::cargo::{cargo, test};
use crate::{Done, check};

type Step = (&'static str, fn(&Path) -> Done);

// The fast ones first. All run, also after one has failed: a change with two faults is told of both.
const STEPS: [Step; 6] = [
    ("format", |root| cargo(root, &[], "fmt --all --check", &[])),
    ("clippy", |root| {
        let arguments = "clippy --workspace --all-targets --all-features --locked -- -D warnings";
        cargo(root, &[], arguments, &[])
    }),
    ("docs", |root| {
        let arguments = "doc --workspace --all-features --no-deps --locked";
        cargo(root, &[("RUSTDOCFLAGS", "-D warnings")], arguments, &[])
    }),
    ("check", check::run),
    // It has a lock of its own, which a new dependency must come into.
    ("fuzz", |root| cargo(root, &[], "fetch --locked --manifest-path fuzz/Cargo.toml", &[])),
    ("test", |root| test(root, &[])),
];

pub(crate) fn run(root: &Path) -> Done {
    let (table, result) = run_steps(&STEPS, root);
    println!("\n{table}");
    result
}

/// The table, and the first failure.
#[expect(
    clippy::disallowed_methods,
    reason = "how long a step takes is for the reader of this run; no audited time is made here"
)]
fn run_steps(steps: &[Step], root: &Path) -> (String, Done) {
    let mut table = "step      seconds\n".to_owned();
    let mut total = Duration::ZERO;
    let mut result = Ok(());
    for (name, step) in steps {
        println!("\n== {name}");
        let start = Instant::now();
        let outcome = step(root);
        let time = start.elapsed();
        total += time;
        let mark = if outcome.is_ok() { "" } else { "  FAILED" };
        table += &format!("{name:<8}{:>9.1}{mark}\n", time.as_secs_f64());
        result = result.and(outcome);
    }
    table += &format!("{:<8}{:>9.1}", "all", total.as_secs_f64());
    (table, result)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_step_does_not_stop_the_others_and_the_first_failure_counts() {
        let steps: [Step; 3] = [("a", |_| Err(7)), ("b", |_| Ok(())), ("c", |_| Err(1))];
        let expected = "\
step      seconds
a             0.0  FAILED
b             0.0
c             0.0  FAILED
all           0.0";
        let (table, result) = run_steps(&steps, Path::new("."));
        assert_eq!((table.as_str(), result), (expected, Err(7)));
    }
}
