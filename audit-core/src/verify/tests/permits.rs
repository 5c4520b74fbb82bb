//! What is gone, and may be, as the log of the class `audit` says.

use serde_json::{Value, json};

use super::FindingKind::{
    CommitmentMismatch, Erased, Forked, Missing, Modified, Pruned, TilesCorrupt, Truncated,
    Unsealed,
};
use super::signed::{Key, kept, verified};
use super::*;
use crate::EventBuilder;
use crate::merkle::{TileId, leaf_hash};
use crate::note::SignedNote;
use crate::store::LogId;
use crate::testing::ManualClock;

pub(super) const AUDIT: &str = "billing.example/audit/audit";

/// An entry of the log's own.
fn word(action: &'static str, said: &Value) -> Leaf {
    let event = said
        .as_object()
        .unwrap()
        .iter()
        .fold(EventBuilder::of_the_log(action), |event, (name, value)| {
            event.metadata(name, value.clone())
        });
    let event = event.close(&ManualClock::new(at(1))).encode(&Producer::new("test"), None::<u64>);
    Leaf::new(event).unwrap()
}

/// Says this in a log beside another one.
pub(super) fn say(log: &mut Tampered, origin: &str, action: &'static str, said: &Value) {
    let beside = log.beside.get_or_insert_default();
    run(async {
        let id = beside.open_log(origin, "audit").await.unwrap();
        beside.append(id, &[word(action, said)], at(1)).await.unwrap();
    });
}

/// What is found in an honest log of 700 entries that was changed, where the log of the class `audit`, or another one, says this.
fn found_with(
    origin: &str,
    action: &'static str,
    said: &Value,
    change: impl Fn(&mut Tampered),
) -> Found {
    let mut tampered = log(700);
    change(&mut tampered);
    say(&mut tampered, origin, action, said);
    found(&tampered)
}

const PLACES: [&str; 3] = ["/actor/name", "/request/ip", "/request/user_agent"];

fn erase(log: &mut Tampered) {
    for index in [5, 6, 699] {
        let row = log.row(index);
        (row.openings, row.ip) = (None, None);
    }
}

#[test]
fn values_that_are_gone_are_a_finding_unless_an_erasure_names_them() {
    let said = json!({"log": ORIGIN, "indexes": [5, 6, 699], "pointers": PLACES});
    let erased = [span(Erased, 5, 6), each(Erased, [699])].concat();
    assert_eq!(found_with(AUDIT, "audit.erased", &said, erase), erased);
    let taken = each(CommitmentMismatch, [5, 6, 699]);
    let other = "other.example/audit/standard";
    for said in [
        json!({"log": other, "indexes": [5, 6, 699], "pointers": PLACES}),
        json!({"log": ORIGIN, "indexes": [4, 7], "pointers": PLACES}),
        json!({"log": ORIGIN, "indexes": [5, 6, 699], "pointers": PLACES[..2]}),
        json!({"log": ORIGIN}),
    ] {
        assert_eq!(found_with(AUDIT, "audit.erased", &said, erase), taken, "{said}");
    }
    // Nobody else can say so.
    let said = json!({"log": ORIGIN, "indexes": [5, 6, 699], "pointers": PLACES});
    assert_eq!(found_with(AUDIT, "audit.pruned", &said, erase), taken);
    assert_eq!(found_with("other.example/audit/audit", "audit.erased", &said, erase), taken);
    assert_eq!(found_with("billing.example/audit/x", "audit.erased", &said, erase), taken);
}

#[test]
fn one_value_that_is_gone_is_missed_beside_the_others() {
    let mut log = log(300);
    let row = log.row(7);
    let mut openings: Value = serde_json::from_str(row.openings.as_ref().unwrap()).unwrap();
    openings.as_object_mut().unwrap().remove("/actor/name").unwrap();
    row.openings = Some(openings.to_string());
    assert_eq!(found(&log), each(CommitmentMismatch, [7]));
}

fn prune(log: &mut Tampered) {
    log.delete(|index| index >= 512);
    log.head_mut().min_index = 512;
}

