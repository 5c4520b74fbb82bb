//! What can be asked for, and how it is written.

use std::collections::{BTreeMap, BTreeSet};

use chrono::TimeDelta;
use proptest::prelude::*;
use serde_json::json;

use super::condition::{Network, Pattern};
use super::field::NAMES;
use super::*;
use crate::event::{Columns, Event, RequestInfo, Resource, Term};

#[test]
fn a_cursor_survives_its_way_through_a_url_and_nothing_else_does() {
    let bond = Query::new().bond(&Scope::everything());
    for places in [BTreeMap::new(), BTreeMap::from([(1, 200), (2, 0)])] {
        let cursor = Cursor::new(bond, places);
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
    }

    for wrong in ["", "x", "MTox!", "MQ", "MToy", "eDsxOjI", "MTsxOjIs", &"A".repeat(1 << 16)] {
        assert_eq!(wrong.parse::<Cursor>(), Err(CursorError), "{wrong:.20}");
    }
}

#[test]
fn a_cursor_belongs_to_what_is_asked_for_and_not_to_how_much_of_it_or_when() {
    let (now, later) = (DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH + TimeDelta::days(1));
    let bond = |text, now| Query::parse(text, now).unwrap().bond(&Scope::everything());
    let query = || Query::parse("actor:a action:b", now).unwrap();
    let of_query = bond("action:b actor:a", later);
    assert_eq!(query().limit(7).bond(&Scope::everything()), of_query);
    assert_eq!(bond("after:7d before:1d", now), bond("after:7d before:1d", later));
    assert_eq!(bond("after:7d", now), bond("after:168h", now));
    let all = [
        of_query,
        query().oldest_first().bond(&Scope::everything()),
        query().log("x").bond(&Scope::everything()),
        query().bond(&Scope::everything().tenant("t")),
        query().tenant("t").bond(&Scope::everything()),
        bond("actor:b action:a", now),
        bond("actor:a -action:b", now),
        bond("after:7d", now),
        bond("after:8d", now),
        bond("-after:7d", now),
        bond("before:7d", now),
        bond("after:1970-01-02", now),
        bond("after:1970-01-03", now),
    ];
    for (n, bond) in all.iter().enumerate() {
        assert!(!all[..n].contains(bond), "{n}");
    }
}

#[test]
fn a_field_is_read_back_from_its_name_and_nothing_else_is() {
    for key in ["env", "a key", "a.b", "\"", "ü"] {
        for field in
            [Field::Label(key.into()), Field::Parent(key.into()), Field::Resources(key.into())]
        {
            assert_eq!(field.to_string().parse(), Ok(field));
        }
    }
    for wrong in
        ["", "acter", "label", "label.", "actor ", "actor:a", "actor.x", "ip", "after", "label.\"a"]
    {
        assert!(wrong.parse::<Field>().is_err(), "{wrong}");
    }
}

#[test]
fn a_query_that_is_not_answered_says_why() {
    let (early, late) = (DateTime::UNIX_EPOCH, DateTime::UNIX_EPOCH + TimeDelta::days(1));
    let between = |since, until| Query::new().since(since).until(until).check();
    assert_eq!((between(early, late), between(early, early)), (Ok(()), Ok(())));
    assert_eq!(between(late, early), Err(QueryError::UpsideDown { since: late, until: early }));
    for limit in [0, MAX_LIMIT + 1, 1_000_000_000] {
        assert_eq!(Query::new().limit(limit).check(), Err(QueryError::Limit(limit)));
    }
    assert_eq!(Query::new().limit(1).check(), Query::new().limit(MAX_LIMIT).check());
    let of_texts = |texts: usize| "-say ".repeat(texts).parse::<Query>().unwrap().check();
    assert_eq!(of_texts(MAX_TEXTS), Ok(()));
    assert_eq!(of_texts(MAX_TEXTS + 1), Err(QueryError::Texts(MAX_TEXTS + 1)));
}

fn network(text: &str, bits: u8) -> [String; 2] {
    let range = Query::new().network(text.parse().unwrap(), bits).filter().ip.unwrap();
    [range.start(), range.end()].map(|end| std::net::Ipv6Addr::from(*end).to_string())
}

