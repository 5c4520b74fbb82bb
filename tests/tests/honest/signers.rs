//! Those who sign, and what is known of it outside of the database.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use audit_core::note::{Checkpoint, Policy, Revoked, SignedNote, VerifierKey};
use audit_core::signer::{FolderError, SignError, Signatures, Signer};
use audit_core::store::{Reader, StoreError, StoreErrorKind};
use audit_core::verify::Verification;
use tempfile::TempDir;

use crate::Dice;

/// Files of a signer's folder, those of them that there are.
const FILES: [&str; 4] = ["keys", "revoked", "id", "state.json"];

pub(super) struct Signers {
    reader: Reader,
    root: TempDir,
    /// The one that acts. Nothing while it is not there.
    first: Option<Signer>,
    /// Copies of its folder.
    copies: Vec<TempDir>,
    has_second: bool,
    pub(super) outside: Outside,
}

/// What people keep where nobody who writes to the database does: all keys that they were ever given, what was revoked, the latest
/// checkpoint of each log, and some of the earlier ones.
#[derive(Clone, Default)]
pub(super) struct Outside {
    keys: BTreeMap<String, VerifierKey>,
    revoked: Revoked,
    latest: BTreeMap<String, SignedNote>,
    earlier: Vec<SignedNote>,
}

impl Signers {
    pub(super) async fn new(reader: Reader) -> Self {
        let root = tempfile::tempdir().unwrap();
        let first = Signer::open(reader.clone(), root.path().join("first")).await.unwrap();
        let (copies, outside) = (Vec::new(), Outside::default());
        Self { reader, root, first: Some(first), copies, has_second: false, outside }
    }

    /// The first one signs, and nothing of its own is refused.
    pub(super) async fn sign(&mut self, dice: &mut Dice) {
        let second = self.id("second");
        let first = self.first.as_mut().unwrap();
        let signed = first.sign().await.unwrap();
        only_leased(&signed, second.as_deref());
        self.outside.learn(first, signed.notes, dice);
    }

    pub(super) async fn restart(&mut self, dice: &mut Dice) {
        drop(self.first.take());
        let folder = self.root.path().join("first");
        let signer = loop {
            match Signer::open(self.reader.clone(), &folder).await {
                // A process that another test is starting has all that is open here until it runs a program of its own.
                Err(SignError::Folder(FolderError::InUse(_))) => tokio::task::yield_now().await,
                signer => break signer.unwrap(),
            }
        };
        // As `audit sign --into` does it, or without.
        let published = if dice.below(2) == 0 { self.outside.checkpoints() } else { Vec::new() };
        let mut signer = signer.anchored(published);
        let wrong = signer.check().await.unwrap();
        assert!(wrong.is_empty(), "{wrong:?}");
        self.first = Some(signer);
    }

    pub(super) fn copy_folder(&mut self) {
        let copy = tempfile::tempdir().unwrap();
        copy_files(&self.root.path().join("first"), copy.path());
        self.copies.push(copy);
    }

    /// Puts an earlier state of the folder in the place of what is there; it goes on from that.
    pub(super) async fn restore_folder(&mut self, dice: &mut Dice) {
        drop(self.first.take());
        let copy = &self.copies[dice.below(self.copies.len())];
        copy_files(copy.path(), &self.root.path().join("first"));
        self.restart(dice).await;
        self.sign(dice).await;
    }

    /// Takes a step in the life of a log's keys: the next one comes, or the one before goes.
    pub(super) async fn change_key(&mut self, dice: &mut Dice) {
        self.sign(dice).await;
        let first = self.first.as_mut().unwrap();
        let keys: Vec<_> = first.policy().logs().cloned().collect();
        let log = keys[dice.below(keys.len())].name().to_owned();
        let of_log: Vec<_> = keys.iter().filter(|key| key.name() == log).collect();
        match of_log[..] {
            [oldest, _] => _ = first.revoke(oldest, None).await.unwrap(),
            _ => {
                let new = first.rotate(&log).await.unwrap();
                assert_eq!(new.name(), log);
                // Older copies sign by the old key alone, which is not for long.
                self.copies.clear();
                self.copy_folder();
            }
        }
        self.sign(dice).await;
    }

    /// Another one, with a folder of its own, signs only what nobody else does.
    pub(super) async fn sign_second(&mut self, dice: &mut Dice) {
        let folder = self.root.path().join("second");
        let reader = self.reader.clone();
        let mut second = match self.has_second {
            true => Signer::open(reader, &folder).await.unwrap(),
            false => Signer::adopt(reader, &folder).await.unwrap(),
        };
        self.has_second = true;
        let signed = second.sign().await.unwrap();
        only_leased(&signed, self.id("first").as_deref());
        for key in self.first.as_ref().unwrap().policy().logs() {
            let is_its =
                |why: &SignError| matches!(why, SignError::Leased { log, .. } if log == key.name());
            assert!(signed.refused.iter().any(is_its), "{}: {:?}", key.name(), signed.refused);
        }
        self.outside.learn(&second, signed.notes, dice);
    }

    /// All of them sign.
    pub(super) async fn sign_all(&mut self, dice: &mut Dice) {
        self.sign(dice).await;
        if self.has_second {
            self.sign_second(dice).await;
        }
    }

    /// What a signer is called.
    fn id(&self, name: &str) -> Option<String> {
        fs::read_to_string(self.root.path().join(name).join("id")).ok()
    }
}

impl Outside {
    fn learn(&mut self, signer: &Signer, notes: Vec<SignedNote>, dice: &mut Dice) {
        let policy = signer.policy();
        self.keys.extend(policy.logs().map(|key| (key.to_string(), key.clone())));
        for (key, size) in policy.revoked().iter() {
            self.revoked = std::mem::take(&mut self.revoked).with(key.clone(), size);
        }
        for note in notes {
            let Checkpoint { origin, .. } = note.text().parse().unwrap();
            let earlier = self.latest.insert(origin, note);
            self.earlier.extend(earlier.filter(|_| dice.below(8) == 0));
        }
    }

    fn notes(&self) -> impl Iterator<Item = &SignedNote> {
        self.latest.values().chain(&self.earlier)
    }

    fn checkpoints(&self) -> Vec<Checkpoint> {
        self.notes().map(|note| note.text().parse().unwrap()).collect()
    }

    /// A verification that knows all of this.
    pub(super) fn verification(&self, reader: &Reader) -> Verification {
        let policy = Policy::of_logs(self.keys.values().cloned()).revoking(self.revoked.clone());
        let verification = Verification::of(reader).policy(policy);
        let notes = self.notes().cloned();
        notes.fold(verification, |verification, note| verification.checkpoint(note, "outside"))
    }
}

/// That nothing was refused but what another signs. Notes are not kept where SQLite lets others write for too long; the next round
/// keeps one again.
#[track_caller]
fn only_leased(signed: &Signatures, other: Option<&str>) {
    let is_leased = |why: &SignError| matches!(why, SignError::Leased { holder, .. } if Some(&**holder) == other);
    assert!(signed.refused.iter().all(is_leased), "{:?}", signed.refused);
    let is_busy = |why: &StoreError| why.kind() == StoreErrorKind::Locked;
    assert!(signed.unkept.iter().all(is_busy) && signed.unsaid.is_empty(), "{signed:?}");
}

fn copy_files(from: &Path, to: &Path) {
    for name in FILES {
        match fs::exists(from.join(name)).unwrap() {
            true => _ = fs::copy(from.join(name), to.join(name)).unwrap(),
            // What was not there then is no more.
            false => _ = fs::remove_file(to.join(name)),
        }
    }
}
