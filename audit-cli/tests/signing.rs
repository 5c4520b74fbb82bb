#![cfg(test)]
//! `audit sign` and `audit keys` as an operator uses them: keys that follow one another, disks that are full, witnesses, and
//! texts that are none.

#[path = "signing/anchors.rs"]
mod anchors;
#[path = "signing/bad_input.rs"]
mod bad_input;
#[path = "signing/full_disk.rs"]
mod full_disk;
#[path = "signing/keys.rs"]
mod keys;
#[path = "signing/witness.rs"]
mod witness;
#[path = "signing/witnessed.rs"]
mod witnessed;

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use audit_core::note::{Checkpoint, SignedNote};
use audit_core::store::SqliteStore;
use audit_core::{Event, Recorder};
use tempfile::TempDir;
use tokio::time::Instant;

const ORIGIN: &str = "cli.example/audit";
const LOG: &str = "cli.example/audit/standard";

/// A database with logs, and a place for a signer.
struct Case {
    folder: TempDir,
}

struct Answer {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

impl Case {
    async fn new(events: u32) -> Self {
        let case = Self { folder: tempfile::tempdir().unwrap() };
        case.record(events).await;
        case
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    async fn record(&self, events: u32) {
        let store = SqliteStore::open(self.path("audit.db").to_str().unwrap()).await.unwrap();
        let recorder = Recorder::builder(store.clone()).origin(ORIGIN).start().await.unwrap();
        for number in 0..events {
            let event = Event::builder("invoice.pay").resource("invoice", number.to_string());
            recorder.record(event).await;
        }
        recorder.shutdown(Duration::from_secs(10)).await.unwrap();
        store.close().await;
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_audit"));
        command.args(arguments).current_dir(&self.folder);
        command.env("AUDIT_DATABASE_URL", "sqlite:audit.db").stdin(Stdio::null());
        command
    }

    fn audit(&self, arguments: &[&str]) -> Answer {
        let output = self.command(arguments).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let (stdout, stderr) = (text(output.stdout), text(output.stderr));
        Answer { code: output.status.code(), stdout, stderr }
    }

    /// What it prints, where all is well.
    fn good(&self, arguments: &[&str]) -> String {
        let Answer { code, stdout, stderr } = self.audit(arguments);
        assert_eq!((code, &*stderr), (Some(0), ""), "{arguments:?}: {stdout}");
        stdout
    }

    /// What is published of the log `standard`.
    fn published(&self) -> (SignedNote, Checkpoint) {
        let note: SignedNote =
            self.text("out/cli.example-audit-standard.checkpoint").parse().unwrap();
        let checkpoint = note.text().parse().unwrap();
        (note, checkpoint)
    }
}

/// A process that is not left behind when a test fails.
struct Running(Child);

impl Running {
    /// Interrupts it, and waits for its end.
    fn interrupted(mut self) -> Option<i32> {
        let id = self.0.id().to_string();
        assert!(Command::new("kill").args(["-INT", &id]).status().unwrap().success());
        self.0.wait().unwrap().code()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn until(what: &str, is_so: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_so() {
        assert!(start.elapsed() < Duration::from_secs(60), "not {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

const SIGN: [&str; 5] = ["sign", "--keys", "keys", "--into", "out"];
const ADOPT: [&str; 6] = ["sign", "--keys", "keys", "--into", "out", "--adopt"];
const VERIFY: [&str; 5] = ["verify", "--policy", "out/policy", "--checkpoint", "out"];