#[test]
fn a_network_is_the_range_of_its_addresses() {
    let mapped = |first: &str, last: &str| [first, last].map(|ip| format!("::ffff:{ip}"));
    assert_eq!(network("10.1.2.3", 8), mapped("10.0.0.0", "10.255.255.255"));
    assert_eq!(network("10.1.2.3", 31), mapped("10.1.2.2", "10.1.2.3"));
    assert_eq!(network("10.1.2.3", 0), mapped("0.0.0.0", "255.255.255.255"));
    assert_eq!(network("::ffff:10.1.2.3", 104), network("10.1.2.3", 8));
    assert_eq!(network("10.1.2.3", 33), mapped("10.1.2.3", "10.1.2.3"));
    let all = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff";
    assert_eq!(
        network("2001:db8::1", 32),
        ["2001:db8::", &all.replacen("ffff:ffff", "2001:db8", 1)]
    );
    assert_eq!(network("2001:db8::1", 200), ["2001:db8::1", "2001:db8::1"]);
    assert_eq!(network("::1", 0), ["::", all]);
    let (ip, query) = ("10.1.2.3".parse().unwrap(), Query::new());
    assert_eq!(query.clone().ip(ip), query.network(ip, 32));
}

#[test]
fn each_thing_that_can_be_asked_for_is_found_in_the_event_that_says_it() {
    let request = RequestInfo::new().id("id").session("hash").correlation_id("all").trace_id("t");
    let event = Event::builder("a.b")
        .outcome(Outcome::Denied)
        .severity(Severity::Error)
        .category("c")
        .tenant("t")
        .operation_id("o")
        .is_compliance_relevant(true)
        .request(request)
        .on(Resource::new("page", "7").parent("wiki", "w"))
        .resources([Resource::new("line", "1"), Resource::of_type("line")])
        .label("key", "text")
        .tag("x")
        .build()
        .unwrap();
    let said = Columns::of_event(&event);
    let asked: Vec<fn(Query, &str) -> Query> = vec![
        |query, _| query.outcome(Outcome::Denied),
        |query, _| query.severity(Severity::Error),
        |query, other| query.category(&format!("c{other}")),
        |query, other| query.tenant(&format!("t{other}")),
        |query, other| query.operation_id(&format!("o{other}")),
        |query, _| query.compliance_relevant(),
        |query, other| query.request_id(&format!("id{other}")),
        |query, other| query.session(&format!("hash{other}")),
        |query, other| query.correlation_id(&format!("all{other}")),
        |query, other| query.trace_id(&format!("t{other}")),
        |query, other| query.resource_parent("wiki", &format!("w{other}")),
        |query, other| query.resources_with("line", &format!("1{other}")),
        |query, other| query.label("key", &format!("text{other}")),
        |query, other| query.tag(&format!("x{other}")),
    ];
    let mut all = BTreeSet::from([Term::new("resource.type", "page"), Term::new("action", "a.b")]);
    for ask in asked {
        let query = ask(Query::new(), "");
        assert!(query.filter().matches(&said, None), "{query:?}");
        all.extend(query.filter().terms);
        let other = ask(Query::new(), "-other");
        assert!(other == query || !other.filter().matches(&said, None), "{other:?}");
    }
    let lone = Query::new().resource_type("page").filter();
    assert!(lone.matches(&said, None));
    #[cfg(any(feature = "sqlite", feature = "postgres"))]
    assert!(said.terms.contains(lone.sought().first().unwrap()));
    // And nothing is a term for which nobody can ask.
    assert_eq!(Vec::from_iter(all), said.terms);
}

