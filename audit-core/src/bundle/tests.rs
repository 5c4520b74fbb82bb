//! Bundles as they are written, and as somebody may have changed them on the way.
//!
//! `AUDIT_SOAK=1` changes every byte.

use std::io;

use chrono::DateTime;

use super::tar::{MAX_MEMBER, Member, Members, Writer};
use super::*;
use crate::event::Producer;
use crate::merkle::Frontier;
use crate::note::{Checkpoint, KeyKind, Policy, SignedNote, SignerKey};
use crate::store::{Leaf, MemoryStore, Reader, Store};
use crate::{Actor, Event};

const ORIGINS: [&str; 2] = ["billing.example/audit/audit", "billing.example/audit/standard"];

/// Two logs, and who signs them.
struct House {
    reader: Reader,
    leaves: Vec<Leaf>,
    keys: Vec<SignerKey>,
}

impl House {
    /// Both logs with so many entries, of which every second one names a person.
    async fn of(size: u64) -> Self {
        let (store, producer) = (MemoryStore::new(), Producer::new("test"));
        let leaves: Vec<_> = (0..size)
            .map(|number| {
                let actor = Actor::user(format!("u-{number}"));
                let named = if number % 2 == 1 { actor.name("Ängström, \"A\"") } else { actor };
                let event = Event::builder("invoice.approve").actor(named).build().unwrap();
                Leaf::of(&event, &producer, number)
            })
            .collect();
        let mut keys = Vec::new();
        for origin in ORIGINS {
            let log = store.open_log(origin, "standard").await.unwrap();
            for batch in leaves.chunks(999) {
                store.append(log, batch, DateTime::UNIX_EPOCH).await.unwrap();
            }
            keys.push(SignerKey::generate(origin, KeyKind::Ed25519).unwrap());
        }
        Self { reader: Reader::new(store), leaves, keys }
    }

    fn policy(&self) -> Policy {
        Policy::of_logs(self.keys.iter().map(|key| key.public().clone()))
    }

    /// A checkpoint of one of the logs, when it had so many entries.
    fn note(&self, log: usize, size: u64) -> SignedNote {
        let mut tree = Frontier::new();
        self.leaves.iter().zip(0..size).for_each(|(leaf, _)| tree.push(leaf.hash).unwrap());
        let (origin, root) = (ORIGINS[log].to_owned(), tree.root());
        let checkpoint = Checkpoint { origin, size, root, extensions: Vec::new() };
        let note = SignedNote::new(checkpoint.to_string()).unwrap();
        note.signed(&self.keys[log], DateTime::UNIX_EPOCH)
    }

    fn part(&self, log: usize, size: u64, entries: Option<Range<u64>>) -> Part {
        Part { checkpoint: self.note(log, size), entries }
    }

    async fn bundle(&self, parts: &[Part], disclose: bool) -> Vec<u8> {
        let mut bundle = Vec::new();
        let policy = self.policy();
        let told = write(&self.reader, &policy, parts, disclose, &mut bundle).await.unwrap();
        assert_eq!(verify(&*bundle, &policy).unwrap(), told);
        bundle
    }
}

fn members(bundle: &[u8]) -> Vec<Member> {
    let mut archive = Members::new(bundle).unwrap();
    let mut members = Vec::new();
    while let Some(name) = archive.next_name().map(str::to_owned) {
        let content = archive.expect(&name).unwrap();
        members.push(Member { name, content });
    }
    members
}

fn archive(members: &[Member]) -> Vec<u8> {
    let mut bundle = Vec::new();
    let mut archive = Writer(&mut bundle);
    members.iter().for_each(|member| archive.member(&member.name, &member.content).unwrap());
    archive.finish().unwrap();
    bundle
}

#[tokio::test]
async fn a_bundle_of_any_range_under_any_checkpoint_is_that_range_to_the_byte() {
    let house = House::of(2_600).await;
    for (size, range) in [
        (2_600, None),
        (1, None),
        (257, Some(0..1)),
        (300, Some(255..257)),
        (2_600, Some(1..2)),
        (2_600, Some(1_001..2_599)),
        (2_599, Some(2_598..2_599)),
    ] {
        let range_or_all = range.clone().unwrap_or(0..size);
        let bundle = house.bundle(&[house.part(1, size, range)], true).await;
        let [found] = &verify(&*bundle, &house.policy()).unwrap()[..] else { panic!() };
        assert_eq!(found.trusted.checkpoint.size, size);
        assert_eq!(found.entries, range_or_all);
        let names = range_or_all.clone().filter(|index| index % 2 == 1).count();
        assert_eq!(found.openings, u64::try_from(names).unwrap());

        let members = members(&bundle);
        let of_entries = members.iter().filter(|member| member.name.starts_with("0/entries/"));
        let lines: Vec<u8> = of_entries.flat_map(|member| member.content.clone()).collect();
        let place = |index| usize::try_from(index).unwrap();
        let leaves = &house.leaves[place(range_or_all.start)..place(range_or_all.end)];
        let expected: String = leaves.iter().map(|leaf| leaf.event.canon.clone() + "\n").collect();
        assert_eq!(String::from_utf8(lines).unwrap(), expected);
    }
}

