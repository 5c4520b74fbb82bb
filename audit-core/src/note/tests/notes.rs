//! Keys, notes, checkpoints and proofs: what is taken, what is refused.

use proptest::prelude::*;

use super::*;
use crate::merkle::{Tile, TileId, Tiles, inclusion_proof, leaf_hash};

#[test]
fn a_key_is_its_text_and_no_text_near_it_is_a_key() {
    for kind in [KeyKind::Ed25519, KeyKind::Cosignature] {
        let secret = SignerKey::generate("example.com/log", kind).unwrap();
        let (vkey, skey) = (secret.public().to_string(), secret.to_secret_text());
        assert_eq!(vkey.parse::<VerifierKey>().unwrap().to_string(), vkey);
        assert_eq!(skey.parse::<SignerKey>().unwrap().to_secret_text(), skey);
        assert_eq!(skey.parse::<SignerKey>().unwrap().public(), secret.public());
        assert_refused_around(&vkey, |text| text.parse::<VerifierKey>().is_err());
        assert_refused_around(&skey, |text| text.parse::<SignerKey>().is_err());
        assert!(!format!("{secret:?}").contains(skey.split_at(skey.len() - 40).1));
    }
}

/// Every proper part, and every text with one byte more by one, or one bit else.
pub(super) fn assert_refused_around(text: &str, is_refused: impl Fn(&str) -> bool) {
    for start in 0..text.len() {
        for end in start..=text.len() {
            let part = text.get(start..end).unwrap();
            assert!(part == text || is_refused(part), "{part}");
        }
    }
    for i in 0..text.len() {
        let changed: Vec<Vec<u8>> = (0..8)
            .map(|bit| 1 << bit)
            .map(|mask| {
                [&text.as_bytes()[..i], &[text.as_bytes()[i] ^ mask], &text.as_bytes()[i + 1..]]
                    .concat()
            })
            .chain([[
                &text.as_bytes()[..i],
                &[text.as_bytes()[i].wrapping_add(1)],
                &text.as_bytes()[i + 1..],
            ]
            .concat()])
            .collect();
        for changed in changed.iter().filter_map(|bytes| std::str::from_utf8(bytes).ok()) {
            assert!(is_refused(changed), "{changed}");
        }
    }
}

#[test]
fn a_name_that_cannot_stand_in_a_note_is_no_name_of_a_key() {
    for name in ["", "a b", "a+b", "a\nb", "a\u{a0}b", "a\u{0}b"] {
        assert_eq!(SignerKey::generate(name, KeyKind::Ed25519).unwrap_err(), KeyError::Name);
    }
}

#[test]
fn a_note_is_its_text_and_no_changed_note_is_believed() {
    let (log, witness) =
        (key(ORIGIN, KeyKind::Ed25519, 1), key("w.example", KeyKind::Cosignature, 2));
    let note = note(7).signed(&log, at(1_000)).signed(&witness, at(1_000));
    let text = note.to_string();
    assert_eq!(text.parse::<SignedNote>().unwrap(), note);
    let keys = [log.public().clone(), witness.public().clone()];
    let signed = note.verified(&keys).unwrap();
    assert_eq!((signed[0].by, signed[0].at), (&keys[0], None));
    assert_eq!((signed[1].by, signed[1].at), (&keys[1], Some(at(1_000))));

    // Whatever byte is changed: it is no note, or one that does not say the same any more.
    let intact = |text: &str| match text.parse::<SignedNote>() {
        Ok(read) => read.text() == note.text() && read.verified(&keys).is_ok_and(|s| s.len() == 2),
        Err(_) => false,
    };
    assert!(intact(&text));
    for i in 0..text.len() {
        for mask in [1, 2, 32, 128] {
            let mut bytes = text.clone().into_bytes();
            bytes[i] ^= mask;
            if let Ok(changed) = String::from_utf8(bytes) {
                assert!(!intact(&changed), "{changed}");
            }
        }
    }
}