/// An event with something in each field.
fn full() -> Value {
    json!({
        "id": "0198c0de-0000-7000-8000-000000000001", "v": 1, "nonce": "n",
        "occurred_at": "2026-02-01T10:00:00.000001Z", "action": "invoice.approve",
        "category": "billing", "severity": "warning", "sensitivity": "high",
        "message": "Approved Über the LIMIT", "reason": "year end", "tags": ["q4", "urgent"],
        "labels": {"env": "prod", "a key": "a text"}, "outcome": "failure", "stage": "complete",
        "begun_id": "0198c0de-0000-7000-8000-000000000002", "parent_id": "0198c0de-0000-7000-8000-000000000003",
        "error": {"code": "E17", "kind": "conflict", "message": "Was paid"}, "duration_us": 1500,
        "actor": {"kind": "user", "id": "alice", "name": "Alice Adams", "email": "a@b.example",
            "roles": ["clerk", "boss"], "credential": {"kind": "token", "id": "t-1"},
            "on_behalf_of": [{"kind": "user", "id": "bob"}]},
        "tenant": "acme",
        "resource": {"type": "invoice", "id": "4711", "name": "The big one", "parent": {"type": "order", "id": "o/7"}},
        "resources": [{"type": "line", "id": "1"}, {"type": "line", "id": "2"}, {"type": "note"}],
        "changes": [{"path": "/amount", "before": 1, "after": 2}],
        "request": {"id": "r-1", "session": "hash", "correlation_id": "c-1", "trace_id": "abc", "method": "POST",
            "route": "/invoices/{id}/approve", "host": "a.example", "status": 409, "user_agent": "curl/8", "ip": "10.1.2.3"},
        "source": {"system": "web", "service": "billing", "version": "1.2", "instance": "i-1"},
        "operation_id": "op", "producer": {"id": "billing", "boot": "b", "seq": 1}, "retention": "ten",
        "is_sensitive": true, "is_compliance_relevant": true,
    })
}

fn finds(text: &str) -> bool {
    let query: Query = text.parse().unwrap_or_else(|error| panic!("{text}: {error}"));
    query.matches("a.example/audit/standard", &full())
}

#[test]
fn every_field_has_a_value_that_is_found_and_another_one_that_is_not() {
    let event = full();
    for name in NAMES {
        let field = Field::named(name).unwrap();
        assert_eq!((field.to_string(), name.parse()), ((*name).to_owned(), Ok(field.clone())));
        let anything = Condition::prefix(field.clone(), "");
        assert!(anything.matches(&event), "{name} has no value");
        assert!(!(!anything).matches(&event));
        assert!(!Condition::is(field.clone(), "none").matches(&event), "{name}");
        assert!(!Condition::prefix(field, "none").matches(&event), "{name}");
    }
}

#[test]
fn a_text_finds_what_it_says() {
    for text in [
        "",
        "  ",
        "actor:alice",
        "actor:bob,alice",
        "actor:ali*",
        "actor:*",
        "-actor:bob",
        "action:invoice.*",
        "action:\"invoice.approve\"",
        "severity:>=info",
        "severity:>=warning",
        "-severity:>=error",
        "tag:urgent tag:q4",
        "-tag:other",
        "label.env:prod",
        "label.\"a key\":\"a text\"",
        "label.env:*",
        "-label.none:*",
        "parent.order:o/7",
        "resources.line:1 resources.line:2",
        "resource:invoice",
        "resource:invoice/4711",
        "resource:invoice/47*",
        "resource.id:4711",
        "-resource.type:order",
        "status:409",
        "status:4*",
        "status:>=400",
        "status:>408 status:<410",
        "status:400..499",
        "status:<=409",
        "-status:500..599",
        "duration_us:>1000",
        "ip:10.0.0.0/8",
        "ip:10.1.2.3",
        "ip:192.168.0.0/16,10.1.0.0/16",
        "-ip:10.2.0.0/16",
        "after:2026-02-01",
        "before:2026-02-02",
        "after:2026-02-01T10:00:00Z before:2026-02-01T10:00:00.000002Z",
        "limit",
        "\"über the limit\"",
        "approved paid",
        "\"alice adams\"",
        "-\"the big two\"",
        "log:a.example/audit/standard",
        "on_behalf_of:bob role:boss",
        "changed:/amount",
        "error.code:E17 error.kind:conflict",
        "compliance:true -sensitive:false",
        "begun:* id:0198c0de-0000-7000-8000-000000000001",
    ] {
        assert!(finds(text), "{text}");
    }
    for text in [
        "actor:bob",
        "actor:alic",
        "actor:ALICE",
        "-actor:alice",
        "actor:alice -actor:al*",
        "action:user.*",
        "severity:>=error",
        "tag:urgent tag:other",
        "label.env:test",
        "label.none:*",
        "parent.order:o",
        "parent.cart:o/7",
        "resources.line:3",
        "resources.note:*",
        "resource:order",
        "resource:invoice/1",
        "status:>=410",
        "status:<400",
        "-status:400..499",
        "ip:10.2.0.0/16",
        "-ip:10.0.0.0/8",
        "after:2026-02-02",
        "before:2026-02-01T10:00:00Z",
        "\"limit the\"",
        "-limit",
        "log:other",
        "id:0198C0DE-0000-7000-8000-000000000001",
    ] {
        assert!(!finds(text), "{text}");
    }
}

