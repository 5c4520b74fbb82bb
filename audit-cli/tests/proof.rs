#![cfg(test)]
//! What is signed, kept outside, and held against a database that somebody has rewritten.

#[path = "proof/bundles.rs"]
mod bundles;

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use audit_core::store::SqliteStore;
use audit_core::{Event, Query, Recorder};
use tempfile::TempDir;

const ORIGIN: &str = "cli.example/audit";

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

    async fn record(&self, events: u32) {
        let store = SqliteStore::open(self.path("audit.db").to_str().unwrap()).await.unwrap();
        let recorder = Recorder::builder(store.clone()).origin(ORIGIN).start().await.unwrap();
        for number in 0..events {
            recorder
                .record(Event::builder("invoice.pay").resource("invoice", number.to_string()))
                .await;
        }
        recorder.shutdown(Duration::from_secs(10)).await.unwrap();
        store.close().await;
    }

    fn audit(&self, arguments: &[&str], input: &[u8]) -> Answer {
        let mut command = Command::new(env!("CARGO_BIN_EXE_audit"));
        command
            .args(arguments)
            .current_dir(&self.folder)
            .env("AUDIT_DATABASE_URL", "sqlite:audit.db");
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        // Some commands do not read it.
        let _ = child.stdin.take().unwrap().write_all(input);
        let output = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let (stdout, stderr) = (text(output.stdout), text(output.stderr));
        Answer { code: output.status.code(), stdout, stderr }
    }

    fn sign(&self) -> Answer {
        self.audit(&["sign", "--keys", "keys", "--into", "out"], b"")
    }

    fn verify(&self) -> Answer {
        self.audit(&["verify", "--policy", "out/policy", "--checkpoint", "out"], b"")
    }
}

const ADOPT: [&str; 6] = ["sign", "--keys", "keys", "--into", "out", "--adopt"];

#[tokio::test]
async fn a_log_that_is_there_is_adopted_signed_proved_and_verified_by_what_is_outside() {
    let case = Case::new(300).await;
    let refused = case.sign();
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("verify the log and adopt it"), "{}", refused.stderr);
    let signed = case.audit(&ADOPT, b"");
    assert_eq!((signed.code, &*signed.stderr), (Some(0), ""), "{}", signed.stdout);
    assert!(signed.stdout.contains("cli.example/audit/standard 300 "), "{}", signed.stdout);

    case.record(5).await;
    assert_eq!(case.sign().code, Some(0));
    let verified = case.verify();
    assert_eq!(verified.code, Some(0), "{}", verified.stdout);
    assert!(verified.stdout.contains("a checkpoint from outside for the first 305 entries"));

    // One entry, to somebody who has the keys, and no database.
    let checkpoint = "out/cli.example-audit-standard.checkpoint";
    let proof = case.audit(&["prove", "--checkpoint", checkpoint, "--index", "17"], b"");
    assert_eq!(proof.code, Some(0), "{}", proof.stderr);
    std::fs::write(case.path("17.tlog-proof"), &proof.stdout).unwrap();
    let store = SqliteStore::open(case.path("audit.db").to_str().unwrap()).await.unwrap();
    let reader = audit_core::store::Reader::new(store.clone());
    let page = reader.search(&Query::new().resource_id("17")).await.unwrap();
    let entry = page.entries.iter().find(|entry| entry.index == 17).unwrap();
    let canon = entry.canonical().to_vec();
    store.close().await;
    let check = ["verify-proof", "--policy", "out/policy", "--proof", "17.tlog-proof"];
    let checked = case.audit(&check, &canon);
    assert_eq!((checked.code, &*checked.stderr), (Some(0), ""));
    assert_eq!(checked.stdout, "entry 17 of the first 305 of cli.example/audit/standard\n");
    let other = case.audit(&check, &[&canon[..], b" "].concat());
    assert_eq!(other.code, Some(1));
    assert!(other.stderr.contains("the proof does not lead to the checkpoint"), "{}", other.stderr);
}

