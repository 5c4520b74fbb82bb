//! Checkpoints that witnesses have seen, and witnesses that do not do what they should.

use std::process::Stdio;
use std::time::Duration;

use audit_core::note::{KeyKind, Policy, SignerKey, VerifierKey};
use tokio::time::Instant;

use super::witness::{Manner, Witness};
use super::{ADOPT, Case, LOG, Running, until};

const SIGN: [&str; 7] = ["sign", "--keys", "keys", "--into", "out", "--policy", "policy"];

fn keys(case: &Case) -> Vec<VerifierKey> {
    let policy: Policy = case.text("out/policy").parse().unwrap();
    policy.logs().cloned().collect()
}

/// Two witnesses that know the logs of a signer, and whose policy asks for so many of them.
async fn case(needed: u8) -> (Case, [Witness; 2]) {
    let case = Case::new(300).await;
    case.good(&ADOPT);
    let witnesses = ["a.example", "b.example"].map(|name| Witness::start(name, keys(&case)));
    let lines: String = witnesses.iter().map(Witness::line).collect();
    let logs: String = keys(&case).iter().map(|key| format!("log {key}\n")).collect();
    let policy = format!("{logs}{lines}group all {needed} a.example b.example\nquorum all\n");
    std::fs::write(case.path("policy"), policy).unwrap();
    (case, witnesses)
}

/// How many have cosigned what is published.
fn seen(case: &Case) -> usize {
    let policy: Policy = case.text("policy").parse().unwrap();
    policy.check(&case.published().0).map_or(0, |trusted| trusted.seen.len())
}

#[tokio::test]
async fn a_checkpoint_carries_the_cosignatures_that_its_policy_asks_for() {
    let (case, [a, b]) = case(2).await;
    case.good(&SIGN);
    assert_eq!(seen(&case), 2);
    // They had seen nothing; there are two logs.
    assert!(a.asked().iter().all(|(old, _, status)| (*old, *status) == (0, 200)));
    let _ = b.asked();
    // The next process has to be told by them how far they are.
    case.record(500).await;
    case.good(&SIGN);
    assert_eq!((seen(&case), case.published().1.size), (2, 800));
    assert!(a.asked().contains(&(300, 800, 200)));
    assert!(b.asked().contains(&(0, 800, 409)));
    // The same again is cosigned again.
    case.good(&SIGN);
    assert!(a.asked().contains(&(800, 800, 200)));
    let verified = ["verify", "--policy", "policy", "--checkpoint", "out"];
    case.good(&verified);
}

#[tokio::test]
async fn a_witness_that_does_not_cosign_is_told_of_and_holds_up_only_what_needs_it() {
    for (needed, manner, why) in [
        (1, Manner::Says(500, b"<html>".to_vec()), "the status 500"),
        (2, Manner::Says(500, Vec::new()), "the status 500"),
        (2, Manner::Says(200, b"<html>".to_vec()), "signatures that are not its own"),
        (2, Manner::Says(200, b"\xff\xfe\n".to_vec()), "its answer is none"),
        (2, Manner::Says(409, b"much\n".to_vec()), "its answer is none"),
        (2, Manner::Says(409, b"1\n".to_vec()), "its answer is none"),
        (2, Manner::Wanders, "says twice"),
        (2, Manner::Says(302, Vec::new()), "the status 302"),
        (2, Manner::Says(400, Vec::new()), "the status 400"),
        (2, Manner::Says(200, vec![b'x'; 3_000_000]), "cannot be asked"),
        (2, Manner::Forges, "signatures that are not its own"),
    ] {
        let (case, [a, _b]) = case(needed).await;
        let before = case.text("out/cli.example-audit-standard.checkpoint");
        case.record(1).await;
        a.behaves(manner.clone());
        let signed = case.audit(&SIGN);
        assert_eq!(signed.code, Some(2), "{manner:?}: {}", signed.stderr);
        assert!(signed.stderr.contains("the witness a.example has not cosigned"), "{manner:?}");
        assert!(signed.stderr.contains(why), "{manner:?}: {}", signed.stderr);
        let held_back = case.text("out/cli.example-audit-standard.checkpoint") == before;
        assert_eq!(held_back, needed == 2, "{manner:?}");
        a.behaves(Manner::Honest);
        case.good(&SIGN);
        assert_eq!((seen(&case), case.published().1.size), (2, 301), "{manner:?}");
    }
}

#[tokio::test]
async fn nobody_is_waited_for_longer_than_the_deadline() {
    let (case, [a, _b]) = case(1).await;
    for manner in [Manner::Silent, Manner::Drips] {
        a.behaves(manner.clone());
        case.record(1).await;
        let start = Instant::now();
        let signed = case.audit(&[&SIGN[..], &["--witness-deadline", "1"]].concat());
        // Of two logs.
        assert!(start.elapsed() < Duration::from_secs(10), "{manner:?}: {:?}", start.elapsed());
        assert_eq!(a.asked().len(), 1, "{manner:?}: it is not asked again in the same round");
        assert_eq!(signed.code, Some(2));
        assert!(signed.stderr.contains("it cannot be asked"), "{manner:?}: {}", signed.stderr);
        assert_eq!(seen(&case), 1);
    }
}

