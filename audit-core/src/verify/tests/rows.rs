//! Rows that were changed, taken away, added or moved. In a log of 1,000 the entries 0 to 767 have tiles;
//! above the newest stand peaks over 768-895, 896-959, 960-991 and 992-999.

use super::FindingKind::{
    ColumnMismatch, Duplicate, Extra, Missing, Modified, NonCanonical, Reordered, TilesCorrupt,
    Truncated,
};
use super::large::small_log;
use super::*;
use crate::follow::Follower;
use crate::merkle::{Frontier, Tile, TileId, leaf_hash};
use crate::query::Query;
use crate::store::Row;

#[test]
fn a_changed_byte_is_found_at_its_index() {
    for size in [1_u64, 2, 7, 100, 255, 256, 257, 300, 1_000] {
        for index in [0, 1, size / 2, size.saturating_sub(2), size - 1] {
            let mut log = log(size);
            if index < size {
                log.edit(index, "\"nonce\":\"", "\"nonce\":\"x", false);
                assert_eq!(found(&log), each(Modified, [index]), "{index} of {size}");
            }
        }
    }
}

#[test]
fn a_changed_byte_with_its_leaf_hash_put_right_is_found_by_tile_or_peak() {
    let log = log(1_000);
    for (index, first, last) in
        [(0, 0, 0), (300, 300, 300), (767, 767, 767), (800, 768, 895), (999, 992, 999)]
    {
        let mut log = log.clone();
        log.edit(index, "\"nonce\":\"", "\"nonce\":\"x", true);
        assert_eq!(found(&log), span(Modified, first, last), "{index}");
    }
}

#[test]
fn a_row_that_gives_itself_away_is_named_within_the_range_of_its_peak() {
    let mut log = log(1_000);
    log.edit(800, "\"u-0\"", "\"u-9\"", true);
    assert_eq!(found(&log), [span(Modified, 768, 895), each(ColumnMismatch, [800])].concat());
}

#[test]
fn a_deleted_row_is_missing_and_the_others_are_not_blamed() {
    let log = log(1_000);
    for index in [0, 255, 256, 300, 768, 800, 998] {
        let mut log = log.clone();
        log.delete(|other| other != index);
        assert_eq!(found(&log), each(Missing, [index]));
    }
    let mut log = log.clone();
    log.delete(|index| !(200..=600).contains(&index) && index != 700);
    log.edit(100, "\"nonce\":\"", "\"nonce\":\"x", false);
    let others = each(Missing, [700]);
    assert_eq!(found(&log), [each(Modified, [100]), span(Missing, 200, 600), others].concat());
}

#[test]
fn what_cannot_be_checked_without_a_missing_row_is_said() {
    let mut log = log(1_000);
    log.delete(|index| index != 800);
    let text = report(&log).to_string();
    assert!(text.contains("MISSING billing.example/audit/standard 800: "), "{text}");
    assert!(text.contains("the bytes of 768-895 cannot be compared"), "{text}");
}

#[test]
fn a_cut_tail_is_found_at_the_first_entry_that_is_gone() {
    let log = log(1_000);
    for first in [0, 1, 255, 256, 300, 512, 768, 999] {
        let mut log = log.clone();
        log.delete(|index| index < first);
        assert_eq!(found(&log), span(Truncated, first, 999));
    }
}

#[test]
fn a_log_without_rows_is_not_walked_tile_by_tile_to_the_size_that_its_head_claims() {
    let mut log = log(64);
    let peak = log.head_mut().root;
    log.head_mut().frontier = Frontier::from_bytes(1 << 62, peak.as_bytes()).unwrap();
    let far = Row { index: 1 << 61, ..log.row(5).clone() };
    log.delete(|_| false);
    assert_eq!(found(&log), span(Truncated, 0, (1 << 62) - 1));
    log.rows.push(far);
    let found = found(&log);
    assert!(found.contains(&(Missing, Some((0, (1 << 61) - 1)))), "{found:?}");
    assert!(found.contains(&(Truncated, Some(((1 << 61) + 1, (1 << 62) - 1)))), "{found:?}");
}

#[test]
fn rows_that_moved_up_into_a_hole_are_reordered() {
    let mut log = log(600);
    log.delete(|index| index != 500);
    for row in &mut log.rows {
        row.index -= u64::from(row.index > 500);
    }
    let found = found(&log);
    assert_eq!(
        found[..11],
        each(Reordered, [500, 501, 502, 503, 504, 505, 506, 507, 508, 509, 510])
    );
    assert_eq!(found.last(), span(Truncated, 599, 599).first());
}

#[test]
fn swapped_rows_are_found_beside_a_missing_one() {
    let mut log = log(1_000);
    log.swap(800, 810);
    log.delete(|index| index != 995);
    assert_eq!(found(&log), [each(Reordered, [800, 810]), each(Missing, [995])].concat());
}

#[test]
fn swapped_rows_are_reordered_wherever_they_stand() {
    let log = log(1_000);
    let places = [
        (3, 4),
        (3, 300),
        (0, 767), // with tiles
        (3, 800),
        (767, 999),
        (300, 900), // one of two has a tile
        (800, 801),
        (770, 890),
        (998, 999),
        (800, 999),
        (900, 970), // no tile
    ];
    for (i, j) in places {
        let mut log = log.clone();
        log.swap(i, j);
        assert_eq!(found(&log), each(Reordered, [i, j]), "{i} and {j}");
    }
}

#[test]
fn swapped_bytes_are_reordered_with_their_leaf_hashes_or_without() {
    let log = log(1_000);
    for (i, j) in [(3, 4), (3, 300), (3, 800), (800, 801), (800, 999)] {
        for with_leaf in [false, true] {
            let mut log = log.clone();
            log.swap_bytes(i, j, with_leaf);
            assert_eq!(found(&log), each(Reordered, [i, j]), "{i} and {j}, {with_leaf}");
        }
    }
}