#[test]
fn an_error_says_where_it_is_and_what_to_write() {
    for (text, at, says) in [
        ("acter:alice", 1, "did you mean `actor`?"),
        ("actor:alice outcom:x", 13, "did you mean `outcome`?"),
        ("actor:alice -xyzzyx:1", 14, "put it in quotes"),
        ("ä actor.nam:x", 3, "did you mean `actor.name`?"),
        ("label:x", 1, "needs a key"),
        ("actor:", 7, "a value is expected"),
        ("actor:a,", 9, "a value is expected"),
        ("actor:\"alice", 7, "not closed"),
        ("actor: alice", 7, "a value is expected"),
        ("\"a\"b", 4, "a value is expected"),
        ("after:yesterday", 7, "2026-01-31"),
        ("after:1,2", 1, "one value"),
        ("ip:10.0.0.0/33", 4, "10.0.0.0/8"),
        ("ip:10.0.0.1,x", 13, "10.0.0.0/8"),
        ("status:>=many", 8, "400..499"),
        ("status:1..", 8, "400..499"),
        ("severity:>=bad", 10, "`debug` `info`"),
        ("outcome:success,sucess", 17, "expected one of `success`"),
        ("-stage:over", 8, "`begun` or `complete`"),
        ("compliance:yes", 12, "`true` or `false`"),
        ("status:5xx", 8, "400..499"),
        ("id:nix", 4, "UUID"),
        ("-resource:invoice/1", 11, "negate"),
        ("-log:x", 2, "cannot be negated"),
        ("ip.x:10.0.0.1", 1, "no field `ip.x`"),
        (&"a ".repeat(101), 201, "more than 100"),
        (&format!("{}resource:invoice/7", "a ".repeat(99)), 199, "more than 100"),
        (&"a".repeat(10_001), 1, "longer than"),
    ] {
        let error = text.parse::<Query>().unwrap_err();
        assert_eq!(error.at, at, "{text:.40}: {error}");
        assert!(error.what.contains(says), "{text:.40}: {error}");
    }
}

#[test]
fn as_many_conditions_as_there_can_be_are_read_again() {
    let text = format!("{}resource:invoice/7", "a ".repeat(98));
    let written = text.parse::<Query>().unwrap().to_string();
    assert_eq!(written.parse::<Query>().unwrap().to_string(), written);
}

#[test]
fn how_long_ago_is_before_the_time_that_is_given() {
    let now = DateTime::UNIX_EPOCH + TimeDelta::days(30);
    for (text, ago) in [("90s", 90), ("15m", 900), ("2h", 7_200), ("7d", 604_800)] {
        let query = Query::parse(&format!("after:{text}"), now).unwrap();
        assert_eq!(query.filter().since, Some(now - TimeDelta::seconds(ago)), "{text}");
        assert_eq!(query.to_string(), format!("after:{text}"));
    }
    assert_eq!(
        Query::parse("-before:168h after:0s", now).unwrap().to_string(),
        "-before:7d after:0d"
    );
    assert!(Query::parse("after:9223372036854775807d", now).is_err());
}

#[test]
fn what_an_index_knows_is_looked_for_there_and_only_once() {
    let left = |text: &str| text.parse::<Query>().unwrap().split(&Scope::everything()).1.len();
    for text in [
        "actor:a action:b resource:c/d ip:10.0.0.0/8 after:1d before:1h",
        "tenant:a category:b severity:error outcome:denied",
        "label.a:b tag:c tag:d request:e session:f correlation:g trace:h operation:i compliance:true stage:begun begun:*",
        "parent.a:b resources.c:d actor:a actor:a after:1d after:2d",
    ] {
        assert_eq!(left(text), 0, "{text}");
    }
    for text in [
        "actor:a actor:b",
        "actor:a,b",
        "actor:a*",
        "-actor:a",
        "text",
        "status:1",
        "stage:complete",
        "ip:10.0.0.1 ip:10.0.0.2",
    ] {
        assert_eq!(left(text), 1, "{text}");
    }
}

