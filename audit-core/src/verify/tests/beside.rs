//! What stands beside the bytes: columns, openings, bounds.

use super::FindingKind::{ColumnMismatch, CommitmentMismatch};
use super::*;
use crate::event::Term;
use crate::merkle::leaf_hash;
use crate::store::Segment;

type Change = fn(&mut Row);

/// Changes to a row, with the name that the finding must say.
const CHANGES: [(&str, Change); 18] = [
    ("segment", |row| row.segment = Some(1)),
    ("segment", |row| row.segment = None),
    ("leaf", |row| row.leaf = Some(leaf_hash(b"other"))),
    ("leaf", |row| row.leaf = None),
    ("event_id", |row| row.columns.as_mut().unwrap().event_id = uuid::Uuid::nil()),
    ("occurred_at", |row| row.columns.as_mut().unwrap().occurred_at = at(1)),
    ("action", |row| row.columns.as_mut().unwrap().action = "invoice.reject".to_owned()),
    ("actor", |row| row.columns.as_mut().unwrap().actor = Some("u-9".to_owned())),
    ("actor", |row| row.columns.as_mut().unwrap().actor = None),
    ("resource_type", |row| row.columns.as_mut().unwrap().resource_type = None),
    ("resource_id", |row| row.columns.as_mut().unwrap().resource_id = Some("0815".to_owned())),
    ("terms", |row| row.columns.as_mut().unwrap().terms.clear()),
    ("terms", |row| row.columns.as_mut().unwrap().terms.reverse()),
    ("terms", |row| row.columns.as_mut().unwrap().terms.push(Term::new("outcome", "denied"))),
    ("the search columns, which cannot be read", |row| row.columns = None),
    ("recorded_at", |row| row.recorded_at = None),
    ("ip", |row| row.ip = Some(vec![9; 16])),
    ("ip", |row| row.ip = None),
];

#[test]
fn a_changed_column_is_found_and_named() {
    let log = log(300);
    for (name, change) in CHANGES {
        for index in [0, 255, 299] {
            let mut log = log.clone();
            change(log.row(index));
            let report = report(&log);
            assert_eq!(places(&report), each(ColumnMismatch, [index]), "{name} of {index}");
            let text = format!("these columns do not fit the entry: {name}\n");
            assert!(report.to_string().ends_with(&text), "{report}");
        }
    }
}

#[test]
fn an_entry_that_a_search_by_terms_may_miss_is_found_once() {
    let mut log = log(300);
    log.unindexed = vec![17, 299];
    assert_eq!(found(&log), each(ColumnMismatch, [17, 299]));
    log.row(17).columns.as_mut().unwrap().terms.clear();
    assert_eq!(found(&log), each(ColumnMismatch, [17, 299]));
    // What is said of many entries is not said of this one.
    log.segments.clear();
    let (bounds, each) = (span(ColumnMismatch, 0, 299), each(ColumnMismatch, [17, 299]));
    assert_eq!(found(&log), [bounds, each].concat());
}

#[test]
fn a_time_of_recording_that_goes_back_is_found_with_the_entry_before_it() {
    let log = log(300);
    let mut later = log.clone();
    later.row(100).recorded_at = Some(at(u64::from(u32::MAX) * 1_000_000));
    assert_eq!(found(&later), span(ColumnMismatch, 100, 101));
    let mut earlier = log.clone();
    earlier.row(100).recorded_at = Some(at(1));
    assert_eq!(found(&earlier), span(ColumnMismatch, 99, 100));
    let mut last = log.clone();
    last.row(299).recorded_at = Some(at(u64::from(u32::MAX) * 1_000_000));
    assert_eq!(found(&last), each(ColumnMismatch, [299]));
}

#[test]
fn an_opening_that_does_not_open_is_found() {
    let log = log(300);
    for (from, to) in [
        ("10.0.0.7", "10.0.0.8"),
        ("Alice", "Mallory"),
        ("/actor/name", "/actor/id"),
        ("/actor/name", "/nowhere"),
        ("[\"", "[\"!"),
        ("{", "["),
    ] {
        for index in [5, 299] {
            let mut log = log.clone();
            let row = log.row(index);
            row.openings = row.openings.as_ref().map(|text| text.replacen(from, to, 1));
            assert_eq!(found(&log), each(CommitmentMismatch, [index]), "{to}");
        }
    }
}

#[test]
fn an_address_that_stays_where_its_opening_was_taken_away_is_found() {
    let mut log = log(300);
    log.row(5).openings = None;
    assert_eq!(found(&log), [each(ColumnMismatch, [5]), each(CommitmentMismatch, [5])].concat());
}

#[test]
fn bounds_of_a_segment_that_are_not_those_of_its_entries_are_found() {
    let log = log(300);
    let [segment] = log.segments[..] else { panic!("{:?}", log.segments) };
    let moved = std::time::Duration::from_micros(1);
    for wrong in [
        vec![],
        vec![Segment { earliest: segment.earliest + moved, ..segment }],
        vec![Segment { earliest: segment.earliest - moved, ..segment }],
        vec![Segment { latest: segment.latest + moved, ..segment }],
        vec![Segment { latest: segment.latest - moved, ..segment }],
    ] {
        let log = Tampered { segments: wrong, ..log.clone() };
        assert_eq!(found(&log), span(ColumnMismatch, 0, 299), "{:?}", log.segments);
    }
    let log = Tampered { segments: vec![segment, Segment { number: 1, ..segment }], ..log };
    assert_eq!(found(&log), [(ColumnMismatch, None)]);
}

#[test]
fn hostile_texts_of_the_database_do_not_reach_a_terminal() {
    let mut log = log(10);
    log.origin = "a\u{1b}]0;b\u{7}\nc".to_owned();
    let row = log.row(5);
    row.openings =
        row.openings.as_ref().map(|text| text.replacen("/actor/name", "/\\u001b[2J\\n\u{9b}", 1));
    let report = report(&log);
    let text = report.to_string();
    assert!(text.contains("[2J"), "{text}");
    assert!(!text.contains(|c: char| c.is_control() && c != '\n'), "{text:?}");
    assert_eq!(text.lines().count(), 2, "{text:?}");
    let json = serde_json::to_string(&report).unwrap();
    assert!(!json.contains("\\u00") && !json.contains('\u{9b}') && !json.contains("\\n"), "{json}");
}