#[test]
fn a_note_that_was_cut_off_or_stands_twice_is_not_believed() {
    let (log, other) = (key(ORIGIN, KeyKind::Ed25519, 1), key(ORIGIN, KeyKind::Ed25519, 2));
    let note = note(7).signed(&other, at(0)).signed(&log, at(0)).to_string();
    let keys = [log.public().clone()];
    let is_believed =
        |text: &[u8]| SignedNote::try_from(text).is_ok_and(|read| read.verified(&keys).is_ok());
    assert!(is_believed(note.as_bytes()));
    for end in 0..note.len() {
        assert!(!is_believed(&note.as_bytes()[..end]), "{end}");
        // Its beginning is missing.
        assert!(end == 0 || !is_believed(&note.as_bytes()[end..]), "{end}");
    }
    for count in [2, 3, 1_000] {
        assert!(!is_believed(note.repeat(count).as_bytes()), "{count}");
    }
}

#[test]
fn signatures_of_others_say_nothing_and_a_wrong_one_of_a_trusted_key_is_told() {
    let (log, other) = (key(ORIGIN, KeyKind::Ed25519, 1), key(ORIGIN, KeyKind::Ed25519, 2));
    let trusted = [log.public().clone()];
    let by_other = note(7).signed(&other, at(0));
    assert_eq!(by_other.verified(&trusted), Err(NoteError::Unsigned));
    assert_eq!(by_other.clone().signed(&log, at(0)).verified(&trusted).unwrap().len(), 1);
    assert_eq!(note(7).verified(&trusted), Err(NoteError::Unsigned));
    let moved = note(8).with(note(7).signed(&log, at(0)).signatures()[0].clone());
    assert_eq!(moved.verified(&trusted), Err(NoteError::Wrong(ORIGIN.to_owned())));
}

#[test]
fn the_time_of_a_cosignature_is_signed() {
    let witness = key("w.example", KeyKind::Cosignature, 2);
    let line = note(7).signed(&witness, at(1_000)).signatures()[0].clone();
    let mut later = line.clone();
    later.signature[7] ^= 1;
    let keys = [witness.public().clone()];
    assert!(note(7).with(line).verified(&keys).is_ok());
    assert!(note(7).with(later).verified(&keys).is_err());
}

#[test]
fn what_is_no_note_is_refused() {
    let good = note(7).signed(&key(ORIGIN, KeyKind::Ed25519, 1), at(0)).to_string();
    let (text, line) = good.split_once("\n\n").unwrap();
    let line = line.trim_end();
    let doubled = format!("{text}\n\n{line}\n\n{line}\n");
    assert_eq!(doubled.parse::<SignedNote>().unwrap().text(), format!("{text}\n\n{line}\n"));
    for (note, why) in [
        (String::new(), NoteError::Signatures),
        (text.to_owned(), NoteError::Signatures),
        (format!("{text}\n{line}\n"), NoteError::Signatures),
        (format!("{text}\n\n{line}"), NoteError::Signatures),
        (format!("{text}\n\n"), NoteError::Signatures),
        (format!("{text}\n\n{line}\n\n"), NoteError::Signatures),
        (format!("{text}\n\n{}\n", line.replace('\u{2014}', "-")), NoteError::Signatures),
        (format!("{text}\n\n{}\n", line.trim_end_matches('=')), NoteError::Signatures),
        (format!("{text}\n\n\u{2014} a AAAAAA==\n"), NoteError::Signatures),
        (format!("{text}\r\n\n{line}\n"), NoteError::Text),
        (format!("a\0\n\n{line}\n"), NoteError::Text),
        (format!("{}\n\n{line}\n", "x".repeat(MAX_NOTE)), NoteError::TooLarge),
        (format!("{text}\n\n{}", format!("{line}\n").repeat(101)), NoteError::TooLarge),
    ] {
        assert_eq!(
            note.parse::<SignedNote>().unwrap_err(),
            why,
            "{}",
            note.chars().take(90).collect::<String>()
        );
    }
    assert!(format!("{text}\n\n{}", format!("{line}\n").repeat(100)).parse::<SignedNote>().is_ok());
    assert_eq!(SignedNote::try_from(&b"\xff\n\n"[..]), Err(NoteError::Text));
}