#[test]
fn the_whole_of_a_small_log_can_be_swapped_back() {
    for size in [2, 3, 7, 100] {
        let mut log = log(size);
        log.swap(0, size - 1);
        assert_eq!(found(&log), each(Reordered, [0, size - 1]), "{size}");
    }
}

#[test]
fn rotated_rows_are_reordered_and_a_copy_is_modified() {
    let mut log = log(1_000);
    log.swap(3, 300);
    log.swap(300, 600);
    assert_eq!(found(&log), each(Reordered, [3, 300, 600]));
    let text = report(&log).to_string();
    assert!(text.contains(" 3: the entry that was appended at 300 stands here"), "{text}");
    let mut log = super::log(1_000);
    let copy = log.row(4).clone();
    *log.row(3) = Row { index: 3, ..copy };
    assert_eq!(found(&log), each(Modified, [3]));
}

#[test]
fn a_row_beyond_the_end_is_extra() {
    for index in [1_000, 1_001, 5_000_000] {
        let mut log = log(1_000);
        let last = log.row(999).clone();
        log.rows.push(Row { index, ..last });
        assert_eq!(found(&log), each(Extra, [index]));
    }
    let mut log = log(300);
    let row = log.row(299).clone();
    log.rows.extend((300..5_000).map(|index| Row { index, ..row.clone() }));
    assert_eq!(found(&log), span(Extra, 300, 4_999));
}

#[test]
fn a_second_row_at_an_index_is_found_also_where_a_chunk_ends() {
    for index in [5, 1_022, 1_023, 1_024] {
        let mut log = log(1_100);
        let place = log.rows.partition_point(|row| row.index <= index);
        let second = Row { index, ..log.row(0).clone() };
        log.rows.insert(place, second);
        assert_eq!(found(&log), each(Duplicate, [index]));
    }
}

#[test]
fn an_entry_that_never_was_an_event_is_not_canonical() {
    let log = run(async {
        let store = MemoryStore::new();
        let broken = |index| {
            let mut leaf = leaf(index);
            if index == 5 {
                leaf.event.canon = "{}".to_owned();
                leaf.event.openings = None;
                leaf.ip = None;
                leaf.hash = leaf_hash(b"{}");
            }
            leaf
        };
        append(&store, 0..300, 3, broken).await;
        Tampered::of(&store).await
    });
    assert_eq!(found(&log), each(NonCanonical, [5]));
}

#[test]
fn a_tile_that_was_changed_or_deleted_is_corrupt_and_no_row_is_blamed() {
    let log = log(1_000);
    for index in [0, 1, 2] {
        let place = span(TilesCorrupt, index * 256, index * 256 + 255);
        let mut changed = log.clone();
        let other = leaf(0).hash;
        changed.edit_tile(0, index, 17, other);
        assert_eq!(found(&changed), place);
        let mut deleted = log.clone();
        deleted.tiles.remove(&TileId { level: 0, index });
        assert_eq!(found(&deleted), place);
    }
}

#[test]
fn a_corrupt_tile_does_not_hide_a_row_and_a_row_does_not_hide_a_tile() {
    let log = log(1_000);
    let other = leaf(0).hash;
    for (index, with_leaf) in [(5, false), (300, false), (300, true)] {
        let mut log = log.clone();
        log.edit_tile(0, 0, 17, other);
        log.edit(index, "\"nonce\":\"", "\"nonce\":\"x", with_leaf);
        assert_eq!(found(&log), [span(TilesCorrupt, 0, 255), each(Modified, [index])].concat());
    }
}

#[test]
fn rows_that_agree_with_themselves_are_not_blamed_for_a_tile_that_nothing_can_prove_wrong() {
    let mut log = log(1_000);
    let other = leaf_hash(b"other");
    log.tiles.insert(TileId { level: 0, index: 1 }, Tile::new(vec![other; 256]).unwrap());
    log.delete(|index| index != 300);
    log.edit(310, "\"nonce\":\"", "\"nonce\":\"x", false);
    log.edit(20, "\"nonce\":\"", "\"nonce\":\"x", true);
    let (tile, gap) = (span(TilesCorrupt, 256, 511), each(Missing, [300]));
    let expected = [each(Modified, [20]), tile, gap, each(ColumnMismatch, [310])];
    assert_eq!(found(&log), expected.concat());
}

#[test]
fn findings_of_a_rewritten_log_are_counted_and_not_all_kept() {
    let mut log = log(1_300);
    for row in &mut log.rows {
        row.segment = Some(7);
        row.canon.push(b' ');
    }
    let report = report(&log);
    assert_eq!(report.findings().count(), super::super::MAX_FINDINGS);
    assert_eq!(report.logs[0].omitted, [(Modified, 300)].into());
    assert!(report.to_string().contains("MODIFIED billing.example/audit/standard: 300 more"));
}

#[test]
fn bytes_that_are_no_text_are_a_finding_and_no_error() {
    let mut log = log(300);
    log.row(7).canon = vec![0xff, 0];
    log.row(290).canon = Vec::new();
    assert_eq!(found(&log), each(Modified, [7, 290]));
}

#[test]
fn a_moment_that_was_changed_stops_nobody_who_follows() {
    let mut log = small_log(2_000);
    log.row(5).recorded_at = Some(at(86_400_000_000));
    let mut follower = Follower::new(Reader::new(log), Query::new());
    let (mut found, mut reads) = (0, 0);
    while let Some(entries) = run(follower.read()).unwrap() {
        (found, reads) = (found + entries.len(), reads + 1);
        assert!(reads < 100, "{found} entries");
    }
    assert_eq!(found, 2_000);
}
