//! What is signed, and what is not.

use std::fs;

use chrono::DateTime;
use tempfile::TempDir;

use super::*;
use crate::Event;
use crate::event::{EncodedEvent, Producer};
use crate::merkle::leaf_hash;
use crate::note::{KeyKind, Policy, Refused, SignerKey};
use crate::store::{Leaf, LogState, MemoryStore, Store as _};

const ORIGIN: &str = "billing.example/audit/standard";

async fn append(store: &MemoryStore, count: u64) {
    let log = store.open_log(ORIGIN, "standard").await.unwrap();
    let producer = Producer::new("test");
    for number in 0..count {
        let event = Event::builder("a.b").build().unwrap();
        let leaf = Leaf::new(event.encode(&producer, number)).unwrap();
        store.append(log, &[leaf], event.occurred_at()).await.unwrap();
    }
}

/// A store whose log has entries, and a folder that knows nothing of it.
async fn case(entries: u64) -> (MemoryStore, TempDir) {
    let store = MemoryStore::new();
    store.open_log(ORIGIN, "standard").await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    drop(Signer::open(Reader::new(store.clone()), folder.path()).await.unwrap());
    append(&store, entries).await;
    (store, folder)
}

async fn open(store: &MemoryStore, folder: &TempDir) -> Signer {
    Signer::open(Reader::new(store.clone()), folder.path()).await.unwrap()
}

/// What is signed, when nothing is refused.
async fn signed(signer: &mut Signer) -> Vec<SignedNote> {
    let Signatures { notes, refused, unkept, .. } = signer.sign().await.unwrap();
    assert!(refused.is_empty() && unkept.is_empty(), "{refused:?} {unkept:?}");
    notes
}

/// Why the only log is not signed.
async fn why_refused(signer: &mut Signer) -> SignError {
    let Signatures { notes, mut refused, .. } = signer.sign().await.unwrap();
    assert_eq!((notes.len(), refused.len()), (0, 1), "{refused:?}");
    refused.remove(0)
}

#[tokio::test]
async fn each_checkpoint_is_that_of_the_entries_and_goes_on_after_a_restart() {
    let (store, folder) = case(0).await;
    let mut tree = Frontier::new();
    let mut keys = Vec::new();
    for round in 0..5 {
        append(&store, 300 + u64::try_from(round).unwrap()).await;
        let mut signer = open(&store, &folder).await;
        let notes = signed(&mut signer).await;
        let rows = store.read(LogId::of(ORIGIN), tree.size(), u32::MAX).await.unwrap();
        rows.iter().for_each(|row| tree.push(leaf_hash(&row.canon)).unwrap());
        let policy = Policy::of_logs(signer.keys().cloned());
        let trusted = policy.check(&notes[0]).unwrap().checkpoint;
        assert_eq!((trusted.size, trusted.root), (tree.size(), tree.root()));
        assert_eq!((notes.len(), &*trusted.origin), (1, ORIGIN));
        // The same again, and by the same key.
        assert_eq!(signed(&mut signer).await, notes);
        // It is kept beside the log.
        let kept = store.checkpoints(LogId::of(ORIGIN), 0, 10).await.unwrap();
        let last = kept.last().unwrap();
        assert_eq!((kept.len(), last.size, last.root), (round + 1, tree.size(), tree.root()));
        assert_eq!(last.note, notes[0].to_string());
        keys.extend(signer.keys().map(ToString::to_string));
    }
    keys.dedup();
    assert_eq!(keys.len(), 1);
}

#[tokio::test]
async fn a_log_with_entries_and_a_folder_that_knows_nothing_need_somebody_who_says_so() {
    let (store, _folder) = case(10).await;
    let new = tempfile::tempdir().unwrap();
    let refused = Signer::open(Reader::new(store.clone()), new.path()).await.unwrap_err();
    assert!(matches!(&refused, SignError::Unknown(log) if log == ORIGIN), "{refused}");
    let mut adopted = Signer::adopt(Reader::new(store.clone()), new.path()).await.unwrap();
    assert_eq!(signed(&mut adopted).await.len(), 1);
}

