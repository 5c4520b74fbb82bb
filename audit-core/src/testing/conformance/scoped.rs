//! What a reader within a scope does not get to know.

use std::sync::Arc;

use super::{at, encoded};
use crate::event::{Event, EventBuilder, Resource};
use crate::follow::{FollowError, Follower};
use crate::query::{Cursor, Field, Query, QueryError, Scope};
use crate::signer::{SignError, Signer};
use crate::store::{LogId, Reader, SearchError, Start, Store, StoreErrorKind};
use crate::verify::verify;

const LOGS: [&str; 2] = ["test/audit/standard", "test/audit/other"];

/// In each of two logs, in turns: an event of tenant `a`, one of tenant `b`, and one of none.
async fn filled(store: &Arc<dyn Store>) -> Reader {
    for number in 0..20_u32 {
        let log = store.open_log(LOGS[usize::from(number % 2 == 1)], "standard").await.unwrap();
        let event = |who: &str| {
            let resource = Resource::new("page", format!("of-{who}-{number}"));
            Event::builder("page.read").on(resource).tag(who).occurred_at(at(number.into()))
        };
        let of = |tenant: &str| -> EventBuilder { event(tenant).tenant(tenant) };
        let batch = [of("a"), of("b"), event("none")].map(|event| encoded(event, number.into()));
        store.append(log, &batch, at(number.into())).await.unwrap();
    }
    Reader::shared(Arc::clone(store))
}

fn of_a() -> Scope {
    Scope::everything().tenant("a")
}

async fn found(reader: &Reader, mut query: Query) -> Vec<String> {
    let mut found = Vec::new();
    loop {
        let page = reader.search(&query).await.unwrap();
        found.extend(page.entries.iter().map(|entry| entry.event().to_string()));
        match page.next {
            Some(next) => query = query.cursor(next),
            None => return found,
        }
    }
}

pub async fn no_query_finds_what_is_out_of_scope(store: Arc<dyn Store>) {
    let all = filled(&store).await;
    let reader = all.within(of_a());
    for text in [
        "",
        "tenant:b",
        "tenant:a,b",
        "tenant:*",
        "-tenant:a",
        "-tenant:*",
        "tag:b",
        "of-b",
        "tenant:a tag:b",
        "resource:page/of-b-3",
        "action:page.*",
        "log:test/audit/other",
        "log:test/audit/other tag:none",
    ] {
        let query: Query = text.parse().unwrap();
        let of_all = found(&all, query.clone()).await;
        for query in [query.clone().limit(3), query.clone().limit(3).oldest_first()] {
            let found = found(&reader, query).await;
            assert!(found.iter().all(|event| event.contains("\"tenant\":\"a\"")), "{text}");
            let of_a = of_all.iter().filter(|event| event.contains("\"tenant\":\"a\""));
            assert_eq!(found.len(), of_a.count(), "{text}");
        }
        let mut follower = Follower::new(reader.clone(), query);
        while let Some(entries) = follower.read().await.unwrap() {
            assert!(entries.iter().all(|entry| entry.event()["tenant"] == "a"), "{text}");
        }
    }
    assert_eq!(found(&all, Query::new()).await.len(), 60);
    assert_eq!(found(&reader, Query::new()).await.len(), 20);
    assert_eq!(found(&reader.within(of_a()), Query::new()).await.len(), 20);
    for narrower in [Scope::everything().tenant("b"), Scope::everything().tenants([""; 0])] {
        assert_eq!(found(&reader.within(narrower), Query::new()).await, [""; 0]);
    }
}

pub async fn no_entry_out_of_scope_is_read_by_its_place_or_id(store: Arc<dyn Store>) {
    let all = filled(&store).await;
    let reader = all.within(of_a());
    for log in all.logs().await.unwrap() {
        let entries = reader.read(&log, 0, 1_000).await.unwrap();
        assert!(entries.iter().map(|entry| entry.index).eq((0..30).step_by(3)));
        assert!(reader.read(&log, 1, 2).await.unwrap().is_empty());
    }
    for row in
        store.search(LogId::of(LOGS[1]), &Query::new().filter(), Start::END, 100).await.unwrap()
    {
        let id = row.columns.unwrap().event_id;
        assert_eq!(all.find(id).await.unwrap().map(|entry| entry.index), Some(row.index));
        let is_found = reader.find(id).await.unwrap().is_some();
        assert_eq!(is_found, row.index.is_multiple_of(3), "{}", row.index);
    }
}

