//! A verification that looks at leaves alone.

use serde_json::json;

use super::FindingKind::{
    ColumnMismatch, Extra, Forked, Missing, Modified, Pruned, TilesCorrupt, Truncated,
};
use super::permits::{AUDIT, say};
use super::*;
use crate::merkle::leaf_hash;

type Change = fn(&mut Tampered);

fn report_of_leaves(log: &Tampered) -> Report {
    run(Verification::of(&Reader::new(log.clone())).leaves_only().run()).unwrap()
}

fn found_in_leaves(log: &Tampered) -> Found {
    places(&report_of_leaves(log))
}

#[test]
fn an_honest_log_of_any_size_yields_no_finding_and_the_report_says_what_was_not_looked_at() {
    for size in [0, 1, 255, 256, 300, 1_025] {
        let report = report_of_leaves(&log(size));
        assert_eq!(places(&report), [], "{size} entries");
        assert!(report.to_string().starts_with("leaves and roots only: columns, openings,"));
        assert_eq!(serde_json::to_value(&report).unwrap()["leaves_only"], json!(true));
    }
}

#[test]
fn what_was_changed_in_the_bytes_or_in_what_they_come_to_is_found() {
    let log = log(700);
    let changes: [(Change, Found); 7] = [
        (|log| log.row(17).canon.push(b' '), each(Modified, [17])),
        (|log| log.edit(17, "invoice.", "invoicf.", true), each(Modified, [17])),
        (|log| log.row(17).leaf = Some(leaf_hash(b"other")), each(ColumnMismatch, [17])),
        (|log| log.delete(|index| index != 300), each(Missing, [300])),
        (|log| log.delete(|index| index < 690), span(Truncated, 690, 699)),
        (|log| log.rows.push(Row { index: 700, ..log.rows[0].clone() }), each(Extra, [700])),
        (|log| log.head_mut().root = leaf_hash(b"other"), vec![(Forked, None)]),
    ];
    for (number, (change, expected)) in changes.into_iter().enumerate() {
        let mut log = log.clone();
        change(&mut log);
        assert_eq!(found_in_leaves(&log), expected, "change {number}");
        assert_eq!(found(&log), expected, "change {number}");
    }
}

#[test]
fn what_stands_beside_the_bytes_is_not_looked_at() {
    let mut log = log(700);
    let row = log.row(17);
    (row.columns, row.openings, row.ip, row.recorded_at, row.segment) =
        (None, None, None, None, None);
    log.segments.clear();
    log.edit_tile(0, 0, 17, leaf_hash(b"other"));
    assert_eq!(found_in_leaves(&log), []);
    assert!(found(&log).len() > 2);
}

#[test]
fn a_tile_is_looked_at_where_the_leaves_do_not_come_to_what_they_should() {
    let mut log = log(700);
    log.row(17).canon.push(b' ');
    log.edit_tile(0, 0, 40, leaf_hash(b"other"));
    let expected = [span(TilesCorrupt, 0, 255), each(Modified, [17])].concat();
    assert_eq!(found_in_leaves(&log), expected);
    assert_eq!(found(&log), expected);
}

#[test]
fn entries_may_be_gone_as_the_log_of_the_class_audit_says() {
    let mut log = log(700);
    log.delete(|index| index >= 256);
    log.head_mut().min_index = 256;
    let mut unsaid = found_in_leaves(&log);
    unsaid.sort();
    assert!(unsaid.contains(&(Forked, None)), "{unsaid:?}");
    say(&mut log, AUDIT, "audit.pruned", &json!({"log": ORIGIN, "min_index": 256, "size": 700}));
    assert_eq!(found_in_leaves(&log), span(Pruned, 0, 255));
    assert_eq!(found(&log), span(Pruned, 0, 255));
}