#[tokio::test]
async fn a_log_that_went_back_and_one_that_was_rewritten_are_not_signed() {
    let (store, folder) = case(10).await;
    let first = signed(&mut open(&store, &folder).await).await;
    // As from an old backup.
    let older = MemoryStore::new();
    append(&older, 7).await;
    let refused = why_refused(&mut open(&older, &folder).await).await;
    assert!(matches!(refused, SignError::Truncated { size: 7, signed: 10, .. }), "{refused}");
    // Other entries, with a head of their own that fits them.
    let other = MemoryStore::new();
    append(&other, 27).await;
    let refused = why_refused(&mut open(&other, &folder).await).await;
    assert!(matches!(refused, SignError::Forked { size: 27, .. }), "{refused}");
    // Nothing of that has changed what is known of the log.
    assert_eq!(signed(&mut open(&store, &folder).await).await, first);
    // As gone as can be.
    let gone = why_refused(&mut open(&MemoryStore::new(), &folder).await).await;
    assert!(matches!(gone, SignError::Truncated { size: 0, signed: 10, .. }), "{gone}");
}

#[tokio::test]
async fn only_one_signer_uses_a_folder() {
    let (store, folder) = case(1).await;
    let one = open(&store, &folder).await;
    let refused = Signer::open(Reader::new(store.clone()), folder.path()).await.unwrap_err();
    assert!(matches!(refused, SignError::Folder(FolderError::InUse(_))), "{refused}");
    drop(one);
    open(&store, &folder).await;
}