#[tokio::test]
async fn a_witness_that_does_not_know_the_log_or_its_key_says_so() {
    let (case, [a, _b]) = case(1).await;
    a.knows(Vec::new());
    assert!(case.audit(&SIGN).stderr.contains("it does not know this log"));
    // It has not heard of the rotation.
    a.knows(keys(&case));
    let old = keys(&case).into_iter().find(|key| key.name() == LOG).unwrap().to_string();
    case.good(&["keys", "rotate", "--keys", "keys", LOG]);
    let signed = case.audit(&SIGN);
    assert!(!signed.stderr.contains("does not believe the log's key"), "both sign");
    case.good(&["keys", "revoke", "--keys", "keys", &old]);
    let signed = case.audit(&SIGN);
    assert!(signed.stderr.contains("does not believe the log's key"), "{}", signed.stderr);
}

#[tokio::test]
async fn a_witness_finds_a_history_that_was_replaced_with_the_signers_state() {
    for (events, word) in [(300, "FORKED"), (400, "FORKED"), (200, "TRUNCATED")] {
        let (case, [a, _b]) = case(1).await;
        case.good(&SIGN);
        let before = case.text("out/cli.example-audit-standard.checkpoint");
        // Somebody has the database, the signer's folder, and what is published.
        let other = Case::new(events).await;
        other.good(&ADOPT);
        for name in ["audit.db-wal", "audit.db-shm"] {
            let _ = std::fs::remove_file(case.path(name));
        }
        for name in ["audit.db", "keys/state.json", "keys/id"] {
            std::fs::copy(other.path(name), case.path(name)).unwrap();
        }
        std::fs::remove_dir_all(case.path("out")).unwrap();
        let signed = case.audit(&SIGN);
        assert_eq!(signed.code, Some(1), "{}", signed.stderr);
        assert!(signed.stderr.contains(word), "{word}: {}", signed.stderr);
        assert!(!case.path("out/cli.example-audit-standard.checkpoint").exists(), "{before}");
        assert!(
            a.asked().iter().any(|(_, size, status)| *size == u64::from(events) && *status != 200)
        );
    }
}

/// A signer that goes on, and writes into the file `told` what it has to say.
fn goes_on(case: &Case, arguments: &[&str]) -> Running {
    let told = std::fs::File::create(case.path("told")).unwrap();
    let mut command = case.command(&[&SIGN[..], arguments].concat());
    Running(command.stdout(Stdio::null()).stderr(told).spawn().unwrap())
}

#[tokio::test]
async fn a_witness_that_speaks_against_a_log_is_told_of_each_round_and_ends_nothing() {
    for (status, body) in [(422, ""), (409, "9999999\n")] {
        let (case, [a, _b]) = case(1).await;
        a.behaves(Manner::Says(status, body.into()));
        let signer = goes_on(&case, &["--every", "1"]);
        until("told", || case.text("told").matches("a.example has not cosigned").count() > 2);
        case.record(1).await;
        until("signed", || case.published().1.size == 301);
        assert_eq!(signer.interrupted(), Some(1), "{}", case.text("told"));
    }
}

#[tokio::test]
async fn a_log_does_not_wait_for_the_witness_of_another() {
    let (case, [a, _b]) = case(1).await;
    let of_audit = "out/cli.example-audit-audit.checkpoint";
    let before = case.text(of_audit);
    case.record(1).await;
    a.behaves(Manner::SilentOf(LOG.to_owned()));
    let _signer = goes_on(&case, &["--witness-deadline", "600"]);
    until("published", || case.text(of_audit) != before);
    assert_eq!(case.published().1.size, 300);
}

#[tokio::test]
async fn a_witness_with_two_keys_cosigns_by_both_in_one_answer() {
    let (case, [a, _b]) = case(1).await;
    let second = SignerKey::generate("second.example", KeyKind::Cosignature).unwrap();
    let policy = case.text("policy").replace("group", &format!("{}group", a.line_of(&second)));
    std::fs::write(case.path("policy"), policy).unwrap();
    let signed = case.audit(&SIGN);
    assert_eq!(signed.code, Some(2));
    assert!(signed.stderr.contains("the witness second.example has not cosigned"));
    assert_eq!(seen(&case), 2);
    a.signs_also_by(second);
    let _ = a.asked();
    case.good(&SIGN);
    assert_eq!(seen(&case), 3);
    // Asked once of each log, and told by it once where it was.
    assert_eq!(a.asked().len(), 4);
}

#[tokio::test]
async fn the_policy_by_which_checkpoints_are_published_is_published_with_them() {
    let (case, _witnesses) = case(2).await;
    assert!(case.text("out/policy").ends_with("quorum none\n"));
    case.good(&SIGN);
    assert_eq!(case.text("out/policy"), case.text("policy"));
    // One that lacks a key is told of, and no weaker one takes its place.
    case.good(&["keys", "rotate", "--keys", "keys", LOG]);
    let refused = case.audit(&SIGN);
    assert_eq!(refused.code, Some(2));
    assert!(refused.stderr.contains("`policy` does not name all keys"), "{}", refused.stderr);
    assert_eq!(case.text("out/policy"), case.text("policy"));
    std::fs::remove_file(case.path("out/policy")).unwrap();
    assert_eq!(case.audit(&SIGN).code, Some(2));
    assert!(!case.path("out/policy").exists());
}
