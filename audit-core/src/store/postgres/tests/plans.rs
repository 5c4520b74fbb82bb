//! How the server goes about a search in a session of the store's: along the index that is meant,
//! whatever it knows of the rows.

use sqlx::{AssertSqlSafe, ConnectOptions as _, Row as _};

use super::super::open::Source;
use super::super::search::Reach;
use super::super::{read, search};
use super::*;
use crate::event::{Actor, Event, Outcome, Producer, RequestInfo};
use crate::store::search_path::SearchPath;
use crate::store::search_path::lookups::{fill, lookups};
use crate::store::{Leaf, Start, Store as _};

fn leaf(number: u64) -> Leaf {
    let event = Event::builder(["login", "logout", "read"][usize::try_from(number % 3).unwrap()])
        .actor(Actor::user(format!("u-{}", number % 200)))
        .resource("invoice", format!("{}", number % 500))
        .outcome(if number.is_multiple_of(50) { Outcome::Denied } else { Outcome::Success })
        .tag(format!("tag-{}", number % 300))
        .request(RequestInfo::new().ip([10, 0, 0, u8::try_from(number % 256).unwrap()].into()));
    Leaf::of(&event.build().unwrap(), &Producer::new("test"), number)
}

const PREPARE: &str = "PREPARE search (bigint, bigint, bigint, text, text, text, text, bytea[], timestamptz, \
     timestamptz, bigint, bigint, bytea, bytea, uuid) AS ";

async fn plan_of(connection: &mut PgConnection, sql: &str, log: i64, what: &str) -> String {
    execute(connection, &format!("DEALLOCATE ALL; {PREPARE}{sql}")).await.unwrap();
    let values = format!("({log}, 6000, 0, {what}, NULL, NULL, 100, 0");
    let id = "'01890a5d-ac96-774b-bcce-b302099a8057'";
    let values = match what.contains("bytea") {
        true => format!("{values}, NULL, NULL, {id})"),
        false => format!(
            "{values}, '\\x00000000000000000000ffff0a000007', '\\x00000000000000000000ffff0a000007', {id})"
        ),
    };
    explained(connection, &format!("search {values}")).await
}

#[expect(clippy::disallowed_methods, reason = "the store's own text after words of the server's")]
async fn explained(connection: &mut PgConnection, prepared: &str) -> String {
    let explain = sqlx::raw_sql(AssertSqlSafe(format!("EXPLAIN EXECUTE {prepared}")));
    let rows = explain.fetch_all(connection).await.unwrap();
    let steps: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    steps.join("\n")
}

