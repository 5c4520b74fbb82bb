//! `audit show`, `stats` and `checkpoint`

use audit_core::merkle::leaf_hash;
use serde_json::{Value, json};
use sqlx::{ConnectOptions as _, Connection as _};

use super::case::{Case, on_each_database};

#[tokio::test]
async fn an_entry_is_shown_by_its_id_or_its_place_whole_and_to_the_byte() {
    on_each_database(async |case| {
        case.record(0..60).await;
        let json = case.printed(&["show", "standard", "7", "--json"]);
        let entry: Value = serde_json::from_str(&json).unwrap();
        assert_eq!(
            (&entry["index"], &entry["log"]),
            (&json!(7), &json!("cli.example/audit/standard"))
        );
        let id = entry["event"]["id"].as_str().unwrap();
        assert_eq!(case.printed(&["show", id, "--json"]), json);
        assert_eq!(case.printed(&["show", "cli.example/audit/standard", "7", "--json"]), json);
        let bytes = case.printed(&["show", id, "--canonical"]);
        assert_eq!(leaf_hash(bytes.as_bytes()).to_string(), entry["leaf_hash"]);
        let shown = case.printed(&["show", id]);
        for part in [
            "cli.example/audit/standard\n",
            ", which the bytes have",
            "2 values, as they were opened",
            "\"name\": \"Alice Adams\"",
            "none that has it is kept",
        ] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        let found: Value =
            serde_json::from_str(&case.printed(&["search", "--id", id, "--json"])).unwrap();
        assert_eq!(found["entries"], json!([entry]));

        let none = "01890a5d-ac96-774b-bcce-b302099a8057";
        for (what, reason) in [
            (&["standard", "20"][..], "there is no entry 20 in the log cli.example/audit/standard"),
            (&["sta", "1"], "there is no log `sta` in this database: there are cli.example/audit/"),
            (&["standard"], "`standard` is no id of an event"),
            (&[none], "there is no entry with the event id 01890a5d"),
        ] {
            let answer = case.audit(&[&["show"], what].concat());
            assert_eq!((answer.code, &*answer.stdout), (Some(2), ""), "{what:?}");
            assert!(answer.stderr.contains(reason), "{}", answer.stderr);
        }
    })
    .await;
}

#[tokio::test]
async fn an_entry_that_was_changed_or_erased_says_so() {
    let case = Case::on_sqlite().await;
    case.record(0..9).await;
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(case.path("audit.db"));
    let mut connection = options.connect().await.unwrap();
    for sql in [
        "DROP TRIGGER audit_entry_update",
        "UPDATE audit_entry SET openings = NULL WHERE idx = 1",
        "UPDATE audit_entry SET canon = replace(canon, 'denied', 'success') WHERE idx = 2",
    ] {
        sqlx::query(sql).execute(&mut connection).await.unwrap();
    }
    connection.close().await.unwrap();
    let erased = case.printed(&["show", "standard", "1"]);
    assert!(erased.contains("2 values, of which 2 have been erased"), "{erased}");
    for format in [&[][..], &["--json"], &["--canonical"]] {
        let answer = case.audit(&[&["show", "standard", "2"], format].concat());
        assert_eq!(answer.code, Some(1));
        assert_eq!(answer.stdout.contains("do NOT have"), format.is_empty());
    }
}

#[tokio::test]
async fn statistics_are_those_of_the_log_and_checkpoints_those_that_were_signed() {
    on_each_database(async |case| {
        case.record(0..1_800).await;
        for command in ["checkpoint", "stats"] {
            let answer = case.audit(&[command, "--log", "standard"]);
            assert_eq!(answer.code, Some(if command == "stats" { 0 } else { 2 }));
        }
        let signed = case.audit(&["sign", "--keys", "keys", "--into", "out", "--adopt"]);
        assert_eq!(signed.code, Some(0), "{}", signed.stderr);
        let published =
            std::fs::read_to_string(case.path("out/cli.example-audit-standard.checkpoint"))
                .unwrap();
        assert_eq!(case.printed(&["checkpoint", "--log", "standard"]), published);
        let all = case.printed(&["checkpoint"]);
        assert!(
            all.contains(&published) && all.contains("cli.example/audit/standard/a\n600\n"),
            "{all}"
        );
        let all: Value = serde_json::from_str(&case.printed(&["checkpoint", "--json"])).unwrap();
        assert_eq!(all.as_array().unwrap().len(), 4);
        let shown = case.printed(&["show", "standard", "7"]);
        assert!(shown.contains("the first one that has it is of size 600, signed 2"), "{shown}");

        let arguments = ["stats", "--json", "--newest", "550", "--log", "standard"];
        let stats: Value = serde_json::from_str(&case.printed(&arguments)).unwrap();
        let [stats] = stats.as_array().unwrap().as_slice() else { panic!("{stats}") };
        let root = published.lines().nth(2).unwrap();
        assert_eq!(stats["size"], 600);
        assert_eq!(stats["root"], root_of(root));
        assert_eq!(stats["checkpoint"]["size"], 600);
        assert_eq!((&stats["state"], &stats["rejected"]), (&json!("open"), &json!(0)));
        assert_eq!(
            stats["newest"],
            json!({ "entries": 550, "actions": { "invoice.approve": { "denied": 550 } } })
        );
        let text = case.printed(&["stats"]);
        assert!(text.contains("invoice.approve          600 success\n"), "{text}");
        assert!(text.contains("audit.started            1 complete\n"), "{text}");
    })
    .await;
}

/// As hexadecimal digits, as everything but a checkpoint writes it.
fn root_of(base64: &str) -> String {
    let root: audit_core::note::Checkpoint = format!("a/b\n1\n{base64}\n").parse().unwrap();
    root.root.to_string()
}