#[tokio::test]
async fn where_the_state_cannot_be_kept_no_signature_leaves() {
    let (store, folder) = case(1).await;
    let mut signer = open(&store, &folder).await;
    // Nothing can be written under this name.
    fs::create_dir(folder.path().join("next")).unwrap();
    let refused = signer.sign().await.unwrap_err();
    assert!(matches!(refused, SignError::Folder(FolderError::Io { .. })), "{refused}");
    fs::remove_dir(folder.path().join("next")).unwrap();
    assert_eq!(signed(&mut signer).await.len(), 1);
    // Somebody brings back an older one.
    fs::write(folder.path().join("state.json"), r#"{"logs":{}}"#).unwrap();
    append(&store, 1).await;
    let refused = signer.sign().await.unwrap_err();
    assert!(matches!(refused, SignError::Folder(FolderError::Changed(_))), "{refused}");
}

#[tokio::test]
async fn a_store_that_does_not_keep_a_checkpoint_is_told_of_and_costs_no_signature() {
    let (store, folder) = case(3).await;
    let (size, root) = (3, Frontier::new().root());
    let other =
        SignedCheckpoint { size, root, note: String::new(), signed_at: DateTime::UNIX_EPOCH };
    store.keep_checkpoint(LogId::of(ORIGIN), &other).await.unwrap();
    let Signatures { notes, refused, unkept, .. } =
        open(&store, &folder).await.sign().await.unwrap();
    assert_eq!((notes.len(), refused.len(), unkept.len()), (1, 0, 1));
    assert!(unkept[0].to_string().contains("at 3 entries the root"), "{}", unkept[0]);
}

#[tokio::test]
async fn a_folder_that_is_not_as_it_should_be_is_refused() {
    let (store, folder) = case(1).await;
    signed(&mut open(&store, &folder).await).await;
    let path = |name: &str| folder.path().join(name);
    let (keys, state) = (fs::read(path("keys")).unwrap(), fs::read(path("state.json")).unwrap());
    let refused = async || {
        let refused = Signer::open(Reader::new(store.clone()), folder.path()).await.unwrap_err();
        refused.to_string()
    };
    for wrong in ["", "{}", "nothing", r#"{"logs":{"a":{"size":-1,"frontier":""}}}"#] {
        fs::write(path("state.json"), wrong).unwrap();
        assert!(refused().await.contains("no state of a signer"), "{wrong}");
    }
    fs::write(path("state.json"), &state).unwrap();
    fs::write(path("revoked"), "# nothing\n").unwrap();
    #[cfg(unix)]
    for name in ["state.json", "revoked"] {
        use std::os::unix::fs::PermissionsExt as _;
        for (mode, is_refused) in [(0o620, true), (0o602, true), (0o644, false)] {
            fs::set_permissions(path(name), fs::Permissions::from_mode(mode)).unwrap();
            let opened = Signer::open(Reader::new(store.clone()), folder.path()).await;
            let is_writable = matches!(&opened, Err(SignError::Folder(FolderError::Writable(at))) if *at == path(name));
            assert_eq!(is_writable, is_refused, "{name} {mode:o}: {opened:?}");
        }
    }
    fs::write(path("keys"), [&keys, &b"PRIVATE+KEY+x\n"[..]].concat()).unwrap();
    let why = refused().await;
    assert!(why.contains("line 2 of") && !why.contains("PRIVATE+KEY+x"), "{why}");
    fs::write(path("keys"), &keys).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(path("keys")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::set_permissions(path("keys"), fs::Permissions::from_mode(0o640)).unwrap();
        assert!(refused().await.contains("can be read by others"));
    }
}

#[tokio::test]
async fn nobody_else_is_believed() {
    let (store, folder) = case(3).await;
    let mut signer = open(&store, &folder).await;
    let note = signed(&mut signer).await.remove(0);
    let stranger = SignerKey::generate(ORIGIN, KeyKind::Ed25519).unwrap();
    let policy = Policy::of_logs([stranger.public().clone()]);
    assert_eq!(policy.check(&note), Err(Refused::Note(NoteError::Unsigned)));
}

#[tokio::test]
async fn keys_without_what_they_signed_and_that_without_keys_are_lost() {
    for name in ["keys", "state.json"] {
        let (store, folder) = case(3).await;
        signed(&mut open(&store, &folder).await).await;
        fs::remove_file(folder.path().join(name)).unwrap();
        for adopts in [false, true] {
            let reader = Reader::new(store.clone());
            let opened = match adopts {
                true => Signer::adopt(reader, folder.path()).await,
                false => Signer::open(reader, folder.path()).await,
            };
            let refused = opened.unwrap_err();
            assert!(matches!(&refused, SignError::Lost(log) if log == ORIGIN), "{name}: {refused}");
        }
    }
}

#[tokio::test]
async fn a_log_that_cannot_be_signed_is_in_no_others_way() {
    let (store, folder) = case(3).await;
    let log = store.open_log("a name with spaces/standard", "standard").await.unwrap();
    let event = Event::builder("a.b").build().unwrap();
    let leaf = Leaf::new(event.encode(&Producer::new("test"), 0)).unwrap();
    store.append(log, &[leaf], event.occurred_at()).await.unwrap();
    let Signatures { notes, refused, .. } = open(&store, &folder).await.sign().await.unwrap();
    assert_eq!((notes.len(), refused.len()), (1, 1));
    assert!(matches!(refused[0], SignError::Key(KeyError::Name)), "{refused:?}");
}

#[cfg(unix)]
#[tokio::test]
async fn a_folder_that_others_can_write_to_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let (store, folder) = case(1).await;
    let new = folder.path().join("new");
    drop(Signer::adopt(Reader::new(store.clone()), &new).await.unwrap());
    assert_eq!(fs::metadata(&new).unwrap().permissions().mode() & 0o777, 0o700);
    fs::set_permissions(&new, fs::Permissions::from_mode(0o770)).unwrap();
    let refused = Signer::open(Reader::new(store), &new).await.unwrap_err();
    assert!(matches!(refused, SignError::Folder(FolderError::Writable(_))), "{refused}");
}

