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

#[test]
fn while_a_log_goes_from_key_to_key_one_of_two_that_are_named_is_enough() {
    let (old, new) = (key(ORIGIN, KeyKind::Ed25519, 1), key(ORIGIN, KeyKind::Ed25519, 2));
    let text = format!("log {}\nlog {}\nquorum none\n", old.public(), new.public());
    let both: Policy = text.parse().unwrap();
    let of = |keys: &[&SignerKey]| keys.iter().fold(note(7), |note, key| note.signed(key, at(0)));
    for keys in [&[&old, &new][..], &[&old], &[&new]] {
        assert_eq!(both.check(&of(keys)).unwrap().checkpoint, checkpoint(7));
    }
    // Who has one of them only can go on as long as both sign.
    for only in [&old, &new] {
        assert!(Policy::of_logs([only.public().clone()]).check(&of(&[&old, &new])).is_ok());
    }
    // A wrong signature of either speaks against the note.
    let wrong = note(8).signed(&old, at(0)).signatures()[0].clone();
    let refused = both.check(&of(&[&new]).with(wrong)).unwrap_err();
    assert_eq!(refused, Refused::Note(NoteError::Wrong(ORIGIN.to_owned())));
}

#[test]
fn a_key_that_was_revoked_is_good_up_to_a_size() {
    let (old, new) = (key(ORIGIN, KeyKind::Ed25519, 1), key(ORIGIN, KeyKind::Ed25519, 2));
    let revoked = Revoked::default().with(old.public().clone(), 7);
    let by_old = |size| note(size).signed(&old, at(0));
    // Whether the policy still names it, or not any more.
    for keys in [vec![&old, &new], vec![&new], vec![&old], vec![]] {
        let policy = Policy::of_logs(keys.iter().map(|key| key.public().clone()));
        let policy = policy.revoking(revoked.clone());
        for size in [0, 1, 6, 7] {
            assert_eq!(policy.check(&by_old(size)).unwrap().checkpoint.size, size);
        }
        for size in [8, 9, u64::MAX] {
            let key = Box::new(old.public().clone());
            let refused = policy.check(&by_old(size));
            assert_eq!(refused, Err(Refused::Revoked { key, good: 7, size }), "{size}");
            // Nor does it speak against what the other key signs, whatever it has signed.
            let wrong = by_old(1).signatures()[0].clone();
            let other = note(size).signed(&new, at(0)).with(wrong);
            let is_named = policy.logs().any(|key| key == new.public());
            assert_eq!(policy.check(&other).is_ok(), is_named, "{size}");
        }
    }
    // To those who know of policies only, it is a stranger.
    let policy = Policy::of_logs([new.public().clone()]).revoking(revoked);
    let elsewhere: Policy = policy.to_string().parse().unwrap();
    assert_eq!(elsewhere.check(&by_old(7)), Err(Refused::Note(NoteError::Unsigned)));
}

#[test]
fn of_a_key_that_is_revoked_twice_the_smaller_size_counts() {
    let old = key(ORIGIN, KeyKind::Ed25519, 1);
    let once = Revoked::default().with(old.public().clone(), 7);
    assert_eq!(once.clone().with(old.public().clone(), 9), once);
    assert_eq!(once.with(old.public().clone(), 3).size(old.public()), Some(3));
}

#[test]
fn what_does_not_revoke_a_key_is_refused_with_its_line() {
    let log = key(ORIGIN, KeyKind::Ed25519, 1).public().to_string();
    let cosigner = witness(10).public().to_string();
    let good = format!("# gone\n\n revoked\t{log}  7 \n");
    let read: Revoked = good.parse().unwrap();
    assert_eq!(read.to_string(), format!("revoked {log} 7\n"));
    assert!("".parse::<Revoked>().unwrap().is_empty());
    for (text, line) in [
        (format!("revoked {log}\n"), 1),
        (format!("revoked {log} 07\n"), 1),
        (format!("revoked {log} -1\n"), 1),
        (format!("revoked {log} 18446744073709551616\n"), 1),
        (format!("revoked {log} 7 8\n"), 1),
        (format!("revoked {} 7\n", log.split_at(1).1), 1),
        (format!("revoked {cosigner} 7\n"), 1),
        (format!("{good}log {log}\n"), 4),
        (format!("{good}revoked {log} 8\n"), 4),
        (format!("revoked {log} 7\r\n"), 1),
        ("\n".repeat(10_000), 10_001),
    ] {
        let refused = text.parse::<Revoked>().unwrap_err();
        assert_eq!(refused.line, line, "{refused}: {}", text.chars().take(200).collect::<String>());
    }
}

#[test]
fn a_cosigner_says_when_and_nobody_asks_for_it() {
    let (log, cosigner) = (key(ORIGIN, KeyKind::Ed25519, 1), witness(10));
    let policy = Policy::of_logs([log.public().clone()]).with_witness(cosigner.public().clone());
    assert_eq!(policy.to_string().parse::<Policy>().unwrap(), policy);
    let signed = note(7).signed(&log, at(0));
    assert_eq!(policy.check(&signed).unwrap().seen, []);
    let dated = policy.check(&signed.signed(&cosigner, at(1_000))).unwrap();
    assert_eq!(dated.seen, [("w10.example".to_owned(), at(1_000))]);
}