fn texts() -> impl Strategy<Value = String> {
    prop_oneof![
        "[a-z]{1,5}",
        "[a-z/:@.-]{0,6}",
        "[ -~]{0,8}",
        "\\PC{0,6}",
        Just("*".to_owned()),
        Just("a..b".to_owned()),
        Just(">=1".to_owned()),
        Just("-x".to_owned()),
        Just("\\\"".to_owned()),
    ]
}

fn conditions() -> impl Strategy<Value = Condition> {
    let plain = prop::sample::select(NAMES).prop_map(|name| Field::named(name).unwrap());
    let field = prop_oneof![
        4 => plain,
        1 => texts().prop_filter_map("is a field of its own", |key| {
            Field::named(&format!("label.{key}")).is_none().then_some(Field::Label(key))
        }),
        1 => texts().prop_map(Field::Parent),
        1 => texts().prop_map(Field::Resources),
    ];
    let pattern =
        prop_oneof![texts().prop_map(Pattern::Exactly), texts().prop_map(Pattern::Beginning),];
    let network =
        (any::<[u8; 16]>(), 0..=32_u8, any::<bool>()).prop_map(|(ip, prefix_len, is_v4)| {
            let ip = if is_v4 { IpAddr::from([ip[0], ip[1], ip[2], ip[3]]) } else { ip.into() };
            Network { ip, prefix_len }
        });
    let time = (0..4_000_000_000_000_000_i64)
        .prop_map(|micros| DateTime::from_timestamp_micros(micros).unwrap());
    let number = prop::sample::select(vec![Field::Status, Field::Duration]);
    let test = prop_oneof![
        4 => (field, prop::collection::vec(pattern, 1..4)).prop_map(|(field, patterns)| Test::Like(field, patterns)),
        1 => (number, any::<i32>(), any::<Option<i32>>()).prop_map(|(field, from, to)| Test::Between(field, Some(from.into()), to.map(Into::into))),
        1 => prop::collection::vec(network, 1..3).prop_map(Test::Within),
        1 => time.clone().prop_map(Test::Since),
        1 => time.prop_map(Test::Until),
        1 => texts().prop_map(|text| Test::Says(text.to_lowercase())),
    ];
    (any::<bool>(), test)
        .prop_map(|(is_negated, test)| Condition { is_negated, ..Condition::of(test) })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if std::env::var_os("AUDIT_SOAK").is_some() { 50_000 } else { 1_000 }))]

    #[test]
    fn a_query_is_read_back_from_how_it_is_written(
        log in prop::option::of(texts()),
        conditions in prop::collection::vec(conditions(), 0..5),
    ) {
        let query = conditions.into_iter().fold(Query::new(), Query::and);
        let query = log.iter().fold(query, |query, log| query.log(log));
        let text = query.to_string();
        prop_assert_eq!(text.parse::<Query>().map_err(|error| format!("{text}: {error}")), Ok(query));
    }

    #[test]
    fn no_text_does_any_harm_and_one_that_is_read_is_written_as_the_same(text in TEXT) {
        let now = DateTime::UNIX_EPOCH + TimeDelta::days(300_000);
        if let Ok(query) = Query::parse(&text, now) {
            let written = query.to_string();
            let again = Query::parse(&written, now).map_err(|error| error.to_string());
            prop_assert_eq!(again, Ok(query), "{:?} is written as {:?}", text, written);
        }
    }
}

/// Anything, and what looks like the language.
const TEXT: &str = "\\PC{0,40}|[a-z:.*\"\\\\, -]{0,40}|\
    (-?(actor:|status:|severity:|after:|resource:|ip:|label\\.a:|log:|id:|)(>=|<|\"|)\
    (1|7d|a/b|info|10\\.0\\.0\\.1|\\*|\\.\\.|,|\"|\\\\|-|:|\u{e9}|\u{3a3}|\u{a0}){0,5} ?){0,5}";

#[test]
fn the_id_of_a_resource_is_looked_for_along_an_index_with_its_type_alone() {
    let left = |text: &str| {
        let (query, everything) = (text.parse::<Query>().unwrap(), Scope::everything());
        query.split(&everything).1.len()
    };
    assert_eq!(left("resource:invoice/7"), 0);
    assert_eq!(left("resource.id:7 actor:u-1 resource.type:invoice"), 0);
    assert_eq!(left("resource.id:7"), 1);
    assert_eq!(left("resource.id:7 actor:u-1"), 1);
}