#[tokio::test]
async fn what_witnesses_have_added_stays_when_the_same_is_signed_again() {
    let (store, folder) = case(3).await;
    let mut signer = open(&store, &folder).await;
    let note = signed(&mut signer).await.remove(0);
    let witness = SignerKey::generate("witness.example", KeyKind::Cosignature).unwrap();
    let cosigned = note.clone().signed(&witness, SystemClock::new().now());
    signer.keep_cosigned(&cosigned).await.unwrap();
    assert_eq!(signed(&mut signer).await, [note]);
    let kept = store.latest_checkpoint(LogId::of(ORIGIN)).await.unwrap().unwrap();
    assert_eq!(kept.note, cosigned.to_string());
}

#[tokio::test]
async fn a_folder_that_is_older_than_what_is_kept_beside_a_log_signs_no_other_history() {
    let (store, folder) = case(10).await;
    signed(&mut open(&store, &folder).await).await;
    let (log, state) = (LogId::of(ORIGIN), folder.path().join("state.json"));
    let older = fs::read(&state).unwrap();
    append(&store, 5).await;
    signed(&mut open(&store, &folder).await).await;
    let kept = store.latest_checkpoint(log).await.unwrap().unwrap();
    let rows = store.read(log, 0, 100).await.unwrap();
    // The first so many entries again, as from a backup, and what came then.
    let restored = async |count: usize, further: u64| {
        let store = MemoryStore::new();
        store.open_log(ORIGIN, "standard").await.unwrap();
        for row in &rows[..count] {
            let said: serde_json::Value = serde_json::from_slice(&row.canon).unwrap();
            let id = said["id"].as_str().unwrap().parse().unwrap();
            let canon = String::from_utf8(row.canon.clone()).unwrap();
            let (class, openings) = ("standard".to_owned(), row.openings.clone());
            let leaf = Leaf::new(EncodedEvent { id, class, canon, openings }).unwrap();
            store.append(log, &[leaf], row.recorded_at.unwrap()).await.unwrap();
        }
        append(&store, further).await;
        store.keep_checkpoint(log, &kept).await.unwrap();
        fs::write(&state, &older).unwrap();
        store
    };
    let forked = why_refused(&mut open(&restored(10, 20).await, &folder).await).await;
    assert!(matches!(forked, SignError::Forked { size: 15, .. }), "{forked}");
    assert_eq!(fs::read(&state).unwrap(), older);
    let short = why_refused(&mut open(&restored(12, 0).await, &folder).await).await;
    assert!(matches!(short, SignError::Truncated { size: 12, signed: 15, .. }), "{short}");
    assert_eq!(signed(&mut open(&restored(15, 2).await, &folder).await).await.len(), 1);
    // What others have put there says nothing.
    let stranger = SignerKey::generate(ORIGIN, KeyKind::Ed25519).unwrap();
    let text =
        Checkpoint { size: 90, origin: ORIGIN.to_owned(), root: kept.root, extensions: vec![] };
    let note = SignedNote::new(text.to_string()).unwrap();
    let note = note.signed(&stranger, SystemClock::new().now()).to_string();
    let store = restored(15, 3).await;
    let forged = SignedCheckpoint { size: 90, note, ..kept.clone() };
    store.keep_checkpoint(log, &forged).await.unwrap();
    assert_eq!(signed(&mut open(&store, &folder).await).await.len(), 1);
}

