//! From key to key, with entries that say so.

use std::fs;

use tempfile::TempDir;

use super::*;
use crate::Event;
use crate::clock::Clock as _;
use crate::event::Producer;
use crate::note::{Policy, Refused, Revoked, SignedNote};
use crate::signer::{FolderError, Keys, SignError, Tree};
use crate::store::{Leaf, MemoryStore, Reader, SignedCheckpoint, Store as _};

const BASE: &str = "billing.example/audit";
const LOG: &str = "billing.example/audit/standard";

struct Case {
    store: MemoryStore,
    folder: TempDir,
}

impl Case {
    /// Two logs, and a signer's folder that knows of them.
    async fn new() -> Self {
        let (store, folder) = (MemoryStore::new(), tempfile::tempdir().unwrap());
        for class in ["audit", "standard"] {
            store.open_log(&format!("{BASE}/{class}"), class).await.unwrap();
        }
        let case = Self { store, folder };
        drop(case.signer().await);
        case.append(3).await;
        case
    }

    async fn signer(&self) -> Signer {
        Signer::open(Reader::new(self.store.clone()), self.folder.path()).await.unwrap()
    }

    async fn append(&self, count: u64) {
        let producer = Producer::new("test");
        for number in 0..count {
            let event = Event::builder("a.b").build().unwrap();
            let leaf = Leaf::of(&event, &producer, number);
            self.store.append(LogId::of(LOG), &[leaf], event.occurred_at()).await.unwrap();
        }
    }

    /// What the log `audit` says, oldest first.
    async fn said(&self) -> Vec<serde_json::Value> {
        let id = LogId::of(&format!("{BASE}/audit"));
        let rows = self.store.read(id, 0, 100).await.unwrap();
        rows.iter().map(|row| serde_json::from_slice(&row.canon).unwrap()).collect()
    }

    fn file(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap()
    }
}

/// The checkpoint of the log `standard`, when nothing is refused.
async fn signed(signer: &mut Signer) -> SignedNote {
    let signed = signer.sign().await.unwrap();
    assert!(signed.refused.is_empty(), "{:?}", signed.refused);
    let note = signed.notes.into_iter().find(|note| note.text().starts_with(LOG));
    note.unwrap()
}

fn who(note: &SignedNote, keys: &[&VerifierKey]) -> Vec<bool> {
    let signed = |key: &&VerifierKey| note.verified(&[(*key).clone()]).is_ok();
    keys.iter().map(signed).collect()
}

#[tokio::test]
async fn a_key_takes_over_from_another_that_says_so_first() {
    let case = Case::new().await;
    let mut signer = case.signer().await;
    let alone = signed(&mut signer).await;
    let old = signer.keys().find(|key| key.name() == LOG).unwrap().clone();
    let before = signer.policy();

    let new = signer.rotate(LOG).await.unwrap();
    let said = case.said().await;
    assert_eq!((said.len(), &said[0]["action"]), (1, &"audit.key.rotated".into()));
    let (metadata, label) = (&said[0]["metadata"], &said[0]["labels"]["log"]);
    assert_eq!((&metadata["log"], label), (&LOG.into(), &LOG.into()));
    assert_eq!(metadata["old"], old.to_string());
    assert_eq!(metadata["new"], new.to_string());
    // It does not sign alone before there is a checkpoint under the old one of what says so.
    let refused = signer.revoke(&old, None).await.unwrap_err();
    assert!(matches!(&refused, KeysError::Unannounced(key) if *key == new.to_string()));
    let refused = signer.rotate(LOG).await.unwrap_err();
    assert!(matches!(&refused, KeysError::Overlap(log) if log == LOG));

    case.append(2).await;
    let both = signed(&mut signer).await;
    assert_eq!(who(&both, &[&old, &new]), [true, true]);
    // Verifiers with the old policy, and those with the new one.
    assert!(before.check(&both).is_ok() && signer.policy().check(&both).is_ok());
    assert!(signer.policy().check(&alone).is_ok());
    drop(signer);

    let mut signer = case.signer().await;
    assert_eq!(signer.revoke(&old, None).await.unwrap(), 5);
    let said = case.said().await.pop().unwrap();
    assert_eq!(said["action"], "audit.key.revoked");
    assert_eq!((&said["metadata"]["size"], &said["metadata"]["log"]), (&5.into(), &LOG.into()));
    assert_eq!(said["metadata"]["key"], old.to_string());
    case.append(1).await;
    let last = signed(&mut signer).await;
    assert_eq!(who(&last, &[&old, &new]), [false, true]);
    let policy = signer.policy();
    assert!([&alone, &both, &last].iter().all(|note| policy.check(note).is_ok()));
    // The secret is gone, and so it is from the policy.
    assert!(!policy.to_string().contains(&old.to_string()));
    assert_eq!(case.file("revoked"), format!("revoked {old} 5\n"));
    let ids = case
        .file("keys")
        .lines()
        .map(|line| line.contains(&hex::encode(old.id())))
        .collect::<Vec<_>>();
    assert_eq!(ids, [false, false]);
}

