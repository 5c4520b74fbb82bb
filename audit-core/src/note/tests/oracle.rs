//! The same by an implementation made elsewhere: `signed_note`.

use signed_note::{Note, StandardSigner, StandardVerifier, VerifierList};

use super::*;

#[test]
fn each_takes_the_keys_and_the_notes_of_the_other() {
    for seed in 1..50 {
        let ours = key(ORIGIN, KeyKind::Ed25519, seed);
        let note = note(u64::from(seed) * 1_000_003).signed(&ours, at(0));

        let theirs = StandardVerifier::new(&ours.public().to_string()).unwrap();
        let read = Note::from_bytes(note.to_string().as_bytes()).unwrap();
        let (known, unknown) = read.verify(&VerifierList::new(vec![Box::new(theirs)])).unwrap();
        assert_eq!((known.len(), unknown.len()), (1, 0));

        let signer = StandardSigner::new(&ours.to_secret_text()).unwrap();
        let mut written = Note::new(note.text().as_bytes(), &[]).unwrap();
        written.add_sigs(&[&signer]).unwrap();
        // Ed25519 leaves no choice.
        assert_eq!(written.to_bytes(), note.to_string().as_bytes());
    }
}