#[tokio::test]
async fn several_logs_are_in_one_bundle_and_names_only_if_they_are_asked_for() {
    let house = House::of(300).await;
    let parts = [house.part(1, 300, None), house.part(0, 256, Some(3..200))];
    let bundle = house.bundle(&parts, false).await;
    let found = verify(&*bundle, &house.policy()).unwrap();
    assert_eq!(found.iter().map(|log| log.openings).sum::<u64>(), 0);
    let shown = |bundle: &[u8]| String::from_utf8_lossy(bundle).contains("ngström");
    assert!(!shown(&bundle));
    assert!(shown(&house.bundle(&parts, true).await));
    assert_eq!(policy_in(&*bundle).unwrap(), house.policy());
    // The same again is the same to the byte.
    assert_eq!(house.bundle(&parts, false).await, bundle);
}

#[tokio::test]
async fn a_log_without_entries_is_in_a_bundle_as_such() {
    let house = House::of(0).await;
    let bundle = house.bundle(&[house.part(0, 0, None)], true).await;
    assert_eq!(verify(&*bundle, &house.policy()).unwrap()[0].entries, 0..0);
}

#[tokio::test]
async fn what_cannot_be_bound_to_its_checkpoint_is_not_written() {
    let house = House::of(300).await;
    let written = async |parts: &[Part]| {
        let policy = house.policy();
        write(&house.reader, &policy, parts, true, &mut io::sink()).await.unwrap_err()
    };
    for range in [0..301, 300..300, 7..7, 301..302] {
        let error = written(&[house.part(0, 300, Some(range))]).await;
        assert!(matches!(error, WriteError::Range { .. }), "{error:?}");
    }
    let twice = written(&[house.part(0, 300, Some(0..3)), house.part(0, 299, None)]).await;
    assert!(matches!(twice, WriteError::Twice(_)), "{twice:?}");
    let stranger = House::of(0).await.note(0, 0);
    let error = written(&[Part { checkpoint: stranger, entries: None }]).await;
    assert!(matches!(error, WriteError::Checkpoint(_)), "{error:?}");
    let other = House { leaves: house.leaves.iter().rev().cloned().collect(), ..house_of(&house) };
    let error = written(&[other.part(0, 300, None)]).await;
    assert!(matches!(error, WriteError::Prove(_)), "{error:?}");
}

/// The same house, with nothing in it that a clone would not have.
fn house_of(house: &House) -> House {
    let House { reader, leaves, keys } = house;
    House { reader: reader.clone(), leaves: leaves.clone(), keys: keys.clone() }
}

#[tokio::test]
async fn a_changed_byte_anywhere_is_found() {
    let house = House::of(5).await;
    let bundle = house.bundle(&[house.part(0, 5, Some(1..4)), house.part(1, 5, None)], true).await;
    let (step, bits): (_, &[u8]) = match std::env::var_os("AUDIT_SOAK") {
        Some(_) => (1, &[0x01, 0x20, 0x80]),
        None => (61, &[0x01]),
    };
    let policy = house.policy();
    for at in (0..bundle.len()).step_by(step) {
        for bits in bits {
            let mut changed = bundle.clone();
            changed[at] ^= bits;
            assert!(verify(&*changed, &policy).is_err(), "byte {at} of {}", bundle.len());
        }
    }
    for end in (0..bundle.len()).step_by(step) {
        let error = verify(&bundle[..end], &policy).unwrap_err();
        assert!(!error.is_finding(), "cut off at {end}: {error}");
    }
}

