//! `audit import`

use std::fs;

use serde_json::{Value, json};

use super::case::{Answer, Case, on_each_database};

const MAP: &str = r#"
from = "legacy-billing"
time = "%Y-%m-%d %H:%M:%S"
drop = ["version"]

[members]
id = "id"
occurred_at = "created"
"actor.id" = "user"
"actor.name" = "user_name"
"resource.id" = "invoice"
"label.region" = "region"

[constants]
"resource.type" = "invoice"

[values.event.APPROVED]
action = "invoice.approve"
[values.event.REJECTED]
action = "invoice.reject"

[values.status.ok]
outcome = "success"
[values.status.error]
outcome = "failure"
"error.kind" = "legacy"
"#;

const ROWS: &str = "\
id,created,event,user,user_name,invoice,status,region,version,note
1,2019-05-06 07:08:09,APPROVED,u-1,Alice Adams,4711,ok,eu,17,\"called twice,
then wrote\"
2,2019-05-06 07:09:00,REJECTED,u-2,,4712,error,,17,
3,2019-05-07 00:00:00,APPROVED,u-1,Alice Adams,4713,ok,us,17,
";

/// The events that were brought in, by their ids there, with personal values. Those of a batch are recorded at once, in any order.
fn imported(case: &Case) -> Vec<Value> {
    let all =
        case.printed(&["search", "--json", "--limit", "1000", "action:invoice.*", "log:standard"]);
    let page: Value = serde_json::from_str(&all).unwrap();
    let mut events: Vec<Value> =
        page["entries"].as_array().unwrap().iter().map(|entry| entry["event"].clone()).collect();
    events.sort_by_key(|event| event["imported"]["id"].to_string());
    events
}

fn import(case: &Case, more: &[&str]) -> Answer {
    case.audit(
        &[&["import", "--from", "csv", "--map", "map.toml", "old.csv", "--json"], more].concat(),
    )
}

fn counts(answer: &Answer) -> [Value; 3] {
    let told: Value =
        serde_json::from_str(&answer.stdout).unwrap_or_else(|_| panic!("{}", answer.stderr));
    ["new", "there", "refused"].map(|name| told[name].clone())
}

#[tokio::test]
async fn what_was_in_another_log_is_brought_in_once_with_its_time() {
    on_each_database(async |case| {
        fs::write(case.path("map.toml"), MAP).unwrap();
        fs::write(case.path("old.csv"), ROWS).unwrap();
        let dry =
            case.audit(&["import", "--from", "csv", "--map", "map.toml", "--dry-run", "old.csv"]);
        assert_eq!(dry.code, Some(0), "{}", dry.stderr);
        assert!(dry.stdout.contains("3 events, 0 rows are none; nothing was brought in"));
        assert!(imported(case).is_empty());

        let first = import(case, &[]);
        assert_eq!((first.code, counts(&first)), (Some(0), [json!(3), json!(0), json!(0)]));
        let events = imported(case);
        assert_eq!(events.len(), 3);
        let (event, failed) = (&events[0], &events[1]);
        for (pointer, value) in [
            ("/imported", json!({"from": "legacy-billing", "id": "1"})),
            ("/occurred_at", json!("2019-05-06T07:08:09.000000Z")),
            ("/action", json!("invoice.approve")),
            ("/actor", json!({"id": "u-1", "kind": "user", "name": "Alice Adams"})),
            ("/resource", json!({"id": "4711", "type": "invoice"})),
            ("/labels", json!({"region": "eu"})),
            ("/outcome", json!("success")),
            ("/metadata", json!({"note": "called twice,\nthen wrote"})),
            ("/personal", json!(["/actor/name", "/metadata/note"])),
        ] {
            assert_eq!(event.pointer(pointer), Some(&value), "{event:#}");
        }
        assert_eq!(
            (&failed["outcome"], &failed["error"]),
            (&json!("failure"), &json!({"kind": "legacy"}))
        );
        assert_eq!(event["id"].as_str().unwrap().as_bytes()[14], b'8');

        // Again, and with one that is new.
        let again = import(case, &[]);
        assert_eq!((again.code, counts(&again)), (Some(0), [json!(0), json!(3), json!(0)]));
        fs::write(case.path("old.csv"), format!("{ROWS}4,2019-05-08 00:00:00,APPROVED,,,,,,,\n"))
            .unwrap();
        assert_eq!(counts(&import(case, &[])), [json!(1), json!(3), json!(0)]);
        assert_eq!(imported(case).len(), 4);
        // Somebody with a name and no id: what is said of him has no other place.
        let nobody = "5,2019-05-09 00:00:00,APPROVED,,Bob Brown,,,,,\n";
        fs::write(case.path("old.csv"), format!("{ROWS}{nobody}")).unwrap();
        assert_eq!(counts(&import(case, &[])), [json!(1), json!(3), json!(0)]);
        let event = imported(case).pop().unwrap();
        assert_eq!(event["metadata"]["actor.name"], "Bob Brown", "{event:#}");
        assert_eq!(event["personal"], json!(["/metadata/actor.name"]));

        let told = case.printed(&["search", "--json", "--action", "audit.imported"]);
        let told: Value = serde_json::from_str(&told).unwrap();
        assert_eq!(told["entries"].as_array().unwrap().len(), 4);
        let newest = &told["entries"][0]["event"];
        assert_eq!(newest["labels"], json!({"from": "legacy-billing"}));
        assert_eq!(
            (&newest["metadata"]["new"], &newest["metadata"]["there"]),
            (&json!(1), &json!(3))
        );
        assert_eq!(case.audit(&["verify"]).code, Some(0));
    })
    .await;
}

