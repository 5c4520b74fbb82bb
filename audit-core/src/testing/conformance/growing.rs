//! A log that grows: its tiles, and its segments.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Value, json};
use uuid::Uuid;

use super::{at, count, leaves, log};
use crate::clock::SystemClock;
use crate::event::{Columns, EncodedEvent, Outcome, Term};
use crate::merkle::{Frontier, Hash, Tile, TileId, completed, leaf_hash, node_hash};
use crate::query::{Filter, Query};
use crate::store::{Leaf, LogId, SEGMENT_SIZE, Segment, Start, Store, TermSum, repair_tiles};

pub async fn a_tile_is_written_when_it_is_full(store: Arc<dyn Store>) {
    let log = log(&store).await;
    let mut hashes: Vec<Hash> = Vec::new();
    // The last batch ends two tiles of which none is wholly its own, and one that is.
    for (size, tiles) in [(255, 0), (1, 1), (1, 1), (800, 4)] {
        let batch = leaves(size);
        hashes.extend(batch.iter().map(|leaf| leaf.hash));
        store.append(log, &batch, at(0)).await.unwrap();
        let mut full = hashes.as_chunks::<256>().0.iter();
        for index in 0..5 {
            let tile = store.tile(log, TileId { level: 0, index }).await.unwrap();
            let expected = full.next();
            assert_eq!(tile, expected.map(|hashes| Tile::new(hashes.to_vec()).unwrap()));
            assert_eq!(tile.is_some(), index < tiles);
        }
    }
    assert_eq!(store.tile(log, TileId { level: 1, index: 0 }).await.unwrap(), None);
}

pub async fn tiles_are_replaced_whatever_protects_them(store: Arc<dyn Store>) {
    let log = log(&store).await;
    store.append(log, &leaves(600), at(0)).await.unwrap();
    let [first, second] = [0, 1].map(|index| TileId { level: 0, index });
    let right = store.tile(log, first).await.unwrap().unwrap();
    let other = Tile::new(vec![Hash::EMPTY_ROOT; 256]).unwrap();
    store.replace_tiles(log, &[(first, other.clone()), (second, right.clone())]).await.unwrap();
    for (id, tile) in [(first, &other), (second, &right)] {
        assert_eq!(store.tile(log, id).await.unwrap().as_ref(), Some(tile));
        let roots = store.roots(log, id, 1).await.unwrap();
        assert!(roots == [Some(tile.root())] || roots == [None]);
    }
    // None of them where one cannot be, or all where it can.
    let third = TileId { level: 0, index: 2 };
    let partial = Tile::new(vec![Hash::EMPTY_ROOT; 7]).unwrap();
    if store.replace_tiles(log, &[(first, right), (third, partial)]).await.is_err() {
        assert_eq!(store.tile(log, first).await.unwrap(), Some(other));
    }
    // The log is what it was otherwise, and grows.
    store.append(log, &leaves(50), at(0)).await.unwrap();
    assert_eq!(store.head(log).await.unwrap().frontier.size(), 650);
}

/// The n-th of many leaves that no encoder made: enough for a tree and a search, and made fast. One in a
/// thousand has an actor, a tag and an address; in the first thousand of each four thousand, every tenth has the
/// tag `some`; all have an outcome, and every second one happened a day ago.
fn plain_leaf(number: u64) -> Leaf {
    let id = Uuid::from_u128(u128::from(number) + 1);
    let canon = format!("{{\"id\":\"{id}\"}}");
    let day = 86_400;
    let rare = number.is_multiple_of(1_000);
    let mut terms = BTreeSet::from([Term::new("outcome", "success"), Term::new("action", "login")]);
    terms.extend(rare.then(|| Term::new("tag", "rare")));
    let some = number.is_multiple_of(10) && number % 4_000 < 1_000;
    terms.extend(some.then(|| Term::new("tag", "some")));
    let second = i64::try_from(number).unwrap();
    let columns = Columns {
        event_id: id,
        occurred_at: at(if number.is_multiple_of(2) { second } else { second - day }),
        action: "login".to_owned(),
        actor: rare.then(|| "u-1".to_owned()),
        resource_type: None,
        resource_id: None,
        terms: Vec::from_iter(terms),
    };
    let hash = leaf_hash(canon.as_bytes());
    let event = EncodedEvent { id, class: "standard".to_owned(), canon, openings: None };
    Leaf { event, hash, columns, ip: rare.then_some([7; 16]), outbox: None }
}

