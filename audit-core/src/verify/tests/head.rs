//! Heads that were changed, and what a report says of them.

use serde_json::json;

use super::FindingKind::{Extra, Forked, Missing, Modified};
use super::*;
use crate::merkle::{Frontier, leaf_hash};

const FORKED: [(FindingKind, Option<(u64, u64)>); 1] = [(Forked, None)];

/// The same size with another hash as one of the peaks.
fn with_peak(frontier: &Frontier, place: usize) -> Frontier {
    let mut bytes = frontier.to_bytes();
    bytes[place * 32] ^= 1;
    Frontier::from_bytes(frontier.size(), &bytes).unwrap()
}

#[test]
fn a_changed_root_or_frontier_is_a_fork_and_no_entry_is_blamed() {
    for size in [1, 7, 256, 300, 1_000] {
        let log = log(size);
        let mut root = log.clone();
        root.head_mut().root = leaf_hash(b"other");
        assert_eq!(found(&root), FORKED, "{size}");
        for place in 0..usize::try_from(size.count_ones()).unwrap() {
            let mut frontier = log.clone();
            frontier.head_mut().frontier = with_peak(&frontier.head_mut().frontier, place);
            assert_eq!(found(&frontier), FORKED, "{size}");
        }
    }
}

#[test]
fn a_changed_size_is_a_fork_and_no_entry_is_blamed() {
    for (size, other) in
        [(1, 2), (2, 1), (5, 3), (5, 6), (300, 270), (256, 512), (512, 256), (1_000, 1_008)]
    {
        let mut log = log(size);
        log.head_mut().frontier =
            Frontier::from_bytes(other, &log.head_mut().frontier.to_bytes()).unwrap();
        assert_eq!(found(&log), FORKED, "{size} as {other}");
        assert_eq!(report(&log).logs[0].size, Some(other));
    }
}

#[test]
fn a_head_that_was_changed_to_agree_with_itself_leaves_its_entries_in_doubt() {
    for (place, first, last) in [(0, 0, 511), (1, 512, 767), (2, 768, 895), (5, 992, 999)] {
        let mut log = log(1_000);
        let head = log.head_mut();
        head.frontier = with_peak(&head.frontier, place);
        head.root = head.frontier.root();
        let (expected, found) = (span(Modified, first, last), found(&log));
        assert!(expected.iter().all(|finding| found.contains(finding)), "{found:?}");
    }
}

#[test]
fn an_older_head_leaves_the_newer_entries_extra() {
    let mut newer = log(300);
    let older = run(async {
        let mut frontier = Frontier::new();
        for row in &newer.rows[..290] {
            frontier.push(row.leaf.unwrap()).unwrap();
        }
        frontier
    });
    let recorded_at = newer.row(289).recorded_at;
    let head = newer.head_mut();
    (head.root, head.frontier, head.recorded_at) = (older.root(), older, recorded_at);
    assert_eq!(found(&newer), span(Extra, 290, 299));
}

#[test]
fn a_head_that_excuses_missing_entries_is_a_fork_and_excuses_none() {
    let mut log = log(1_000);
    log.delete(|index| index >= 512);
    log.head_mut().min_index = 512;
    assert_eq!(found(&log), [FORKED.to_vec(), span(Missing, 0, 511)].concat());
}

#[test]
fn a_head_that_cannot_be_read_is_a_fork_and_no_error() {
    let mut log = log(10);
    log.head = None;
    let report = report(&log);
    assert_eq!(
        report.to_string(),
        concat!(
            "billing.example/audit/standard: checked against nothing, as the head row cannot be read\n",
            "FORKED billing.example/audit/standard: read \u{fffd}[2J what is no head\n",
        )
    );
}

#[test]
fn a_report_says_against_what_it_was_checked() {
    let mut log = log(300);
    let root = log.head_mut().root;
    log.row(17).canon.push(b' ');
    let report = report(&log);
    let found = log.row(17).canon.clone();
    let detail = format!(
        "the bytes hash to {}, those of the log to {}",
        leaf_hash(&found),
        log.row(17).leaf.unwrap()
    );
    let against = "the head row in the same database, which proves nothing against the database's administrator";
    assert_eq!(
        report.to_string(),
        format!(
            "{ORIGIN}: 300 entries, root {root}; checked against {against}\nMODIFIED {ORIGIN} 17: {detail}\n"
        )
    );
    assert_eq!(
        serde_json::to_value(&report).unwrap(),
        json!({"leaves_only": false, "logs": [{
            "log": ORIGIN,
            "size": 300,
            "root": root.to_string(),
            "against": against,
            "checkpoints": [],
            "kept": 0,
            "from": 0,
            "findings": [{"kind": "MODIFIED", "log": ORIGIN, "entries": {"first": 17, "last": 17}, "detail": detail}],
            "omitted": {},
        }]})
    );
}

#[test]
fn a_store_without_logs_is_said_to_have_none() {
    let report = run(verify(&Reader::new(MemoryStore::new()))).unwrap();
    assert_eq!(
        (report.is_clean(), report.to_string().as_str()),
        (true, "there is no log in this store\n")
    );
}
