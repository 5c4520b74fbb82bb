//! What is asked of a witness, and what its answers mean.

use super::*;

fn witness(seed: u8) -> SignerKey {
    key("w.example", KeyKind::Cosignature, seed)
}

fn asked(old: u64, size: u64) -> AddCheckpoint {
    let proof = (0..old.min(3)).map(|n| crate::merkle::leaf_hash(&n.to_be_bytes())).collect();
    let checkpoint = note(size).signed(&key(ORIGIN, KeyKind::Ed25519, 1), at(0));
    AddCheckpoint { old, proof, checkpoint }
}

/// What a witness answers that cosigns a checkpoint of this size.
fn line(size: u64, seed: u8) -> String {
    let cosigned = note(size).signed(&witness(seed), at(9));
    format!("{}\n", cosigned.signatures()[0])
}

#[test]
fn what_is_asked_has_one_spelling() {
    for (old, size) in [(0, 0), (0, 7), (3, 7), (7, 7)] {
        let asked = asked(old, size);
        assert_eq!(asked.to_string().parse::<AddCheckpoint>().unwrap(), asked);
    }
    let text = asked(3, 7).to_string();
    let hash = text.lines().nth(1).unwrap().to_owned();
    let many = |count| text.replacen(&hash, &vec![&*hash; count].join("\n"), 1);
    assert!(many(61).parse::<AddCheckpoint>().is_ok());
    for wrong in [
        String::new(),
        many(62),
        text.replacen("old 3", "old 03", 1),
        text.replacen("old 3", "old  3", 1),
        text.replacen("old 3", "new 3", 1),
        text.replacen("old 3\n", "", 1),
        text.replacen(&hash, hash.trim_end_matches('='), 1),
        text.replacen("\n\n", "\n", 1),
        text.trim_end().to_owned(),
    ] {
        assert!(wrong.parse::<AddCheckpoint>().is_err(), "{wrong}");
    }
}

#[test]
fn a_cosignature_is_taken_over_and_those_of_others_are_not() {
    let asked = asked(3, 7);
    let body = [line(7, 3), line(7, 2), line(7, 4)].concat();
    let Answer::Cosigned(note) = asked.answered(200, body.as_bytes(), witness(2).public()).unwrap()
    else {
        panic!("not cosigned");
    };
    assert_eq!(note.signatures().len(), 2);
    let policy = Policy::of_logs([key(ORIGIN, KeyKind::Ed25519, 1).public().clone()]);
    let policy = policy.with_witness(witness(2).public().clone());
    assert_eq!(policy.check(&note).unwrap().seen, [("w.example".to_owned(), at(9))]);
}

#[test]
fn an_answer_that_says_something_else_is_no_cosignature() {
    let (asked, key) = (asked(3, 7), witness(2).public().clone());
    let too_many = line(7, 2).repeat(101);
    for (body, why) in [
        (line(8, 2), WitnessError::Note(NoteError::Wrong("w.example".to_owned()))),
        (line(7, 3), WitnessError::Note(NoteError::Unsigned)),
        (String::new(), WitnessError::Note(NoteError::Signatures)),
        (line(7, 2).trim_end().to_owned(), WitnessError::Note(NoteError::Signatures)),
        (line(7, 2) + "\n", WitnessError::Note(NoteError::Signatures)),
        (format!("more\n\n{}", line(7, 2)), WitnessError::Answer),
        ("<html>".to_owned(), WitnessError::Note(NoteError::Signatures)),
        ("\0".to_owned(), WitnessError::Note(NoteError::Signatures)),
        (too_many, WitnessError::Note(NoteError::TooLarge)),
    ] {
        assert_eq!(asked.answered(200, body.as_bytes(), &key), Err(why), "{body}");
    }
    assert_eq!(asked.answered(200, b"\xff\n", &key), Err(WitnessError::Answer));
}

#[test]
fn each_status_has_its_meaning_and_some_speak_against_the_log() {
    let key = witness(2).public().clone();
    let answered = |old, status, body: &str| asked(old, 7).answered(status, body.as_bytes(), &key);
    assert_eq!(answered(0, 409, "3\n"), Ok(Answer::Seen(3)));
    assert_eq!(answered(3, 409, "0\n"), Ok(Answer::Seen(0)));
    assert_eq!(answered(0, 409, "7\n"), Ok(Answer::Seen(7)));
    for (old, status, body, why, speaks) in [
        (0, 409, "8\n", WitnessError::Ahead { seen: 8, size: 7 }, true),
        (7, 409, "7\n", WitnessError::Forked, true),
        (7, 409, "", WitnessError::Forked, true),
        (3, 409, "3\n", WitnessError::Answer, false),
        (3, 409, "", WitnessError::Answer, false),
        (0, 409, "03\n", WitnessError::Answer, false),
        (0, 409, "3", WitnessError::Answer, false),
        (3, 422, "", WitnessError::Forked, true),
        (0, 403, "", WitnessError::UnknownKey, false),
        (0, 404, "", WitnessError::UnknownLog, false),
        (0, 400, "", WitnessError::Status(400), false),
        (0, 302, "", WitnessError::Status(302), false),
        (0, 500, "", WitnessError::Status(500), false),
    ] {
        let refused = answered(old, status, body).unwrap_err();
        assert_eq!((refused.is_finding(), &refused), (speaks, &why), "{old} {status} {body}");
    }
}
