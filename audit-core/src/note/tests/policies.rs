//! Whom a policy believes.

use super::*;

fn witness(seed: u8) -> SignerKey {
    key(&format!("w{seed}.example"), KeyKind::Cosignature, seed)
}

fn line(seed: u8) -> String {
    format!("witness W{seed} {}\n", witness(seed).public())
}

fn cosigned(seeds: impl IntoIterator<Item = u8>) -> SignedNote {
    let log = note(7).signed(&key(ORIGIN, KeyKind::Ed25519, 1), at(0));
    seeds.into_iter().fold(log, |note, seed| note.signed(&witness(seed), at(seed.into())))
}

#[test]
fn a_quorum_of_groups_is_counted_from_below() {
    let log = key(ORIGIN, KeyKind::Ed25519, 1);
    let witnesses: String = (10..16).map(line).collect();
    let policy = format!(
        "# whom we trust\n\nlog {} https://log.example/\n{witnesses}\
         group X 2 W10 W11 W12\n\tgroup Y any W13 W14 W15 \ngroup X-and-Y all X Y\nquorum X-and-Y\n",
        log.public()
    );
    let policy: Policy = policy.parse().unwrap();
    assert_eq!(policy.to_string().parse::<Policy>().unwrap(), policy);
    let trusted = policy.check(&cosigned([10, 12, 15])).unwrap();
    assert_eq!(trusted.checkpoint, checkpoint(7));
    let seen: Vec<_> = trusted.seen.iter().map(|(name, at)| (&**name, at.timestamp())).collect();
    assert_eq!(seen, [("w10.example", 10), ("w12.example", 12), ("w15.example", 15)]);
    for (seeds, seen) in [(&[10, 11, 12][..], 3), (&[10, 13], 2), (&[13, 14, 15], 3), (&[], 0)] {
        let refused = policy.check(&cosigned(seeds.iter().copied())).unwrap_err();
        assert_eq!(refused, Refused::Quorum(seen), "{seeds:?}");
    }
    // One witness that signs twice is one.
    assert_eq!(policy.check(&cosigned([10, 10, 15])), Err(Refused::Quorum(2)));
    // A stranger's cosignature says nothing, a wrong one of a witness speaks against the note.
    assert_eq!(policy.check(&cosigned([40, 41, 42])), Err(Refused::Quorum(0)));
    let wrong = note(8).signed(&witness(10), at(0)).signatures()[0].clone();
    let wrong = policy.check(&cosigned([11, 12, 13]).with(wrong)).unwrap_err();
    assert_eq!(wrong, Refused::Note(NoteError::Wrong("w10.example".to_owned())));
}

#[test]
fn a_log_signs_under_its_own_name_only() {
    let (one, other) =
        (key(ORIGIN, KeyKind::Ed25519, 1), key("other.example", KeyKind::Ed25519, 2));
    let policy = Policy::of_logs([one.public().clone(), other.public().clone()]);
    assert!(policy.check(&note(7).signed(&one, at(0))).is_ok());
    let refused = policy.check(&note(7).signed(&other, at(0))).unwrap_err();
    assert_eq!(refused, Refused::Note(NoteError::Unsigned));
    let only = Policy::of_logs([other.public().clone()]);
    let refused = only.check(&note(7).signed(&one, at(0))).unwrap_err();
    assert_eq!(refused, Refused::Log(ORIGIN.to_owned()));
    let no_checkpoint = SignedNote::new("a\n").unwrap().signed(&one, at(0));
    assert_eq!(only.check(&no_checkpoint), Err(Refused::Checkpoint(CheckpointError)));
}

#[test]
fn what_is_no_policy_is_refused_with_its_line() {
    let log = key(ORIGIN, KeyKind::Ed25519, 1).public().to_string();
    let (w1, w2) = (line(10), line(11));
    let cosigner = witness(10).public().to_string();
    for (text, line) in [
        (String::new(), 1),
        (format!("log {log}\n"), 2),
        (format!("log {log}\nquorum none\nquorum none\n"), 3),
        (format!("log {log}\nlog {log}\nquorum none\n"), 2),
        (format!("log {cosigner}\nquorum none\n"), 1),
        (format!("log {log} https://a b\nquorum none\n"), 1),
        (format!("log {}\nquorum none\n", log.split_at(1).1), 1),
        (format!("witness W {log}\nquorum none\n"), 1),
        (format!("witness none {cosigner}\nquorum none\n"), 1),
        (format!("{w1}{}quorum none\n", w1.replace("W10", "W99")), 2),
        (format!("{w1}{}quorum none\n", w2.replace("W11", "W10")), 2),
        (format!("{w1}quorum W11\n{w2}"), 2),
        (format!("{w1}group G any W11\nquorum none\n"), 2),
        (format!("{w1}group G any\nquorum none\n"), 2),
        (format!("{w1}group G 0 W10\nquorum none\n"), 2),
        (format!("{w1}group G 2 W10\nquorum none\n"), 2),
        (format!("{w1}group G 1 W10 W10\nquorum none\n"), 2),
        (format!("{w1}group W10 1 W10\nquorum none\n"), 2),
        (format!("{w1}group G all G\nquorum none\n"), 2),
        (format!("{w1}group G all W10\ngroup H all W10\nquorum none\n"), 3),
        (format!("{w1}group G some W10\nquorum none\n"), 2),
        ("quorum none\nbelieve me\n".to_owned(), 2),
        ("quorum none\r\n".to_owned(), 1),
        (format!("quorum none\n{}", "\n".repeat(10_000)), 10_002),
    ] {
        let refused = text.parse::<Policy>().unwrap_err();
        assert_eq!(refused.line, line, "{refused}: {}", text.chars().take(200).collect::<String>());
    }
}