#[tokio::test]
async fn a_state_without_a_checkpoint_that_left_does_not_announce_a_key() {
    let case = Case::new().await;
    let mut signer = case.signer().await;
    let _ = signed(&mut signer).await;
    let old = signer.keys().find(|key| key.name() == LOG).unwrap().clone();
    signer.rotate(LOG).await.unwrap();
    // As after a crash between the state and the signature.
    let audit = format!("{BASE}/audit");
    let head = case.store.head(LogId::of(&audit)).await.unwrap();
    let (size, root) = (head.frontier.size(), head.root);
    let mut state = signer.state.clone();
    state.logs.insert(audit.clone(), Tree { size, frontier: head.frontier.to_bytes() });
    signer.save(state).unwrap();
    let refused = signer.revoke(&old, None).await.unwrap_err();
    assert!(matches!(refused, KeysError::Unannounced(_)), "{refused}");
    // Nor does what somebody else has put there.
    let note = format!("{audit}\n{size}\n{root}\n\n\u{2014} {audit} AAAAAAAA\n");
    let forged = SignedCheckpoint { size, root, note, signed_at: SystemClock::new().now() };
    case.store.keep_checkpoint(LogId::of(&audit), &forged).await.unwrap();
    let refused = signer.revoke(&old, None).await.unwrap_err();
    assert!(matches!(refused, KeysError::Unannounced(_)), "{refused}");
    let _ = signed(&mut signer).await;
    signer.revoke(&old, None).await.unwrap();
}

#[tokio::test]
async fn what_whoever_has_the_old_key_signs_beyond_its_size_is_refused() {
    let case = Case::new().await;
    let mut signer = case.signer().await;
    let _ = signed(&mut signer).await;
    let old = signer.keys().find(|key| key.name() == LOG).unwrap().clone();
    // A copy of the folder, as a thief has it.
    let (thief, stolen) = (Case::new().await, case.file("keys"));
    let _ = thief.signer().await.sign().await.unwrap();
    fs::write(thief.folder.path().join("keys"), stolen).unwrap();

    signer.rotate(LOG).await.unwrap();
    let _ = signed(&mut signer).await;
    let size = signer.revoke(&old, Some(2)).await.unwrap();
    let policy = signer.policy();
    assert_eq!((size, policy.revoked().size(&old)), (2, Some(2)));
    thief.append(1).await;
    let forged = signed(&mut thief.signer().await).await;
    let refused = policy.check(&forged).unwrap_err();
    assert!(matches!(refused, Refused::Revoked { good: 2, size: 4, .. }), "{refused}");
    // Who has the policy alone does not even know the key.
    let elsewhere: Policy = policy.to_string().parse().unwrap();
    assert!(elsewhere.check(&forged).is_err());
}

#[tokio::test]
async fn a_key_that_was_revoked_signs_no_more_even_where_its_secret_is_still_there() {
    let case = Case::new().await;
    let mut signer = case.signer().await;
    let _ = signed(&mut signer).await;
    let old = signer.keys().find(|key| key.name() == LOG).unwrap().clone();
    signer.rotate(LOG).await.unwrap();
    let (_, both) = (signed(&mut signer).await, case.file("keys"));
    signer.revoke(&old, None).await.unwrap();
    drop(signer);
    // As after a loss of power between the one file and the other.
    fs::write(case.folder.path().join("keys"), both).unwrap();
    let note = signed(&mut case.signer().await).await;
    assert_eq!(who(&note, &[&old]), [false]);
    fs::write(case.folder.path().join("revoked"), "revoked x 7\n").unwrap();
    let reader = Reader::new(case.store.clone());
    let refused = Signer::open(reader, case.folder.path()).await.unwrap_err();
    assert!(matches!(refused, SignError::Folder(FolderError::Revoked { .. })), "{refused}");
}

