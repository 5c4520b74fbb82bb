//! What producers have numbered, and what is there of it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::signed::Key;
use super::*;
use crate::EventBuilder;
use crate::merkle::{Frontier, leaf_hash};
use crate::note::Policy;
use crate::store::{LogId, continue_log};

const AUDIT: &str = "billing.example/audit/audit";

/// A log in memory, and a producer that writes there.
struct Case {
    store: MemoryStore,
    producer: Producer,
    seconds: u64,
}

impl Case {
    fn new() -> Self {
        Self { store: MemoryStore::new(), producer: Producer::new("host-1"), seconds: 0 }
    }

    /// Appends an event with a number, a second after the one before.
    fn append(&mut self, log: &str, event: EventBuilder, seq: impl Into<Option<u64>>) -> &mut Self {
        let clock = crate::testing::ManualClock::new(at(self.seconds * 1_000_000));
        let event = event.close(&clock).encode(&self.producer, seq);
        let leaf = Leaf::new(event).unwrap();
        self.seconds += 1;
        run(async {
            let class = log.rsplit('/').next().unwrap();
            self.store.open_log(log, class).await.unwrap();
            let now = at(self.seconds * 1_000_000);
            self.store.append(LogId::of(log), &[leaf], now).await.unwrap();
        });
        self
    }

    fn started(&mut self) -> &mut Self {
        let event = EventBuilder::of_the_log("audit.started");
        let event = event.metadata("places", 100).metadata("heartbeat_ms", 10_000);
        self.append(AUDIT, event, 0)
    }

    fn numbered(&mut self, numbers: impl IntoIterator<Item = u64>) -> &mut Self {
        for number in numbers {
            self.append(ORIGIN, Event::builder("a.b"), number);
        }
        self
    }

    fn stopped(&mut self, seq: u64, last: Value) -> &mut Self {
        let event = EventBuilder::of_the_log("audit.stopped").metadata("last_seq", last);
        self.append(AUDIT, event, seq)
    }

    /// What is found so long after the last entry.
    fn verify(&self, seconds: u64) -> Report {
        let now = at((self.seconds + seconds) * 1_000_000);
        let verification = Verification::of(&Reader::new(self.store.clone()));
        run(verification.run_at(BTreeMap::new(), BTreeMap::new(), now)).unwrap()
    }

    fn found(&self, seconds: u64) -> Vec<(FindingKind, String, String)> {
        let report = self.verify(seconds);
        let boot = self.producer.boot().to_string();
        let told = |finding: &Finding| finding.detail.replace(&boot, "BOOT");
        report
            .findings()
            .map(|finding| (finding.kind, finding.log.clone(), told(finding)))
            .collect()
    }
}

#[test]
fn a_producer_that_stopped_has_all_its_numbers_in_whatever_order_they_came() {
    let mut case = Case::new();
    case.started().numbered([1, 0, 4, 2, 3]).stopped(1, json!({ORIGIN: 4}));
    assert_eq!(case.found(1_000), []);
}

#[test]
fn numbers_that_are_missing_of_a_producer_that_stopped_are_named() {
    let mut case = Case::new();
    case.started().numbered([1, 2, 5]).stopped(1, json!({ORIGIN: 9}));
    let detail = format!(
        "7 events (numbers 0, 3-4, 6-9) of producer host-1 (boot BOOT) in {ORIGIN} are not there"
    );
    assert_eq!(case.found(0), [(FindingKind::PreLogLoss, ORIGIN.to_owned(), detail)]);
    assert!(!case.verify(0).is_clean());
}

#[test]
fn a_log_that_is_gone_with_its_head_is_missed() {
    let mut case = Case::new();
    case.started().stopped(1, json!({ORIGIN: 2}));
    let found = case.found(0);
    assert_eq!((found[0].0, &*found[0].1), (FindingKind::PreLogLoss, AUDIT));
    assert!(found[0].2.starts_with("3 events (numbers 0-2)"), "{}", found[0].2);
}

