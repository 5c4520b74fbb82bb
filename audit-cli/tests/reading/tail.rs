//! `audit tail`

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Stdio};

use audit_core::{Event, Outcome};
use serde_json::Value;

use super::case::{Case, on_each_database};

/// A tail, and what it prints.
struct Tail {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Tail {
    fn of(case: &Case, arguments: &[&str]) -> Self {
        let mut command = case.command(&[&["tail"], arguments].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    /// Waits for a line.
    fn next(&mut self) -> String {
        let mut line = String::new();
        self.lines.read_line(&mut line).unwrap();
        line
    }
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn it_begins_with_the_newest_goes_on_with_what_comes_and_ends_when_it_is_told_to() {
    use rustix::process::{Pid, Signal, kill_process};
    on_each_database(async |case| {
        case.record(0..20).await;
        let mut tail = Tail::of(case, &["-n", "2", "--outcome", "denied"]);
        assert!(tail.next().ends_with("invoice.approve denied u-1 invoice/15\n"));
        assert!(tail.next().ends_with("invoice.approve denied u-1 invoice/18\n"));
        // Also in a log that was not there when it began.
        let event = Event::builder("door.open").tenant("c").outcome(Outcome::Denied);
        case.recorder.record_durable(event).await.unwrap();
        assert!(tail.next().contains("cli.example/audit/standard/c 0 door.open denied -"));
        case.record(20..26).await;
        for number in [21, 24] {
            assert!(tail.next().contains(&format!("invoice/{number}")));
        }
        for signal in [Signal::TERM, Signal::INT] {
            let mut json = Tail::of(case, &["-n", "1", "--json", "--log", "standard/c"]);
            let entry: Value = serde_json::from_str(&json.next()).unwrap();
            assert_eq!(entry["event"]["action"], "door.open");
            kill_process(Pid::from_child(&json.child), signal).unwrap();
            let output = json.child.wait_with_output().unwrap();
            assert_eq!((output.status.code(), output.stderr), (Some(0), Vec::new()));
        }
        // Nothing comes any more, and nobody reads it.
        drop(tail.lines);
        assert_eq!(tail.child.wait().unwrap().code(), Some(0));
    })
    .await;
}
