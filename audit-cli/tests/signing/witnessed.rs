//! Checkpoints that witnesses have seen, and witnesses that do not do what they should.

use std::time::{Duration, Instant};

use audit_core::note::{Policy, VerifierKey};

use super::witness::{Manner, Witness};
use super::{ADOPT, Case, LOG};

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
        for name in ["audit.db", "keys/state.json"] {
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
