//! What is gone, and may be, as the log of the class `audit` says.

use serde_json::{Value, json};

use super::FindingKind::{CommitmentMismatch, Erased, Forked, Missing, Pruned, Truncated};
use super::*;
use crate::EventBuilder;
use crate::store::LogId;
use crate::testing::ManualClock;

const AUDIT: &str = "billing.example/audit/audit";

/// What is found in an honest log of 700 entries that was changed, where the log of the class `audit`, or another one, says this.
fn found_with(
    origin: &str,
    action: &'static str,
    said: &Value,
    change: impl Fn(&mut Tampered),
) -> Found {
    let mut tampered = log(700);
    change(&mut tampered);
    run(async {
        let beside = MemoryStore::new();
        let log = beside.open_log(origin, "audit").await.unwrap();
        let event = said
            .as_object()
            .unwrap()
            .iter()
            .fold(EventBuilder::of_the_log(action), |event, (name, value)| {
                event.metadata(name, value.clone())
            });
        let event = event.close(&ManualClock::new(at(1))).encode(&Producer::new("test"), 0);
        beside.append(log, &[Leaf::new(event).unwrap()], at(1)).await.unwrap();
        tampered.beside = Some((LogId::of(origin), beside));
    });
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