/// Another history, in the place of the database.
async fn rewritten(case: &Case, events: u32) {
    let other = Case::new(events).await;
    for name in ["audit.db", "audit.db-wal", "audit.db-shm"] {
        let _ = std::fs::remove_file(case.path(name));
    }
    std::fs::copy(other.path("audit.db"), case.path("audit.db")).unwrap();
}

#[tokio::test]
async fn a_database_that_was_replaced_is_found_out_by_signer_and_verifier() {
    let case = Case::new(50).await;
    assert_eq!(case.audit(&ADOPT, b"").code, Some(0));
    for (events, word) in [(50, "FORKED"), (80, "FORKED"), (20, "TRUNCATED")] {
        rewritten(&case, events).await;
        assert_eq!(case.audit(&["verify"], b"").code, Some(0), "by itself it is sound");
        let verified = case.verify();
        assert_eq!(verified.code, Some(1), "{}", verified.stdout);
        assert!(verified.stdout.contains(word), "{}", verified.stdout);
        let before = std::fs::read(case.path("out/cli.example-audit-standard.checkpoint")).unwrap();
        let signed = case.sign();
        assert_eq!(signed.code, Some(1), "{}", signed.stderr);
        let after = std::fs::read(case.path("out/cli.example-audit-standard.checkpoint")).unwrap();
        assert_eq!(after, before);
    }
}

fn replace(path: &Path, from: &str, to: &str) {
    let text = std::fs::read_to_string(path).unwrap();
    assert!(text.contains(from));
    std::fs::write(path, text.replacen(from, to, 1)).unwrap();
}

#[tokio::test]
async fn checkpoints_and_policies_that_are_none_are_named() {
    let case = Case::new(3).await;
    assert_eq!(case.audit(&ADOPT, b"").code, Some(0));
    let checkpoint = case.path("out/cli.example-audit-standard.checkpoint");
    let good = std::fs::read(&checkpoint).unwrap();
    replace(&checkpoint, "\n3\n", "\n4\n");
    let refused = case.verify();
    assert_eq!(refused.code, Some(1));
    let finding = "UNAUTHENTIC cli.example/audit/standard: the checkpoint from out/cli.example-audit-standard.checkpoint: ";
    assert!(refused.stdout.contains(finding), "{}", refused.stdout);
    assert!(refused.stdout.contains("is not for this text"), "{}", refused.stdout);
    std::fs::write(&checkpoint, &good).unwrap();
    replace(&case.path("out/policy"), "log ", "lag ");
    let refused = case.verify();
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("line 1 of the policy"), "{}", refused.stderr);
    let gone = case.audit(&["verify", "--policy", "none", "--checkpoint", "none"], b"");
    assert_eq!(gone.code, Some(2));
    assert!(gone.stderr.contains("`none`"), "{}", gone.stderr);
}

#[tokio::test]
async fn a_signer_that_goes_on_signs_what_comes_and_one_round_tells_of_a_log_that_is_another() {
    let case = Case::new(3).await;
    assert_eq!(case.audit(&ADOPT, b"").code, Some(0));
    let mut command = Command::new(env!("CARGO_BIN_EXE_audit"));
    command.args(["sign", "--keys", "keys", "--into", "out", "--every", "1"]);
    command.current_dir(&case.folder).env("AUDIT_DATABASE_URL", "sqlite:audit.db");
    let mut signer = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    case.record(4).await;
    let signed = || std::fs::read_to_string(case.path("out/cli.example-audit-standard.checkpoint"));
    let eventually = async {
        while signed().unwrap().lines().nth(1) != Some("7") {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), eventually).await.unwrap();
    // Only one signs.
    let second = case.sign();
    assert_eq!(second.code, Some(2));
    assert!(second.stderr.contains("another signer uses"), "{}", second.stderr);
    signer.kill().unwrap();
    signer.wait().unwrap();
    rewritten(&case, 9).await;
    let ended = case.audit(&["sign", "--keys", "keys", "--into", "out"], b"");
    assert_eq!(ended.code, Some(1), "{}", ended.stderr);
    assert_eq!(signed().unwrap().lines().nth(1), Some("7"));
}