#[tokio::test]
async fn each_search_goes_along_its_index() {
    let Some((store, database)) = new_store().await else {
        return;
    };
    let options = Source::of_url(&database.url).unwrap().reading;
    let mut connection = options.connect().await.unwrap();
    execute(
        &mut database.stranger().await,
        "ALTER TABLE audit.entry SET (autovacuum_enabled = off)",
    )
    .await
    .unwrap();
    let nothing = "NULL, NULL, NULL, NULL, '{}'";
    let searches = [
        ("entry_log_id_event_id_key", search::BY_EVENT, nothing),
        ("entry_resource", search::BY_RESOURCE, "NULL, NULL, 'invoice', '7', '{}'"),
        ("entry_ip", search::BY_ADDRESS, nothing),
        ("entry_ip", search::BY_NETWORK, nothing),
        ("entry_actor", search::BY_ACTOR, "'u-7', NULL, NULL, NULL, '{}'"),
        ("entry_action", search::BY_ACTION, "NULL, 'login', NULL, NULL, '{}'"),
        ("entry_pkey", search::BY_INDEX, nothing),
        (
            "entry_terms",
            search::BY_TERMS,
            "'u-7', 'login', NULL, NULL, ARRAY['\\x000102030405060708090a0b'::bytea]",
        ),
    ];
    let log = store.open_log("test/audit/standard", "standard").await.unwrap();
    let states = [
        ("an empty table", 0..0, false),
        ("nothing is known of the rows", 0..500, false),
        ("all is known of them", 0..0, true),
        ("what is known is old", 500..6_000, false),
        ("all is known of many", 0..0, true),
    ];
    let mut unseen = true;
    for (known, more, look) in states {
        for batch in more.map(leaf).collect::<Vec<_>>().chunks(500) {
            store.append(log, batch, chrono::DateTime::UNIX_EPOCH).await.unwrap();
        }
        if look {
            let mut owner = database.stranger().await;
            execute(&mut owner, "ANALYZE audit.entry").await.unwrap();
            unseen = false;
        }
        // It is read with every append: with one look, at the last entry.
        execute(&mut connection, &format!("PREPARE head (bigint) AS {}", read::HEAD))
            .await
            .unwrap();
        let plan = explained(&mut connection, &format!("head ({})", log.0)).await;
        assert!(plan.contains("Backward using entry_pkey"), "{known}: {plan}");
        let each = searches.iter().flat_map(|&(index, sql, what)| {
            [true, false]
                .into_iter()
                .zip(sql)
                .map(move |(newest_first, sql)| (index, newest_first, sql, what))
        });
        for (index, newest_first, sql, what) in each {
            // All indexes of a log cost the same to a server that has never looked at its rows, and they are few then: it
            // looks when they are more, and plans anew.
            if search::BY_EVENT.contains(&sql) && unseen {
                continue;
            }
            let plan = plan_of(&mut connection, sql, log.0, what).await;
            println!("{known}, {index}:\n{plan}\n");
            let used: Vec<_> = plan.lines().filter(|step| step.contains(" entry_")).collect();
            assert_eq!(used.len(), 1, "{known}: {plan}");
            assert!(used[0].contains(&format!(" {index} ")), "{known}: {plan}");
            assert!(!plan.contains("Seq Scan on entry"), "{known}: {plan}");
            // These indexes have no order to read along.
            let sorted = [search::BY_EVENT, search::BY_NETWORK, search::BY_TERMS].concat();
            let sorted = sorted.contains(&sql);
            let along = if newest_first { "Index Scan Backward using" } else { "Index Scan using" };
            let in_order = used[0].contains(along);
            assert_eq!(
                (in_order || sorted, plan.contains("Sort Key: e.idx")),
                (true, false),
                "{known}: {plan}"
            );
        }
        // As of one event.
        for sql in search::BY_TERMS_IN_RANGE.into_iter().filter(|_| !unseen) {
            let plan = plan_of(&mut connection, sql, log.0, nothing).await;
            println!("{known}, in a range:\n{plan}\n");
            let mut used = plan.lines().filter(|step| step.contains(" entry_"));
            // No more than the range is read, or than what has the terms in a segment.
            let is_bounded =
                |step: &str| step.contains(" entry_pkey ") || step.contains(" entry_terms ");
            assert!(used.all(is_bounded), "{known}: {plan}");
            assert!(!plan.contains("Seq Scan on entry"), "{known}: {plan}");
        }
    }
}

#[tokio::test]
async fn what_auditors_look_for_is_found_along_an_index_in_a_large_log() {
    let Some((store, database)) = new_store().await else {
        return;
    };
    let mut owner = database.stranger().await;
    execute(&mut owner, "ALTER TABLE audit.entry SET (autovacuum_enabled = off)").await.unwrap();
    let log = store.open_log("test/audit/standard", "standard").await.unwrap();
    fill(&store, log).await;
    let options = Source::of_url(&database.url).unwrap().reading;
    let mut connection = options.connect().await.unwrap();
    for is_analyzed in [false, true] {
        if is_analyzed {
            execute(&mut owner, "ANALYZE audit.entry").await.unwrap();
        }
        for ((text, along, filter), start) in
            lookups().flat_map(|it| [Start::END, Start::At(0)].map(|start| (it.clone(), start)))
        {
            let index = match along {
                SearchPath::Event => "entry_log_id_event_id_key",
                SearchPath::Resource => "entry_resource",
                SearchPath::Address | SearchPath::Network => "entry_ip",
                SearchPath::Actor => "entry_actor",
                SearchPath::Action => "entry_action",
                SearchPath::Terms => "entry_terms",
                SearchPath::Index => "entry_pkey",
            };
            let steps = search::steps(&filter, start);
            for (statement, reach) in steps {
                // One plan for all values: which they are does not matter.
                let plan =
                    plan_of(&mut connection, statement, log.0, "NULL, NULL, NULL, NULL, '{}'")
                        .await;
                let used: Vec<_> = plan.lines().filter(|step| step.contains(" entry_")).collect();
                let indexes = match reach {
                    Reach::Nearest | Reach::Near => vec!["entry_pkey"],
                    // Nothing beyond the range in any case.
                    Reach::Estimated if is_analyzed => vec![index, "entry_pkey"],
                    Reach::Estimated => vec!["entry_pkey"],
                    Reach::Rest => vec![index],
                };
                assert_eq!(used.len(), indexes.len(), "{text}: {plan}");
                for index in indexes {
                    let is_used = used.iter().any(|step| step.contains(&format!(" {index} ")));
                    assert!(is_used, "{text}: {plan}");
                }
                assert!(!plan.contains("Seq Scan on entry"), "{text}: {plan}");
            }
            let found = store.search(log, &filter, start, 100).await.unwrap();
            assert!(!found.is_empty(), "{text}");
        }
    }
}