#[test]
fn entries_that_are_gone_are_a_finding_unless_a_prune_names_them() {
    let said = json!({"log": ORIGIN, "min_index": 512, "size": 650});
    assert_eq!(found_with(AUDIT, "audit.pruned", &said, prune), span(Pruned, 0, 511));
    let forked = [vec![(Forked, None)], span(Missing, 0, 511)].concat();
    for said in [
        json!({"log": "other.example/audit/standard", "min_index": 512, "size": 650}),
        json!({"log": ORIGIN, "min_index": 256, "size": 650}),
        json!({"log": ORIGIN, "min_index": 512, "size": 500}),
        json!({"log": ORIGIN, "min_index": 512, "size": 701}),
    ] {
        assert_eq!(found_with(AUDIT, "audit.pruned", &said, prune), forked, "{said}");
    }
    let said = json!({"log": ORIGIN, "min_index": 512, "size": 650});
    let more = |log: &mut Tampered| {
        prune(log);
        log.delete(|index| index >= 600 && index != 699);
    };
    let found = found_with(AUDIT, "audit.pruned", &said, more);
    assert_eq!(
        found,
        [span(Pruned, 0, 511), span(Missing, 512, 599), each(Truncated, [699])].concat()
    );
}

/// What a log says of another one that was pruned and of which values were erased.
fn both(log: &mut Tampered, origin: &str) {
    let pruned = json!({"log": ORIGIN, "min_index": 512, "size": 650});
    say(log, origin, "audit.pruned", &pruned);
    let erased = json!({"log": ORIGIN, "indexes": [600], "pointers": PLACES});
    say(log, origin, "audit.erased", &erased);
}

fn prune_and_erase(log: &mut Tampered) {
    prune(log);
    let row = log.row(600);
    (row.openings, row.ip) = (None, None);
}

/// Nothing excuses what is gone.
fn inexcusable() -> Found {
    let gone = [vec![(Forked, None)], span(Missing, 0, 511)].concat();
    [gone, each(CommitmentMismatch, [600])].concat()
}

#[test]
fn only_the_nearest_log_of_the_class_audit_speaks_for_another_one() {
    let mut log = log(700);
    prune_and_erase(&mut log);
    // It stands around this log as well, but further out.
    both(&mut log, "billing.example/audit");
    say(&mut log, AUDIT, "audit.heartbeat", &json!({}));
    assert_eq!(found(&log), inexcusable());
    both(&mut log, AUDIT);
    assert_eq!(found(&log), [span(Pruned, 0, 511), each(Erased, [600])].concat());
    let text = report(&log).to_string();
    assert!(text.contains(&format!("were pruned, as {AUDIT} says at 1\n")), "{text}");
    assert!(text.contains(&format!("were erased here, as {AUDIT} says at 2\n")), "{text}");
}

#[test]
fn what_is_signed_is_excused_by_what_is_signed_only() {
    let mut log = log(700);
    prune_and_erase(&mut log);
    both(&mut log, AUDIT);
    let (own, audit) = (Key::of(ORIGIN), Key::of(AUDIT));
    let whole = own.note(&log, 700);
    // The policy does not name who speaks.
    assert_eq!(places(&verified(&log, &[&own], &[&whole])), inexcusable());
    // What it says is signed, and what not.
    let excused = [span(Pruned, 0, 511), each(Erased, [600])].concat();
    let notes = [0, 1, 2].map(|size| audit.note(&log, size));
    let found = |size: usize| places(&verified(&log, &[&own, &audit], &[&whole, &notes[size]]));
    assert_eq!(found(2), excused);
    assert_eq!(found(1), [span(Pruned, 0, 511), each(Unsealed, [600])].concat());
    assert_eq!(found(0), [span(Unsealed, 0, 511), each(Unsealed, [600])].concat());
    // Of a log that the policy does not name nothing is asked.
    let other = Key::of("other.example/audit/standard");
    assert_eq!(places(&verified(&log, &[&other], &[])), excused);
}

#[test]
fn a_prune_ends_where_a_tile_does() {
    let mut log = log(100);
    log.delete(|_| false);
    log.head_mut().min_index = 100;
    let said = json!({"log": ORIGIN, "min_index": 100, "size": 100});
    say(&mut log, AUDIT, "audit.pruned", &said);
    assert_eq!(found(&log), [vec![(Forked, None)], span(Truncated, 0, 99)].concat());
}

fn pruned(size: u64) -> Tampered {
    let mut log = log(size);
    prune(&mut log);
    let said = json!({"log": ORIGIN, "min_index": 512, "size": 650});
    say(&mut log, AUDIT, "audit.pruned", &said);
    log
}

#[test]
fn a_pruned_range_keeps_its_leaf_hashes() {
    let log = pruned(700);
    let tile = |index| TileId { level: 0, index };
    let lost = |index: u64| (TilesCorrupt, Some((index * 256, index * 256 + 255)));
    let all = [lost(0), (Pruned, Some((0, 511))), lost(1)];
    let mut without = log.clone();
    without.tiles.remove(&tile(1));
    assert_eq!(found(&without), all[1..]);
    without.tiles.remove(&tile(0));
    assert_eq!(found(&without), all);
    // Which of them was changed cannot be told.
    let mut changed = log.clone();
    changed.edit_tile(0, 0, 17, leaf_hash(b"other"));
    assert_eq!(found(&changed), all);
    // Nor is the rest of the log above suspicion where there is one under the same peak.
    let mut larger = pruned(1_100);
    assert_eq!(found(&larger), span(Pruned, 0, 511));
    larger.edit_tile(0, 0, 17, leaf_hash(b"other"));
    assert_eq!(found(&larger), [span(Pruned, 0, 511), span(Modified, 0, 1_023)].concat());
}