pub async fn no_cursor_leads_out_of_its_query_or_scope(store: Arc<dyn Store>) {
    let all = filled(&store).await;
    let [of_a, of_b] = ["a", "b"].map(|tenant| all.within(Scope::everything().tenant(tenant)));
    let query = Query::new().action("page.read").limit(5);
    let of = |cursor: &Cursor| query.clone().cursor(cursor.clone());
    let next = async |reader: &Reader| reader.search(&query).await.unwrap().next.unwrap();
    let (ours, theirs, whole) = (next(&of_a).await, next(&of_b).await, next(&all).await);
    assert!(of_a.search(&of(&ours).limit(7)).await.is_ok());
    let others = [
        (&of_a, of(&theirs)),
        (&of_a, of(&whole)),
        (&all, of(&ours)),
        (&all, of(&whole).oldest_first()),
        (&all, of(&whole).log(LOGS[0])),
        (&all, of(&whole).tag("b")),
        (&all, Query::new().cursor(whole.clone())),
    ];
    for (reader, query) in others {
        let refused = reader.search(&query).await;
        assert!(matches!(refused, Err(SearchError::Query(QueryError::OtherCursor))), "{query:?}");
        let refused = Follower::new(reader.clone(), query).read().await;
        assert!(matches!(refused, Err(FollowError::Query(QueryError::OtherCursor))));
    }
    // Whoever makes one up comes to other places of what may be seen.
    let bond = query.bond(of_a.scope());
    for place in [0, 1, 29, 30, 31, u64::MAX] {
        let places = LOGS.map(|log| (LogId::of(log).0, place)).into_iter().chain([(0, 7), (-1, 7)]);
        let forged = Cursor::new(bond, places.collect());
        for event in found(&of_a, query.clone().cursor(forged)).await {
            assert!(event.contains("\"tenant\":\"a\""), "{event}");
        }
    }
}

pub async fn columns_that_lie_bring_nothing_into_a_scope(store: Arc<dyn Store>) {
    let log = store.open_log(LOGS[0], "standard").await.unwrap();
    let leaf = |tenant: &str, seq| {
        encoded(Event::builder("page.read").resource("page", "1").tenant(tenant), seq)
    };
    let (ours, mut theirs) = (leaf("a", 0), leaf("b", 1));
    theirs.columns.terms = ours.columns.terms.clone();
    store.append(log, &[ours, theirs], at(0)).await.unwrap();
    let all = Reader::shared(store);
    let (reader, query) = (all.within(of_a()), Query::new().tenant("a"));
    assert_eq!(all.search(&query).await.unwrap().entries.len(), 2);
    assert_eq!(reader.search(&query).await.unwrap().entries.len(), 1);
    assert_eq!(reader.count(&query, 10).await.unwrap().entries, 1);
    assert_eq!(reader.facets(&query, &Field::Action, 10).await.unwrap().values[0].entries, 1);
    let (from, until) = (at(-10_000_000_000), at(10_000_000_000));
    let histogram = reader.histogram(&query, from, until, 1).await.unwrap();
    assert_eq!(histogram.buckets[0].entries, 1);
}

pub async fn what_takes_all_entries_is_refused_within_a_scope(store: Arc<dyn Store>) {
    let all = filled(&store).await;
    let reader = all.within(of_a());
    assert!(verify(&all).await.is_ok());
    let refused = verify(&reader).await.unwrap_err();
    assert_eq!(refused.kind(), StoreErrorKind::Denied);
    assert!(refused.to_string().contains("verify the logs"), "{refused}");
    let folder = std::env::temp_dir().join("no-folder-is-made-for-a-signer-that-sees-some");
    let refused = Signer::open(reader, &folder).await;
    assert!(
        matches!(refused, Err(SignError::Store(error)) if error.kind() == StoreErrorKind::Denied)
    );
    assert!(!folder.exists());
}

/// Where more than one tenant may be seen, they are looked for one by one, so that others' entries are read on the way.
pub async fn no_cursor_tells_where_there_is_something_out_of_scope(store: Arc<dyn Store>) {
    let reader = filled(&store).await.within(Scope::everything().tenants(["a", "c"]));
    let append = async |log: &str, seq: u64, tenant: &str| {
        let log = store.open_log(log, "standard").await.unwrap();
        let event = Event::builder("page.burn").tenant(tenant).occurred_at(at(99));
        let recorded_at = at(if tenant == "b" { 98 } else { 99 });
        store.append(log, &[encoded(event, seq)], recorded_at).await.unwrap();
    };
    let newest = Query::new().action("page.burn").limit(1);
    let both = [newest.clone(), newest.oldest_first()];
    let next = async || {
        let mut cursors = Vec::new();
        for query in &both {
            cursors.push(reader.search(query).await.unwrap().next.unwrap().to_string());
        }
        cursors
    };
    append(LOGS[1], 100, "a").await;
    append(LOGS[1], 101, "c").await;
    let before = next().await;
    for seq in 102..112 {
        append(LOGS[0], seq, "b").await;
        assert_eq!(next().await, before, "{seq}");
    }
}