#[tokio::test]
async fn a_row_that_is_no_event_ends_it_or_is_set_aside() {
    let case = Case::on_sqlite().await;
    fs::write(case.path("map.toml"), MAP).unwrap();
    let bad = "\
id,created,event,user,user_name,invoice,status,region,version,note
1,2019-05-06 07:08:09,APPROVED,u-1,,4711,ok,,,
2,yesterday,APPROVED,u-1,,4711,ok,,,
3,2019-05-06 07:08:09,DELETED,u-1,,4711,ok,,,
4,2019-05-06 07:08:09
,2019-05-06 07:08:09,APPROVED,u-1,,4711,ok,,,
1,2019-05-06 07:08:10,APPROVED,u-1,,4711,ok,,,
5,2019-05-06 07:08:09,REJECTED,u-1,,4711,ok,,,
";
    fs::write(case.path("old.csv"), bad).unwrap();
    let answer = import(&case, &[]);
    assert_eq!(answer.code, Some(2));
    assert!(
        answer.stderr.contains("`old.csv`: line 3: `yesterday` is no time"),
        "{}",
        answer.stderr
    );
    let answer = import(&case, &["--rejects", "bad.jsonl"]);
    assert_eq!((answer.code, counts(&answer)), (Some(3), [json!(2), json!(0), json!(5)]));
    let rejects = fs::read_to_string(case.path("bad.jsonl")).unwrap();
    let rejects: Vec<Value> =
        rejects.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let why = |line: u64| {
        let reject = rejects.iter().find(|reject| reject["line"] == line);
        reject.unwrap_or_else(|| panic!("{rejects:?}"))["why"].as_str().unwrap().to_owned()
    };
    assert!(why(3).contains("`yesterday` is no time"));
    assert!(why(4).contains("`event` is `DELETED`"));
    assert!(why(5).contains("it has 2 cells, and the head has 10"));
    assert!(why(6).contains("it has no `id`"));
    assert!(why(7).contains("another event with the id `1`"));
    assert_eq!(imported(&case).len(), 2);
}