#[tokio::test]
async fn what_cannot_be_rotated_or_revoked_is_refused_and_leaves_no_entry() {
    let case = Case::new().await;
    let mut signer = case.signer().await;
    let _ = signed(&mut signer).await;
    let old = signer.keys().find(|key| key.name() == LOG).unwrap().clone();
    let refused = signer.rotate("billing.example/audit/other").await.unwrap_err();
    assert!(matches!(refused, KeysError::NoKey(_)), "{refused}");
    let refused = signer.revoke(&old, None).await.unwrap_err();
    assert!(matches!(refused, KeysError::OnlyKey(_)), "{refused}");
    assert!(case.said().await.is_empty());
    signer.rotate(LOG).await.unwrap();
    let _ = signed(&mut signer).await;
    let refused = signer.revoke(&old, Some(4)).await.unwrap_err();
    assert!(matches!(refused, KeysError::Unsigned { size: 4, signed: 3, .. }), "{refused}");
    let stranger = Keys::new_cosigner(tempfile::tempdir().unwrap(), LOG).unwrap();
    let refused = signer.revoke(&stranger, None).await.unwrap_err();
    assert!(matches!(refused, KeysError::NoKey(_)), "{refused}");
    assert_eq!(case.said().await.len(), 1);
    // Of two, the one that came last can go as well: then all is as it was.
    let new = signer.keys().filter(|key| key.name() == LOG).last().unwrap().clone();
    signer.revoke(&new, None).await.unwrap();
    assert_eq!(who(&signed(&mut signer).await, &[&old, &new]), [true, false]);
}

#[tokio::test]
async fn a_log_without_a_log_beside_it_has_nowhere_to_say_so() {
    let (store, folder) = (MemoryStore::new(), tempfile::tempdir().unwrap());
    store.open_log("bill/audit", "audit").await.unwrap();
    let reader = Reader::new(store);
    drop(Signer::open(reader.clone(), folder.path()).await.unwrap());
    Keys::new_log(folder.path(), LOG).unwrap();
    let mut signer = Signer::open(reader, folder.path()).await.unwrap();
    let refused = signer.rotate(LOG).await.unwrap_err();
    assert!(matches!(refused, KeysError::NoLog(_)), "{refused}");
}

#[tokio::test]
async fn keys_are_made_before_their_logs_where_a_signer_has_been() {
    let case = Case::new().await;
    let folder = case.folder.path();
    let later = "billing.example/audit/security";
    let key = Keys::new_log(folder, later).unwrap();
    let refused = Keys::new_log(folder, later).unwrap_err();
    assert!(matches!(refused, KeysError::HasKey(_)), "{refused}");
    let refused = Keys::new_log(tempfile::tempdir().unwrap(), later).unwrap_err();
    assert!(matches!(refused, KeysError::NoSigner), "{refused}");
    let mut signer = case.signer().await;
    let refused = Keys::new_log(folder, "another").unwrap_err();
    assert!(matches!(refused, KeysError::Folder(FolderError::InUse(_))), "{refused}");
    let _ = signed(&mut signer).await;
    assert_eq!(signer.keys().filter(|other| **other == key).count(), 1);
    // Who only looks disturbs nobody.
    assert_eq!(Keys::read(folder).unwrap().logs().count(), 2);
}

#[tokio::test]
async fn a_cosigner_dates_each_checkpoint_of_each_log() {
    let case = Case::new().await;
    let cosigner = Keys::new_cosigner(case.folder.path(), "time.billing.example").unwrap();
    for name in ["time.billing.example", "none"] {
        let refused = Keys::new_cosigner(case.folder.path(), name).unwrap_err();
        assert!(matches!(refused, KeysError::HasKey(_)), "{refused}");
    }
    let mut signer = case.signer().await;
    signer.rotate(LOG).await.unwrap_err();
    let _ = signed(&mut signer).await;
    signer.rotate(LOG).await.unwrap();
    let notes = signer.sign().await.unwrap().notes;
    let policy: Policy = signer.policy().to_string().parse().unwrap();
    assert_eq!(notes.len(), 2);
    for note in &notes {
        let seen = policy.check(note).unwrap().seen;
        let (name, at) = seen.first().unwrap();
        assert_eq!((seen.len(), name.as_str()), (1, cosigner.name()));
        assert!((SystemClock::new().now() - *at).num_seconds().abs() < 60);
    }
    // It is no key of a log, and revokes none.
    assert_eq!(signer.keys().filter(|key| **key == cosigner).count(), 0);
    assert!("".parse::<Revoked>().unwrap().size(&cosigner).is_none());
}