#[tokio::test]
async fn a_log_whose_name_begins_like_no_other_gets_no_key_by_itself() {
    let (store, folder) = case(3).await;
    signed(&mut open(&store, &folder).await).await;
    let further = async |origin: &str, class: &str| {
        let log = store.open_log(origin, class).await.unwrap();
        let event = Event::builder("a.b").build().unwrap();
        let leaf = Leaf::new(event.encode(&Producer::new("test"), 0)).unwrap();
        store.append(log, &[leaf], event.occurred_at()).await.unwrap();
    };
    further("billing.example/audit/security", "security").await;
    let mut signer = open(&store, &folder).await;
    assert_eq!(signed(&mut signer).await.len(), 2);
    // As one who may append can begin any log.
    let alike = "billing.example/audits/standard";
    further(alike, "standard").await;
    let Signatures { notes, refused, .. } = signer.sign().await.unwrap();
    assert!(refused.iter().all(|why| why.to_string().contains("`audit keys new`")), "{refused:?}");
    assert_eq!((notes.len(), refused.len()), (2, 1));
    assert!(signer.keys().all(|key| key.name() != alike));
    drop(signer);
    Keys::new_log(folder.path(), alike).unwrap();
    assert_eq!(signed(&mut open(&store, &folder).await).await.len(), 3);
}

async fn state_of(store: &MemoryStore) -> LogState {
    store.head(LogId::of(ORIGIN)).await.unwrap().state
}

#[tokio::test]
async fn a_log_that_went_back_is_quarantined_before_anything_is_appended_and_the_log_audit_says_so()
{
    let (store, folder) = case(10).await;
    signed(&mut open(&store, &folder).await).await;
    assert!(open(&store, &folder).await.check().await.unwrap().is_empty());
    // As from an old backup.
    let older = MemoryStore::new();
    append(&older, 7).await;
    let own = older.open_log("billing.example/audit/audit", "audit").await.unwrap();
    let mut signer = open(&older, &folder).await;
    for round in 0..2 {
        let wrong = signer.check().await.unwrap();
        assert!(
            matches!(wrong[..], [SignError::Truncated { size: 7, signed: 10, .. }]),
            "{wrong:?}"
        );
        assert_eq!(state_of(&older).await, LogState::Quarantined);
        let said = older.read(own, 0, 10).await.unwrap();
        assert_eq!(said.len(), 1, "{round}");
        let said = String::from_utf8(said[0].canon.clone()).unwrap();
        assert!(said.contains("audit.log.quarantined") && said.contains("TRUNCATED"), "{said}");
    }
    drop(signer);
    // One that is gone comes back closed.
    let gone = MemoryStore::new();
    assert_eq!(open(&gone, &folder).await.check().await.unwrap().len(), 1);
    assert_eq!(state_of(&gone).await, LogState::Quarantined);
    assert_eq!(state_of(&store).await, LogState::Open);
}

#[tokio::test]
async fn a_folder_that_is_older_than_what_was_published_is_known_by_that() {
    let (store, folder) = case(3).await;
    signed(&mut open(&store, &folder).await).await;
    let old = fs::read(folder.path().join("state.json")).unwrap();
    append(&store, 5).await;
    let note = signed(&mut open(&store, &folder).await).await.remove(0);
    let published: Checkpoint = note.text().parse().unwrap();
    // Both folder and database are older, and fit together.
    fs::write(folder.path().join("state.json"), &old).unwrap();
    let older = MemoryStore::new();
    let (log, rows) = (
        older.open_log(ORIGIN, "standard").await.unwrap(),
        store.read(LogId::of(ORIGIN), 0, 8).await.unwrap(),
    );
    let leaf = |row: &crate::store::Row| {
        let canon = String::from_utf8(row.canon.clone()).unwrap();
        let id = row.columns.as_ref().unwrap().event_id;
        let event =
            crate::event::EncodedEvent { id, class: "standard".to_owned(), canon, openings: None };
        Leaf::new(event).unwrap()
    };
    let leaves: Vec<_> = rows.iter().map(leaf).collect();
    older.append(log, &leaves[..4], rows[0].recorded_at.unwrap()).await.unwrap();
    assert!(open(&older, &folder).await.check().await.unwrap().is_empty());
    let wrong = open(&older, &folder).await.anchored([published.clone()]).check().await.unwrap();
    assert!(matches!(wrong[..], [SignError::Truncated { size: 4, signed: 8, .. }]), "{wrong:?}");
    // Only the folder is older: it goes on, and catches up.
    let mut signer = open(&store, &folder).await.anchored([published.clone()]);
    assert_eq!(signed(&mut signer).await, [note]);
    drop(signer);
    // What was published was of another history.
    let other = Checkpoint { root: Frontier::new().root(), ..published };
    let wrong = open(&store, &folder).await.anchored([other]).check().await.unwrap();
    assert!(matches!(wrong[..], [SignError::Forked { size: 8, .. }]), "{wrong:?}");
}