#[tokio::test]
async fn an_object_on_each_line_is_mapped_by_pointers() {
    let case = Case::on_sqlite().await;
    let map = r#"
from = "shop"
time = "unix_ms"
[members]
id = "key"
occurred_at = "at"
action = "/what/name"
"actor.id" = "/who/id"
"request.ip" = "/who/ip"
"#;
    fs::write(case.path("map.toml"), map).unwrap();
    let rows = "\
{\"key\": 7, \"at\": 1557126489123, \"what\": {\"name\": \"invoice.pay\"}, \"who\": {\"id\": \"u-9\", \"ip\": \"10.0.0.9\", \"vip\": true}}

{\"key\": 8, \"at\": 1557126489124, \"what\": {\"name\": \"Not An Action\"}}
no object
";
    fs::write(case.path("old.json"), rows).unwrap();
    let import =
        ["import", "--from", "json", "--map", "map.toml", "--json", "--rejects", "bad", "old.json"];
    let answer = case.audit(&import);
    assert_eq!((answer.code, counts(&answer)), (Some(3), [json!(1), json!(0), json!(2)]));
    let rejects = fs::read_to_string(case.path("bad")).unwrap();
    assert!(rejects.contains("`Not An Action` is no name for an action"), "{rejects}");
    assert!(rejects.contains("\"line\":4") && rejects.contains("no object of JSON"), "{rejects}");
    let events = imported(&case);
    assert_eq!(events[0]["occurred_at"], "2019-05-06T07:08:09.123000Z");
    assert_eq!(events[0]["request"], json!({"ip": "10.0.0.9"}));
    // What the map does not name is kept.
    assert_eq!(events[0]["metadata"], json!({"who": {"vip": true}}));
    assert_eq!(events[0]["imported"]["id"], "7");

    for (map, says) in [
        (map.replace("actor.id", "actor.di"), "there is no member `actor.di`"),
        (map.replace("id = \"key\"\n", ""), "no place is named for the member `id`"),
        (map.replace("from = \"shop\"", ""), "missing field `from`"),
    ] {
        fs::write(case.path("map.toml"), map).unwrap();
        let answer = case.audit(&import);
        assert_eq!(answer.code, Some(2));
        assert!(answer.stderr.contains(says), "{}", answer.stderr);
    }
}

fn import_json(case: &Case, rows: &str) -> (Answer, String) {
    let map = r#"
from = "shop"
time = "unix_ms"
[members]
id = "key"
occurred_at = "at"
action = "what"
"actor.id" = "/user/id"
"metadata.amount" = "/order/amount"
"metadata.first" = "/roles/0"
"#;
    fs::write(case.path("map.toml"), map).unwrap();
    fs::write(case.path("old.json"), rows).unwrap();
    let import =
        ["import", "--from", "json", "--map", "map.toml", "--json", "--rejects", "bad", "old.json"];
    (case.audit(&import), fs::read_to_string(case.path("bad")).unwrap())
}

fn row(key: u64, more: Value) -> Value {
    let mut row = json!({"key": key, "at": 1_557_126_489_123_u64, "what": "invoice.pay"});
    row.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    row
}

#[tokio::test]
async fn what_nobody_has_read_is_kept_and_takes_no_place_of_what_was() {
    let case = Case::on_sqlite().await;
    let rows = [
        row(1, json!({"user": "mallory", "order": [1, 2], "roles": ["clerk", "superadmin"]})),
        row(2, json!({"user": {"id": "u-1"}, "order": {"amount": 5_000_000}, "amount": 1})),
        row(3, json!({"user": {"id": "u-1"}, "order": {"amount": 5}, "roles": ["clerk"]})),
    ];
    let (answer, rejects) = import_json(&case, &rows.map(|row| row.to_string()).join("\n"));
    assert_eq!((answer.code, counts(&answer)), (Some(3), [json!(2), json!(0), json!(1)]));
    assert!(
        rejects.contains("`amount` has no place, as the map says `metadata.amount`"),
        "{rejects}"
    );
    let metadata: Vec<_> = imported(&case).iter().map(|event| event["metadata"].clone()).collect();
    let of_mallory = json!({"user": "mallory", "order": [1, 2], "first": "clerk", "roles": [null, "superadmin"]});
    assert_eq!(metadata, [of_mallory, json!({"amount": 5, "first": "clerk"})]);
}

#[tokio::test]
async fn a_line_that_is_too_long_is_one_row_and_none() {
    let case = Case::on_sqlite().await;
    // What begins where the first 4 MiB end is a row by itself.
    let forged = row(9_001, json!({"user": {"id": "ceo"}})).to_string();
    let honest = row(1, json!({"nested": "#"})).to_string();
    let (before, after) = honest.split_once("\"#\"").unwrap();
    let long =
        format!("{before}\"{}\",\"x\":{forged}{after}", "x".repeat((4 << 20) - before.len() - 7));
    assert_eq!(long.find(&forged), Some(4 << 20));
    let (answer, rejects) = import_json(&case, &format!("{long}\n{}\n", row(2, json!({}))));
    assert_eq!((answer.code, counts(&answer)), (Some(3), [json!(1), json!(0), json!(1)]));
    assert!(rejects.contains("longer than 4194304 bytes"), "{rejects}");
    assert_eq!(imported(&case)[0]["imported"]["id"], "2");
}

#[tokio::test]
async fn a_file_that_ends_within_quotes_or_names_a_column_twice_is_not_taken_for_whole() {
    let case = Case::on_sqlite().await;
    fs::write(case.path("map.toml"), MAP).unwrap();
    let open = ROWS.replace("17,\n3,", "17,\"open\n3,");
    let cut = ROWS.split_once("then").unwrap().0;
    // A quote within a cell is one of the cell's.
    let inches = ROWS.replace("error,,17,", "error,,17,5\" pipe").replace("us,17,", "us,17,\"open");
    for (rows, is_known) in [(&*open, 2), (cut, 1), (&inches, 3)] {
        fs::write(case.path("old.csv"), rows).unwrap();
        let answer = import(&case, &["--rejects", "bad.jsonl"]);
        let [new, there, refused] = counts(&answer).map(|count| count.as_u64().unwrap());
        assert_eq!((answer.code, new + there, refused), (Some(3), is_known - 1, 1), "{rows}");
        let rejects = fs::read_to_string(case.path("bad.jsonl")).unwrap();
        assert!(rejects.contains("a quote that does not end"), "{rejects}");
    }
    // As spreadsheets write them.
    let nameless = ROWS
        .replace(",note\n", ",note,,\n")
        .replace("17,\n", "17,,,\n")
        .replace("wrote\"\n", "wrote\",,\n");
    for (rows, refused) in [(nameless.clone(), 0), (nameless.replace("us,17,,,", "us,17,,a,b"), 1)]
    {
        fs::write(case.path("old.csv"), rows).unwrap();
        let answer = import(&case, &["--rejects", "bad.jsonl"]);
        assert_eq!(counts(&answer)[2], refused, "{}", answer.stderr);
    }
    fs::write(case.path("old.csv"), ROWS.replace(",note", ",user")).unwrap();
    let answer = import(&case, &[]);
    assert_eq!(answer.code, Some(2));
    assert!(answer.stderr.contains("two columns are named `user`"), "{}", answer.stderr);
    fs::write(case.path("old.csv"), "id,\"created,event\n1,2,3\n").unwrap();
    assert!(import(&case, &[]).stderr.contains("a quote that does not end"));
}