pub async fn a_long_log_has_tiles_of_level_1_and_is_searched_over_its_segments(
    store: Arc<dyn Store>,
) {
    let log = log(&store).await;
    // Two tiles of level 1, and some.
    let all: Vec<_> = (0..2 * 65_536 + 9_000).map(plain_leaf).collect();
    for batch in all.chunks(7_777) {
        store.append(log, batch, at(0)).await.unwrap();
    }

    let mut plain = Frontier::new();
    let mut roots = Vec::new();
    for leaf in &all {
        plain.push(leaf.hash).unwrap();
        if plain.size().is_multiple_of(65_536) {
            roots.push(plain.peaks().last().copied().unwrap());
        }
    }
    assert_eq!(store.head(log).await.unwrap().frontier, plain);
    let mut level_0 = Vec::new();
    let mut level_1 = Vec::new();
    for id in completed(0, count(&all)) {
        let tile = store.tile(log, id).await.unwrap().unwrap();
        assert_eq!(tile.hashes().len(), 256);
        if id.level == 0 { level_0.push(tile) } else { level_1.push(tile) }
    }
    let below = level_0.iter().map(Tile::root);
    let above = level_1.iter().flat_map(|tile| tile.hashes().iter().copied());
    assert!(above.eq(below.take(512)));
    assert_eq!(level_1.len(), 2);
    for (level, from, count) in
        [(0, 0, 256), (0, 300, 300), (0, 540, 20), (1, 0, 3), (2, 0, 1), (0, 9_000, 2)]
    {
        let first = TileId { level, index: from };
        let mut tiles = Vec::new();
        for index in from..from + u64::from(count) {
            tiles.push(store.tile(log, TileId { level, index }).await.unwrap());
        }
        assert_eq!(store.tiles(log, first, count).await.unwrap(), tiles);
        let expected: Vec<_> = tiles.into_iter().map(|tile| tile.map(|tile| tile.root())).collect();
        // Whoever keeps no roots says so of each.
        let roots = store.roots(log, first, count).await.unwrap();
        assert!(roots == expected || roots == vec![None; count.into()], "{first:?}: {roots:?}");
    }
    // The second one completes a peak that holds both.
    assert_eq!(level_1[0].root(), roots[0]);
    assert_eq!(node_hash(&level_1[0].root(), &level_1[1].root()), roots[1]);

    // They are made again, at each level, and nothing else is.
    store.open_log("test/audit/audit", "audit").await.unwrap();
    let wrong = [(0, 3), (0, 300), (0, 511), (1, 1)].map(|(level, index)| TileId { level, index });
    let zeros = Tile::new(vec![Hash::EMPTY_ROOT; 256]).unwrap();
    store.replace_tiles(log, &wrong.map(|id| (id, zeros.clone()))).await.unwrap();
    let clock = SystemClock::new();
    assert_eq!(repair_tiles(&*store, "test/audit/standard", &clock).await.unwrap(), 4);
    for (id, tile) in completed(0, count(&all)).zip(level_0.iter().chain(&level_1)) {
        if wrong.contains(&id) {
            assert_eq!(store.tile(log, id).await.unwrap().as_ref(), Some(tile));
        }
    }
    let said = store.read(LogId::of("test/audit/audit"), 0, 10).await.unwrap();
    let said: Vec<Value> =
        said.iter().map(|row| serde_json::from_slice(&row.canon).unwrap()).collect();
    assert_eq!((said.len(), &said[0]["action"]), (1, &"audit.tiles_repaired".into()));
    assert_eq!(said[0]["metadata"], json!({"log": "test/audit/standard", "tiles": 4}));

    let bounds = |number, leaves: &[Leaf]| {
        let times = || leaves.iter().map(|leaf| leaf.columns.occurred_at);
        Segment { number, earliest: times().min().unwrap(), latest: times().max().unwrap() }
    };
    let segments = all.chunks(SEGMENT_SIZE.try_into().unwrap());
    let segments: Vec<_> = (0..).zip(segments).map(|(n, leaves)| bounds(n, leaves)).collect();
    assert!(segments.len() > 2);
    assert_eq!(store.segments(log).await.unwrap(), segments);
    for (number, leaves) in (0..).zip(all.chunks(SEGMENT_SIZE.try_into().unwrap())) {
        let (start, mut terms) = (number * SEGMENT_SIZE, TermSum::new());
        for (index, leaf) in (start..).zip(leaves) {
            leaf.columns.keys().for_each(|term| terms.add(index, term));
        }
        let range = start..start + count(leaves);
        assert_eq!(store.unindexed(log, range, &terms).await.unwrap(), [0; 0]);
    }

    let latest = segments.last().unwrap().latest;
    let edge = at(i64::try_from(SEGMENT_SIZE).unwrap());
    let actor = Some("u-1".to_owned());
    for filter in [
        Filter::default(),
        Filter { actor: actor.clone(), ..Filter::default() },
        Filter { actor: actor.clone(), since: Some(edge), ..Filter::default() },
        Filter { actor, until: Some(at(1_000)), ..Filter::default() },
        Filter { action: Some("login".to_owned()), until: Some(edge), ..Filter::default() },
        Filter { since: Some(latest), ..Filter::default() },
        Filter { ip: Some([7; 16]..=[7; 16]), ..Filter::default() },
        Filter { ip: Some([0; 16]..=[7; 16]), until: Some(edge), ..Filter::default() },
        Query::new().tag("rare").filter(),
        Query::new().tag("some").filter(),
        Query::new().tag("some").action("login").filter(),
        Query::new().tag("none").filter(),
        Query::new().outcome(Outcome::Success).filter(),
        Query::new().outcome(Outcome::Success).tag("rare").since(edge).filter(),
        Filter { since: Some(edge), until: Some(edge), ..Filter::default() },
    ] {
        let matching = (0..).zip(&all).filter(|(_, leaf)| {
            filter.matches(&leaf.columns, leaf.ip.as_ref().map(<[u8; 16]>::as_slice))
        });
        let matching: Vec<u64> = matching.map(|(index, _)| index).collect();
        // From 28,100 and 36,900 on, some of what is asked for is near, some around the end of a segment, and the rest far.
        let segment = [SEGMENT_SIZE + 500, SEGMENT_SIZE, SEGMENT_SIZE - 1];
        let places = [u64::MAX, 1_001, 0, 28_100, 36_900].into_iter().chain(segment);
        for start in places.flat_map(|place| [Start::Before(place), Start::At(place)]) {
            let range = start.range(count(&all));
            let mut expected = matching.clone();
            expected.retain(|index| range.contains(index));
            if let Start::Before(_) = start {
                expected.reverse();
            }
            expected.truncate(520);
            let found = store.search(log, &filter, start, 520).await.unwrap();
            let found = found.into_iter().map(|row| row.index);
            assert!(found.eq(expected), "{filter:?} {start:?}");
        }
    }
}