#[tokio::test]
async fn of_two_signers_with_folders_of_their_own_one_acts_until_its_time_is_up() {
    let (store, folder) = case(0).await;
    let second = tempfile::tempdir().unwrap();
    let (mut one, mut two) = (open(&store, &folder).await, open(&store, &second).await);
    append(&store, 5).await;
    let first = signed(&mut one).await.remove(0);
    let Signatures { notes, refused, .. } = two.sign().await.unwrap();
    let holder = fs::read_to_string(folder.path().join("id")).unwrap();
    assert!(notes.is_empty());
    assert!(
        matches!(&refused[..], [SignError::Leased { holder: other, .. }] if *other == holder),
        "{refused:?}"
    );
    // The same folder again, as after a restart.
    drop(one);
    assert_eq!(signed(&mut open(&store, &folder).await).await, std::slice::from_ref(&first));
    // As if its time were up.
    let now = SystemClock::new().now();
    let (log, past) = (LogId::of(ORIGIN), Lease { holder, until: now - TimeDelta::seconds(1) });
    assert_eq!(store.lease(log, &past, now).await.unwrap(), None);
    let other = signed(&mut two).await.remove(0);
    // By another key, and of the same tree: it has hashed all of it.
    assert_eq!(other.text(), first.text());
    assert_ne!(other, first);
}

#[tokio::test]
async fn who_adopts_logs_of_which_another_signs_some_signs_all_when_it_is_its_turn() {
    let (store, folder) = case(3).await;
    signed(&mut open(&store, &folder).await).await;
    let shard = format!("{ORIGIN}/acme");
    let log = store.open_log(&shard, "standard").await.unwrap();
    let event = Event::builder("a.b").build().unwrap();
    let leaf = Leaf::new(event.encode(&Producer::new("test"), 0)).unwrap();
    store.append(log, &[leaf], event.occurred_at()).await.unwrap();

    let second = tempfile::tempdir().unwrap();
    let mut signer = Signer::adopt(Reader::new(store.clone()), second.path()).await.unwrap();
    let Signatures { notes, refused, .. } = signer.sign().await.unwrap();
    assert!(
        matches!(&refused[..], [SignError::Leased { log, .. }] if log == ORIGIN),
        "{refused:?}"
    );
    assert!(notes.len() == 1 && notes[0].text().starts_with(&shard), "{notes:?}");
    // As if the time of the other were up.
    let now = SystemClock::new().now();
    let holder = fs::read_to_string(folder.path().join("id")).unwrap();
    let past = Lease { holder, until: now - TimeDelta::seconds(1) };
    assert_eq!(store.lease(LogId::of(ORIGIN), &past, now).await.unwrap(), None);
    assert_eq!(signed(&mut signer).await.len(), 2);
}

#[tokio::test]
async fn a_signer_at_work_signs_all_that_came_before_it_was_stopped() {
    let (store, folder) = case(1).await;
    let (sender, mut signed) = tokio::sync::mpsc::unbounded_channel();
    let signer = open(&store, &folder).await;
    let signing = Signing::start(signer, move |signed| {
        sender.send(signed.notes.len()).unwrap();
    });
    let signing = signing.unwrap();
    assert_eq!(signed.recv().await, Some(1));
    append(&store, 7).await;
    signing.stop().await;
    let kept = store.latest_checkpoint(LogId::of(ORIGIN)).await.unwrap().unwrap();
    assert_eq!(kept.size, 8);
    // The folder is free again.
    drop(open(&store, &folder).await);
}
