//! The program `writer` as its own process.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Duration;

/// Nothing that is waited for takes longer.
const DEADLINE: Duration = Duration::from_secs(120);

/// A process that is not left behind when a test fails.
pub(crate) struct Writer {
    child: Child,
    said: Receiver<String>,
}

/// What a process said about its jobs.
#[derive(Default)]
pub(crate) struct Said {
    /// Acknowledged: these are in the log.
    pub(crate) done: BTreeSet<String>,
    /// These may be.
    pub(crate) doubt: BTreeSet<String>,
}

impl Writer {
    pub(crate) fn start(
        database: &str,
        name: &str,
        jobs: impl IntoIterator<Item = String>,
    ) -> Self {
        Self::start_with(&[database, name], jobs)
    }

    /// With a spool.
    pub(crate) fn start_with(arguments: &[&str], jobs: impl IntoIterator<Item = String>) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_writer"));
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut jobs = jobs.into_iter().collect::<Vec<_>>().join("\n");
        jobs.push('\n');
        let mut stdin = child.stdin.take().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (say, said) = mpsc::channel();
        thread::spawn(move || {
            // It may be killed before it has read them.
            let _ = stdin.write_all(jobs.as_bytes());
            drop(stdin);
            for line in stdout.lines() {
                // Whoever started it may have failed meanwhile.
                let _ = say.send(line.unwrap());
            }
        });
        Self { child, said }
    }

    /// Waits for the end, which must be a good one.
    pub(crate) fn wait(mut self) -> Said {
        let said = self.hear(usize::MAX);
        assert!(self.child.wait().unwrap().success());
        said
    }

    /// What it says about so many of its jobs.
    pub(crate) fn hear_some(&mut self, jobs: usize) -> Said {
        let said = self.hear(jobs);
        assert_eq!(said.done.len() + said.doubt.len(), jobs, "it has come to its end by itself");
        said
    }

    /// Ends the process by SIGKILL as soon as so many of its jobs are done, in the middle of the next.
    pub(crate) fn kill_after(mut self, jobs: usize) -> Said {
        let mut said = self.hear_some(jobs);
        self.child.kill().unwrap();
        assert_eq!(self.child.wait().unwrap().code(), None);
        let rest = self.hear(usize::MAX);
        said.done.extend(rest.done);
        said.doubt.extend(rest.doubt);
        said
    }

    fn hear(&mut self, lines: usize) -> Said {
        let mut said = Said::default();
        for _ in 0..lines {
            let line = match self.said.recv_timeout(DEADLINE) {
                Ok(line) => line,
                Err(mpsc::RecvTimeoutError::Disconnected) => break,
                Err(mpsc::RecvTimeoutError::Timeout) => panic!("the process says nothing"),
            };
            let (word, job) = line.split_once(' ').unwrap();
            let jobs = if word == "done" { &mut said.done } else { &mut said.doubt };
            assert!(jobs.insert(job.to_owned()), "twice: {line}");
        }
        said
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        // It has ended already, if all went well.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