#[test]
fn a_number_of_the_producers_own_log_is_missed_as_well() {
    let mut case = Case::new();
    case.started().stopped(2, json!({}));
    let found = case.found(0);
    assert!(found[0].2.starts_with("1 events (numbers 1)"), "{}", found[0].2);
}

#[test]
fn who_falls_silent_has_come_to_an_unclean_stop_which_speaks_against_no_entry() {
    let mut case = Case::new();
    case.started().numbered([0, 1, 3]);
    // Three signs of life have not come by then.
    assert_eq!(case.found(30), []);
    let detail = format!(
        "producer host-1 (boot BOOT) has not said that it stopped: seen last at 1970-01-01T00:00:04.000000Z, number 0 in \
         {AUDIT}, number 3 in {ORIGIN} without 1 events (numbers 2); at most 100 more events are lost"
    );
    assert_eq!(case.found(31), [(FindingKind::UncleanStop, AUDIT.to_owned(), detail)]);
    assert!(case.verify(31).is_clean());
    assert!(case.verify(31).to_string().contains("UNCLEAN_STOP"));
}

#[test]
fn what_no_log_took_is_accounted_for_by_the_report_about_it() {
    let mut case = Case::new();
    case.started().numbered([0, 2]);
    let report = EventBuilder::of_the_log("audit.rejected").metadata("origin", ORIGIN);
    let report = report.metadata("boot", case.producer.boot().to_string()).metadata("seq", 1);
    case.append(AUDIT, report, 1).stopped(2, json!({ORIGIN: 2}));
    assert_eq!(case.found(0), []);
}

#[test]
fn events_from_the_outbox_have_no_number_and_who_never_began_is_not_judged() {
    let mut case = Case::new();
    case.started().numbered([0]).append(ORIGIN, Event::builder("a.b"), None);
    case.stopped(1, json!({ORIGIN: 0}));
    assert_eq!(case.found(0), []);
    let mut older = Case::new();
    older.numbered([5, 7]);
    assert_eq!(older.found(1_000_000), []);
}

#[test]
fn an_entry_that_was_changed_is_not_missed_beside_that() {
    let mut case = Case::new();
    case.started();
    for number in 1..5 {
        case.append(AUDIT, EventBuilder::of_the_log("audit.heartbeat"), number);
    }
    case.stopped(5, json!({}));
    let mut log = run(Tampered::of(&case.store));
    assert_eq!(found(&log), []);
    log.edit(2, "heartbeat", "heartbeet", false);
    assert_eq!(found(&log), each(FindingKind::Modified, [2]));
}

#[test]
fn numbers_that_stand_where_nothing_is_read_again_are_not_missed_in_the_log_that_went_on() {
    let mut case = Case::new();
    let next = format!("{ORIGIN}@2");
    case.started().numbered([0, 1]);
    let clock = crate::testing::ManualClock::new(at(case.seconds * 1_000_000));
    run(continue_log(&case.store, ORIGIN, &clock)).unwrap();
    for number in 2..302 {
        case.append(&next, Event::builder("a.b"), number);
    }
    case.stopped(1, json!({ORIGIN: 301}));
    let mut tree = Frontier::new();
    for row in run(case.store.read(LogId::of(&next), 0, 1_000)).unwrap() {
        tree.push(leaf_hash(&row.canon)).unwrap();
    }
    let key = Key::of(&next);
    let verified = key.sign(301, tree.root());
    let verification = Verification::of(&Reader::new(case.store.clone()));
    let verification = verification.policy(Policy::of_logs([key.0.public().clone()]));
    let report = run(verification.since(verified, "last time").run()).unwrap();
    assert_eq!(report.logs.iter().find(|log| log.log == next).unwrap().from, 256);
    assert!(report.is_clean(), "{report}");
}