#[test]
fn a_checkpoint_that_cannot_be_compared_for_what_was_pruned_is_told_of() {
    let honest = log(700);
    let (own, audit) = (Key::of(ORIGIN), Key::of(AUDIT));
    let notes = [300, 600, 700].map(|size| own.note(&honest, size));
    let mut log = honest;
    prune(&mut log);
    say(&mut log, AUDIT, "audit.pruned", &json!({"log": ORIGIN, "min_index": 512, "size": 650}));
    let notes = [notes[0].clone(), notes[1].clone(), notes[2].clone(), audit.note(&log, 1)];
    let found =
        |log: &Tampered, notes: &[&SignedNote]| places(&verified(log, &[&own, &audit], notes));
    let all: Vec<_> = notes.iter().collect();
    assert_eq!(found(&log, &all), span(Pruned, 0, 511));
    log.tiles.remove(&TileId { level: 0, index: 0 });
    let lost = [(TilesCorrupt, Some((0, 255))), (Pruned, Some((0, 511)))];
    assert_eq!(found(&log, &all[2..]), lost);
    let missing = [&[(Missing, None)], &lost[..]].concat();
    assert_eq!(found(&log, &all), missing);
    // The same of those that are kept.
    log.kept = vec![kept(&notes[1])];
    assert_eq!(found(&log, &all[2..]), missing);
}

#[test]
fn an_erasure_in_the_log_of_the_class_audit_itself_stands_behind_what_it_excuses() {
    let mut log = run(async {
        let store = MemoryStore::new();
        let id = store.open_log(AUDIT, "audit").await.unwrap();
        let leaves: Vec<_> = (0..5).map(leaf).collect();
        store.append(id, &leaves, at(1)).await.unwrap();
        let said = json!({"log": AUDIT, "indexes": [2, 3], "pointers": PLACES});
        store.append(id, &[word("audit.erased", &said)], at(1)).await.unwrap();
        Tampered::of(&store).await
    });
    for index in [2, 3, 4] {
        let row = log.row(index);
        (row.openings, row.ip) = (None, None);
    }
    assert_eq!(found(&log), [span(Erased, 2, 3), each(CommitmentMismatch, [4])].concat());
    let audit = Key::of(AUDIT);
    let found = |size| places(&verified(&log, &[&audit], &[&audit.note(&log, size)]));
    assert_eq!(found(6), [span(Erased, 2, 3), each(CommitmentMismatch, [4])].concat());
    assert_eq!(found(5), [span(Unsealed, 2, 3), each(CommitmentMismatch, [4])].concat());
}

#[test]
fn what_is_pruned_and_erased_during_a_verification_is_excused_by_what_is_said_meanwhile() {
    let honest = log(700);
    let late = |log: &Tampered, action, said: &Value| {
        let mut log = log.clone();
        let beside = MemoryStore::new();
        run(async {
            let id = beside.open_log(AUDIT, "audit").await.unwrap();
            beside.append(id, &[word("audit.heartbeat", &json!({}))], at(1)).await.unwrap();
        });
        log.beside = Some(beside);
        log.late = Some((LogId::of(AUDIT), word(action, said)));
        log
    };
    let mut pruned = honest.clone();
    prune(&mut pruned);
    let said = json!({"log": ORIGIN, "min_index": 512, "size": 700});
    assert_eq!(found(&late(&pruned, "audit.pruned", &said)), span(Pruned, 0, 511));
    let other = json!({"log": ORIGIN, "min_index": 256, "size": 700});
    let forked = [vec![(Forked, None)], span(Missing, 0, 511)].concat();
    assert_eq!(found(&late(&pruned, "audit.pruned", &other)), forked);

    let mut erased = honest.clone();
    erase(&mut erased);
    let said = json!({"log": ORIGIN, "indexes": [5, 6, 699], "pointers": PLACES});
    let excused = [span(Erased, 5, 6), each(Erased, [699])].concat();
    assert_eq!(found(&late(&erased, "audit.erased", &said)), excused);
    let taken = each(CommitmentMismatch, [5, 6, 699]);
    assert_eq!(found(&late(&erased, "audit.pruned", &said)), taken);
}