#[tokio::test]
async fn entries_that_were_moved_taken_away_or_put_in_are_found() {
    let house = House::of(40).await;
    let bundle = house.bundle(&[house.part(1, 40, Some(3..30))], true).await;
    let (policy, honest) = (house.policy(), members(&bundle));
    let find = |part: &str| honest.iter().position(|member| member.name.contains(part)).unwrap();
    let (entries, openings) = (find("/entries/"), find("/openings/"));
    let lines: Vec<&[u8]> =
        honest[entries].content.split_inclusive(|byte| *byte == b'\n').collect();
    let with = |member: usize, content: Vec<u8>| {
        let mut changed = members(&bundle);
        changed[member].content = content;
        verify(&*archive(&changed), &policy).unwrap_err()
    };
    let mut swapped = lines.clone();
    // Two that name nobody, so that nothing else is wrong.
    swapped.swap(1, 3);
    let error = with(entries, swapped.concat());
    assert!(matches!(error, BundleError::Entries { .. }), "{error:?}");
    // One of the same log, which was not asked for, in the place of one that was.
    let mut replaced = lines.clone();
    let other = house.leaves[35].event.canon.clone() + "\n";
    replaced[4] = other.as_bytes();
    let error = with(entries, replaced.concat());
    assert!(matches!(error, BundleError::Entries { .. } | BundleError::Entry { .. }), "{error:?}");
    for content in [lines[..20].concat(), [&lines[..], &lines[..1]].concat().concat(), Vec::new()] {
        assert!(matches!(with(entries, content), BundleError::Form(_)));
    }
    let spaced = [b" ".as_slice(), &lines.concat()].concat();
    let error = with(entries, spaced);
    assert!(matches!(error, BundleError::Entry { index: 3, .. }), "{error:?}");

    let names = String::from_utf8(honest[openings].content.clone()).unwrap();
    let error = with(openings, names.replacen("Ängström", "Angstrom", 1).into_bytes());
    assert!(matches!(error, BundleError::Entry { index: 3, .. }), "{error:?}");
    let error = with(openings, names.replacen("\"index\":5", "\"index\":6", 1).into_bytes());
    assert!(matches!(error, BundleError::Entry { index: 6, .. }), "{error:?}");
    for (from, to) in
        [("\"index\":5", "\"index\":99"), ("\"index\":5", "\"index\":3"), ("{\"index", "{ \"index")]
    {
        let error = with(openings, names.replacen(from, to, 1).into_bytes());
        assert!(matches!(error, BundleError::Form(_)), "{from} {to}: {error:?}");
    }
}

#[tokio::test]
async fn an_archive_that_holds_anything_else_is_none() {
    let house = House::of(5).await;
    let parts = [house.part(0, 5, None), house.part(1, 5, Some(2..4))];
    let bundle = house.bundle(&parts, true).await;
    let policy = house.policy();
    let refused = |members: Vec<Member>| {
        let error = verify(&*archive(&members), &policy).unwrap_err();
        assert!(!error.is_finding(), "{error}");
        error.to_string()
    };
    let count = members(&bundle).len();
    for at in 0..count {
        let mut fewer = members(&bundle);
        let gone = fewer.remove(at).name;
        // Nobody need disclose anything.
        if gone.contains("/openings/") {
            assert!(verify(&*archive(&fewer), &policy).is_ok());
        } else {
            refused(fewer);
        }
        let mut doubled = members(&bundle);
        doubled.insert(at, members(&bundle).remove(at));
        refused(doubled);
        let mut swapped = members(&bundle);
        swapped.swap(at, (at + 1) % count);
        refused(swapped);
        for name in ["../policy", "/etc/passwd", "2/checkpoint", "policy", "0/entries/", ""] {
            let mut more = members(&bundle);
            more.insert(at, Member { name: name.to_owned(), content: b"{}\n".to_vec() });
            let told = refused(more);
            assert!(told.contains("no whole bundle"), "{told}");
        }
    }
    for behind in [&b"\0"[..], &[0; 512], b"x", &bundle] {
        let error = verify(&*[&bundle, behind].concat(), &policy).unwrap_err();
        assert!(error.to_string().contains("behind the end"), "{error}");
    }
    // A link, and a size in another spelling.
    for (at, byte) in [(156, b'2'), (124, b' '), (345, b'a'), (0, 0xff)] {
        let mut other = bundle.clone();
        other[at] = byte;
        let error = verify(&*other, &policy).unwrap_err();
        assert!(error.to_string().contains("header"), "{error}");
    }
}

