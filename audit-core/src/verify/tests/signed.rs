//! Who signs logs, and what of that is kept in the database.

use super::FindingKind::{Forked, Stale, Unauthentic};
use super::*;
use crate::merkle::{Frontier, leaf_hash};
use crate::note::{Checkpoint, KeyKind, Policy, Revoked, SignedNote, SignerKey};
use crate::store::{LogId, SignedCheckpoint};

/// One that signs a log.
pub(super) struct Key(pub(super) SignerKey);

impl Key {
    pub(super) fn of(origin: &str) -> Self {
        Self(SignerKey::generate(origin, KeyKind::Ed25519).unwrap())
    }

    /// Signs the first entries of its log, which must be there, or all.
    pub(super) fn note(&self, log: &Tampered, size: u64) -> SignedNote {
        let origin = self.0.public().name();
        let id = LogId::of(origin);
        let mut tree = run(log.head(id)).unwrap().frontier;
        if tree.size() != size {
            tree = Frontier::new();
            for row in run(log.read(id, 0, u32::try_from(size).unwrap())).unwrap() {
                tree.push(leaf_hash(&row.canon)).unwrap();
            }
        }
        self.sign(size, tree.root())
    }

    pub(super) fn sign(&self, size: u64, root: crate::merkle::Hash) -> SignedNote {
        let origin = self.0.public().name().to_owned();
        let checkpoint = Checkpoint { origin, size, root, extensions: Vec::new() };
        SignedNote::new(checkpoint.to_string()).unwrap().signed(&self.0, at(9))
    }
}

/// A note as it is kept in the database.
pub(super) fn kept(note: &SignedNote) -> SignedCheckpoint {
    let Checkpoint { size, root, .. } = note.text().parse().unwrap();
    SignedCheckpoint { size, root, note: note.to_string(), signed_at: at(9) }
}

/// Verifies with a policy that names these keys, and with checkpoints from outside.
pub(super) fn verified(log: &Tampered, keys: &[&Key], notes: &[&SignedNote]) -> Report {
    let policy = Policy::of_logs(keys.iter().map(|key| key.0.public().clone()));
    believing(log, policy, notes)
}

fn believing(log: &Tampered, policy: Policy, notes: &[&SignedNote]) -> Report {
    let mut verification = Verification::of(&Reader::new(log.clone())).policy(policy);
    for note in notes {
        verification = verification.checkpoint((*note).clone(), "a test");
    }
    run(verification.run()).unwrap()
}

#[test]
fn of_a_log_that_the_policy_does_not_name_no_kept_checkpoint_is_looked_at() {
    let mut log = log(300);
    let (own, other) = (Key::of(ORIGIN), Key::of("other.example/audit/standard"));
    log.kept = vec![kept(&own.note(&log, 200))];
    let report = verified(&log, &[&other], &[]);
    assert_eq!((places(&report), report.logs[0].kept), (vec![], 0));
    let report = verified(&log, &[&own], &[]);
    assert_eq!((places(&report), report.logs[0].kept), (vec![], 1));
    let stranger = Key::of(ORIGIN);
    assert_eq!(places(&verified(&log, &[&stranger], &[])), [(Unauthentic, None)]);
}

#[test]
fn what_a_key_signed_before_it_was_revoked_at_less_says_nothing_unless_the_log_is_another_one() {
    let mut log = log(300);
    let (old, new) = (Key::of(ORIGIN), Key::of(ORIGIN));
    let revoked = Revoked::default().with(old.0.public().clone(), 100);
    let policy = Policy::of_logs([new.0.public().clone()]).revoking(revoked);
    let whole = new.note(&log, 300);
    let honest = [50, 100, 101, 256, 299].map(|size| kept(&old.note(&log, size)));
    log.kept = honest.to_vec();
    let found = |log: &Tampered| {
        let report = believing(log, policy.clone(), &[&whole]);
        (places(&report), report.logs[0].kept)
    };
    assert_eq!(found(&log), (vec![], 2));
    let forged = old.sign(256, leaf_hash(b"another history"));
    log.kept[3] = kept(&forged);
    assert_eq!(found(&log), (vec![(Unauthentic, None)], 2));
    let forged = old.sign(50, leaf_hash(b"another history"));
    log.kept = vec![kept(&forged)];
    assert_eq!(found(&log), (vec![(Forked, None)], 1));
    // Nobody knows of such entries.
    let forged = old.sign(301, leaf_hash(b"another history"));
    log.kept = vec![kept(&forged)];
    assert_eq!(found(&log), (vec![(Unauthentic, None)], 0));
}

#[test]
fn a_witness_from_the_future_does_not_hide_that_the_others_are_silent() {
    let log = log(20);
    let key = Key::of(ORIGIN);
    let witness = SignerKey::generate("witness.example", KeyKind::Cosignature).unwrap();
    let policy = Policy::of_logs([key.0.public().clone()]).with_witness(witness.public().clone());
    let now = crate::clock::Clock::now(&crate::clock::SystemClock::new());
    for (ahead, found) in [(240, vec![]), (86_400, vec![(Stale, None)])] {
        let note = key.note(&log, 20).signed(&witness, now + Duration::from_secs(ahead));
        let verification = Verification::of(&Reader::new(log.clone()));
        let verification = verification.policy(policy.clone()).checkpoint(note, "a test");
        let verification = verification.stale_after(Duration::from_secs(3_600));
        assert_eq!(places(&run(verification.run()).unwrap()), found, "{ahead}");
    }
}