#[tokio::test]
async fn a_signers_folder_from_a_backup_signs_no_other_history_than_what_is_published() {
    for (further, word) in [(2, "TRUNCATED"), (6, "FORKED")] {
        let case = Case::new(3).await;
        assert_eq!(case.audit(&ADOPT, b"").code, Some(0));
        let path = |name| case.path("keys").join(name);
        let kept = ["state.json", "keys"].map(|name| std::fs::read(path(name)).unwrap());
        let database = std::fs::read(case.path("audit.db")).unwrap();
        case.record(4).await;
        assert_eq!(case.sign().code, Some(0));
        // Both come back from one backup, and the log goes on in another way.
        for name in ["audit.db-wal", "audit.db-shm"] {
            let _ = std::fs::remove_file(case.path(name));
        }
        std::fs::write(case.path("audit.db"), database).unwrap();
        for (name, text) in ["state.json", "keys"].iter().zip(&kept) {
            std::fs::write(path(name), text).unwrap();
        }
        case.record(further).await;
        let signed = case.sign();
        assert_eq!(signed.code, Some(1), "{}", signed.stdout);
        assert!(signed.stderr.contains(word), "{}", signed.stderr);
        let published = case.path("out/cli.example-audit-standard.checkpoint");
        let published = std::fs::read_to_string(published).unwrap();
        assert_eq!(published.lines().nth(1), Some("7"));
        // Nothing of it is taken for what was signed.
        assert_eq!(std::fs::read(path("state.json")).unwrap(), kept[0]);
        assert_eq!(case.verify().code, Some(1));
    }
}

#[tokio::test]
async fn a_log_that_the_policy_names_must_be_compared() {
    let case = Case::new(3).await;
    assert_eq!(case.audit(&ADOPT, b"").code, Some(0));
    std::fs::remove_file(case.path("out/cli.example-audit-audit.checkpoint")).unwrap();
    let refused = case.verify();
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("no checkpoint is given for the log cli.example/audit/audit"));
}

#[tokio::test]
async fn a_log_from_an_old_backup_is_quarantined_and_goes_on_under_a_name_of_its_own() {
    let case = Case::new(3).await;
    assert_eq!(case.audit(&ADOPT, b"").code, Some(0));
    std::fs::copy(case.path("audit.db"), case.path("backup.db")).unwrap();
    case.record(4).await;
    assert_eq!(case.sign().code, Some(0));
    std::fs::copy(case.path("backup.db"), case.path("audit.db")).unwrap();

    let signed = case.sign();
    assert_eq!(signed.code, Some(1), "{}", signed.stderr);
    assert!(signed.stderr.contains("TRUNCATED: the log cli.example/audit/standard has 3 entries"));
    // Nobody needs a checkpoint to see that.
    let verified = case.audit(&["verify"], b"");
    assert_eq!(verified.code, Some(1));
    assert!(verified.stdout.contains("the log is quarantined"), "{}", verified.stdout);

    let log = "cli.example/audit/standard";
    for log in [log, "cli.example/audit/audit"] {
        let done = case.audit(&["db", "continue", log], b"");
        assert_eq!(done.code, Some(0), "{}", done.stderr);
        assert_eq!(done.stdout, format!("{log} is frozen, and {log}@2 goes on\n"));
    }
    case.record(2).await;
    let verified = case.audit(&["verify"], b"");
    assert_eq!(verified.code, Some(0), "{}", verified.stdout);
    let found = case.audit(&["search", "--action", "invoice.pay", "--limit", "1"], b"");
    assert!(found.stdout.contains("standard@2 2 invoice.pay"), "{}", found.stdout);
    // What was signed and is gone stays gone, and told.
    let signed = case.sign();
    assert_eq!(signed.code, Some(1), "{}", signed.stderr);
    assert!(signed.stdout.contains("cli.example/audit/standard@2 3 "), "{}", signed.stdout);
    let none = case.audit(&["db", "continue", "cli.example/audit/none"], b"");
    assert_eq!(none.code, Some(2));
    assert!(none.stderr.contains("there is no such log"), "{}", none.stderr);
}