#[tokio::test]
async fn an_archive_that_claims_much_takes_no_memory_for_it() {
    let huge = tar::header("bundle.json", MAX_MEMBER + 1);
    let error = Members::new(&*huge).unwrap_err();
    assert!(error.to_string().contains("more than"), "{error}");
    let large = tar::header("bundle.json", MAX_MEMBER);
    let error = Members::new(&*large).unwrap_err();
    assert!(error.to_string().contains("too early"), "{error}");
    let endless = Members::new(io::repeat(0)).unwrap_err();
    assert!(endless.to_string().contains("behind the end"), "{endless}");
    let house = House::of(3).await;
    let mut many = members(&house.bundle(&[house.part(0, 3, None)], false).await);
    let entries = many.iter_mut().find(|member| member.name.starts_with("0/entries/")).unwrap();
    entries.content = vec![b'\n'; 1_001];
    let error = verify(&*archive(&many), &house.policy()).unwrap_err();
    assert!(error.to_string().contains("more than 1000 lines"), "{error}");
    let noise = Members::new(io::repeat(7)).unwrap_err();
    assert!(noise.to_string().contains("header"), "{noise}");
}

#[tokio::test]
async fn a_bundle_is_not_believed_for_the_policy_that_lies_in_it() {
    let (house, stranger) = (House::of(5).await, House::of(5).await);
    let bundle = house.bundle(&[house.part(0, 5, None)], false).await;
    let error = verify(&*bundle, &stranger.policy()).unwrap_err();
    assert!(matches!(error, BundleError::Checkpoint { .. }) && error.is_finding(), "{error:?}");
}

#[tokio::test]
async fn an_ordinary_tar_takes_a_bundle_apart() {
    let house = House::of(5).await;
    let bundle = house.bundle(&[house.part(0, 5, None)], true).await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bundle.tar");
    std::fs::write(&file, &bundle).unwrap();
    let mut tar = std::process::Command::new("tar");
    let done = tar.arg("-xf").arg(&file).arg("-C").arg(folder.path()).output().unwrap();
    assert!(done.status.success() && done.stderr.is_empty(), "{done:?}");
    for member in members(&bundle) {
        assert_eq!(std::fs::read(folder.path().join(&member.name)).unwrap(), member.content);
    }
}

/// The script in `docs/format.md`, given a bundle or, on stdin, lines.
fn by_hand(bundle: Option<&[u8]>, lines: &str) -> (bool, String) {
    let document = include_str!("../../../docs/format.md");
    let script = document.split("```python\n").nth(1).unwrap().split("```\n").next().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("input");
    std::fs::write(&input, bundle.unwrap_or(lines.as_bytes())).unwrap();
    // Python 3 is everywhere; where it is not, install Debian's `python3`.
    let mut python = std::process::Command::new("python3");
    python.args(["-c", script]).stdin(std::fs::File::open(&input).unwrap());
    if bundle.is_some() {
        python.arg(&input);
    }
    let done = python.output().expect("python3 can be run");
    let told = [done.stdout, done.stderr].concat();
    (done.status.success(), String::from_utf8(told).unwrap())
}

#[tokio::test]
async fn the_script_in_the_document_comes_to_the_same_roots_and_sees_a_changed_byte() {
    let house = House::of(1_300).await;
    for (size, range) in [
        (1_300, 0..1_300),
        (1_300, 3..1_001),
        (1_024, 256..512),
        (1_300, 0..1_024),
        (1_299, 1_298..1_299),
    ] {
        let parts = [house.part(1, size, Some(range.clone())), house.part(0, 7, None)];
        let bundle = house.bundle(&parts, true).await;
        let (is_right, told) = by_hand(Some(&bundle), "");
        assert!(is_right && told.contains(ORIGINS[1]) && told.contains(ORIGINS[0]), "{told}");
        assert!(told.contains(&format!("entries {} to {} of", range.start, range.end)), "{told}");
        for part in ["0/entries/", "1/entries/", "bundle.json"] {
            let mut changed = members(&bundle);
            let member = changed.iter_mut().find(|member| member.name.starts_with(part)).unwrap();
            let at = member.content.len() / 2;
            member.content[at] ^= 1;
            let (is_right, told) = by_hand(Some(&archive(&changed)), "");
            assert!(!is_right, "{part}: {told}");
        }
    }
    let lines: String = house.leaves.iter().map(|leaf| leaf.event.canon.clone() + "\n").collect();
    let root = house.note(0, 1_300).text().lines().nth(2).unwrap().to_owned();
    assert_eq!(by_hand(None, &lines), (true, format!("1300 entries, root {root}\n")));
    assert!(!by_hand(None, &lines.replacen("u-7\"", "u-8\"", 1)).1.contains(&root));
}