#[test]
fn a_checkpoint_has_one_spelling() {
    let good = checkpoint(7).to_string();
    let root = good.lines().nth(2).unwrap();
    assert_eq!(good.parse::<Checkpoint>().unwrap(), checkpoint(7));
    let extended = format!("{good}more\n");
    assert_eq!(extended.parse::<Checkpoint>().unwrap().to_string(), extended);
    for wrong in [
        String::new(),
        good.trim_end().to_owned(),
        format!("\n7\n{root}\n"),
        format!("{ORIGIN}\n07\n{root}\n"),
        format!("{ORIGIN}\n+7\n{root}\n"),
        format!("{ORIGIN}\n-0\n{root}\n"),
        format!("{ORIGIN}\n18446744073709551616\n{root}\n"),
        format!("{ORIGIN}\n7\n{}\n", root.trim_end_matches('=')),
        format!("{ORIGIN}\n7\n{}\n", root.split_at(4).1),
        format!("{ORIGIN}\n7\n"),
        format!("{good}\n"),
        format!("{good}\nmore\n"),
    ] {
        assert!(wrong.parse::<Checkpoint>().is_err(), "{wrong:?}");
    }
}

#[test]
fn a_proof_stands_for_itself_and_for_nothing_else() {
    let leaves: Vec<_> = (0..5_u8).map(|number| leaf_hash(&[number])).collect();
    let tile = Tile::new(leaves.clone()).unwrap();
    let root = tile.root();
    let mut tiles = Tiles::new();
    tiles.insert(TileId { level: 0, index: 0 }, tile);
    let log = key(ORIGIN, KeyKind::Ed25519, 1);
    let checkpoint = Checkpoint { root, ..checkpoint(5) };
    let note = SignedNote::new(checkpoint.to_string()).unwrap().signed(&log, at(0));
    let policy = Policy::of_logs([log.public().clone()]);
    for (index, leaf) in (0..).zip(&leaves) {
        let hashes = inclusion_proof(&tiles, index, 5).unwrap();
        for extra in [None, Some(Vec::new()), Some(b"more".to_vec())] {
            let proof = Proof { extra, index, hashes: hashes.clone(), checkpoint: note.clone() };
            let read: Proof = proof.to_string().parse().unwrap();
            assert_eq!(read, proof);
            assert_eq!(read.verify(*leaf, &policy).unwrap().checkpoint, checkpoint);
            let other = leaf_hash(b"other");
            assert!(matches!(read.verify(other, &policy), Err(Refused::Proof(_))));
        }
    }
    let other = Policy::of_logs([key(ORIGIN, KeyKind::Ed25519, 2).public().clone()]);
    let proof = Proof {
        extra: None,
        index: 0,
        hashes: inclusion_proof(&tiles, 0, 5).unwrap(),
        checkpoint: note,
    };
    assert_eq!(proof.verify(leaves[0], &other), Err(Refused::Note(NoteError::Unsigned)));
    let text = proof.to_string();
    let hash = text.lines().nth(2).unwrap();
    for (from, to) in [
        ("c2sp.org/tlog-proof@v1", "c2sp.org/tlog-proof@v2"),
        ("index 0", "index 00"),
        ("index 0", "extra !\nindex 0"),
        ("index 0", "indexes 0"),
        (hash, hash.split_at(4).1),
        (hash, &format!("{hash}\n").repeat(65)),
        ("\n\n", "\n"),
    ] {
        assert!(text.replacen(from, to, 1).parse::<Proof>().is_err(), "{from} {to}");
    }
}

proptest! {
    #[test]
    fn no_text_brings_a_parser_down_and_what_is_read_is_written_to_the_byte(
        text in "(\u{2014} |[a-z]{0,4}|\n|[+=A-Za-z0-9/]{0,44}|log |quorum none|witness |group |any |index [0-9]{1,3}|extra |c2sp.org/tlog-proof@v1| ){0,24}",
    ) {
        if let Ok(read) = text.parse::<SignedNote>() { prop_assert_eq!(read.to_string(), text.clone()) }
        if let Ok(read) = text.parse::<Checkpoint>() { prop_assert_eq!(read.to_string(), text.clone()) }
        if let Ok(read) = text.parse::<Proof>() { prop_assert_eq!(read.to_string(), text.clone()) }
        if let Ok(read) = text.parse::<VerifierKey>() { prop_assert_eq!(read.to_string(), text.clone()) }
        if let Ok(read) = text.parse::<Policy>() {
            prop_assert_eq!(read.to_string().parse::<Policy>().unwrap(), read);
        }
    }
}
