//! `audit export`

use std::fs;
use std::io::Read as _;
use std::process::Stdio;
use std::time::Duration;

use audit_core::merkle::leaf_hash;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use sqlx::postgres::PgConnectOptions;
use sqlx::{ConnectOptions as _, Connection as _};

use super::case::{Answer, Case, on_each_database, place};

const STANDARD: &str = "cli.example/audit/standard";

/// The places of lines with openings.
fn places(lines: &str) -> Vec<(String, u64)> {
    lines.lines().map(|line| place(&serde_json::from_str(line).unwrap())).collect()
}

#[tokio::test]
async fn a_line_is_exactly_what_the_leaf_hash_is_of_and_lines_stand_in_recorded_order() {
    on_each_database(async |case| {
        case.record(0..2_100).await;
        let plain = case.printed(&["export"]);
        let opened = case.printed(&["export", "--openings"]);
        assert_eq!(plain.lines().count(), opened.lines().count());
        assert_eq!(places(&opened), case.searched(&[]));
        for (plain, opened) in plain.lines().zip(opened.lines()) {
            let object: Value = serde_json::from_str(opened).unwrap();
            assert_eq!(leaf_hash(plain.as_bytes()).to_string(), object["leaf_hash"]);
            assert!(opened.ends_with(&format!(",\"event\":{plain}}}")));
            assert!(!plain.contains("Alice Adams"));
            if object["event"]["action"] == "invoice.approve" {
                assert_eq!(object["openings"]["/actor/name"][1], "Alice Adams");
            }
        }
        // As a search finds them, whatever is asked for.
        for filter in [
            &["--outcome", "denied"][..],
            &["--log", "b", "--until", "2030-01-01"],
            &["--ip", "10.0.0.0/8", "--tenant", "a"],
            &["--since", "2030-01-01"],
            &["--resource", "invoice/77"],
            &["outcome:denied,failure log:standard \"alice adams\""],
            &["action:invoice.*", "--tenant", "a", "--", "-outcome:denied"],
        ] {
            let opened = case.printed(&[&["export", "--openings"], filter].concat());
            assert_eq!(places(&opened), case.searched(filter), "{filter:?}");
        }
        let (narrow, all) = ("tenant:a,b -outcome:denied ip:10.0.0.0/8", case.searched(&[]).len());
        assert!((1..all).contains(&case.searched(&[narrow]).len()));
        let answer = case.audit(&["search", "acter:u-1"]);
        assert_eq!((answer.code, &*answer.stdout), (Some(2), ""));
        assert!(
            answer
                .stderr
                .contains("at character 1: there is no field `acter`, did you mean `actor`?")
        );
        let answer = case.audit(&["export", "--log", "nowhere"]);
        assert_eq!((answer.code, &*answer.stdout), (Some(2), ""));
        assert!(answer.stderr.contains("there is no log `nowhere`"), "{}", answer.stderr);
    })
    .await;
}

#[tokio::test]
async fn an_export_goes_on_where_the_last_one_ended() {
    on_each_database(async |case| {
        case.record(0..30).await;
        let resume = ["export", "--resume", "position", "--openings"];
        let first = case.audit(&["export", "--openings"]);
        assert_eq!(first.code, Some(0), "{}", first.stderr);
        assert_eq!(case.printed(&resume), first.stdout);
        let (_, cursor) = first.stderr.trim().rsplit_once(' ').unwrap();
        assert_eq!(fs::read_to_string(case.path("position")).unwrap(), cursor);
        assert_eq!(case.printed(&resume), "");
        case.record(30..36).await;
        let more = case.printed(&["export", "--openings", "--cursor", cursor]);
        assert_eq!(more, case.printed(&resume));
        assert_eq!(more.lines().filter(|line| line.contains("invoice.approve")).count(), 6);
        assert_eq!([places(&first.stdout), places(&more)].concat(), case.searched(&[]));
        // With what is asked for otherwise it would pass over entries.
        let other = case.audit(&["export", "--cursor", cursor, "--action", "invoice.approve"]);
        assert_eq!(other.code, Some(2));
        assert!(other.stderr.contains("belongs to another query"), "{}", other.stderr);
        // So long ago is the same, though it is another moment.
        for first in [&["export"][..], &["search", "--limit", "10"]] {
            let said = case.audit(&[first, &["--since", "7d"]].concat()).stderr;
            let (_, cursor) = said.trim().rsplit_once(' ').unwrap();
            let more = case.audit(&[first[0], "after:7d", "--cursor", cursor]);
            assert_eq!(more.code, Some(0), "{}", more.stderr);
        }
        fs::write(case.path("position"), "no cursor").unwrap();
        let answer = case.audit(&resume);
        assert_eq!(answer.code, Some(2));
        assert!(answer.stderr.contains("`position`: this is no cursor"), "{}", answer.stderr);
    })
    .await;
}

#[tokio::test]
async fn a_file_is_replaced_when_all_is_written_and_otherwise_stays() {
    let case = Case::on_sqlite().await;
    case.record(0..10).await;
    fs::write(case.path("out.jsonl"), "before").unwrap();
    let away = ["export", "--output", "out.jsonl", "--database-url", "sqlite:none.db"];
    assert_eq!(case.audit(&away).code, Some(2));
    assert_eq!(fs::read_to_string(case.path("out.jsonl")).unwrap(), "before");
    let told = case.printed(&["export", "--output", "out.jsonl", "--json"]);
    let told: Value = serde_json::from_str(&told).unwrap();
    let written = fs::read_to_string(case.path("out.jsonl")).unwrap();
    assert_eq!(told["entries"], json!(written.lines().count()));
    assert_eq!(told["sha256"], hex(written.as_bytes()));
    assert_eq!(written, case.printed(&["export"]));
    assert_eq!(case.audit(&["export", "--output", "none/out.jsonl"]).code, Some(2));
    #[cfg(unix)]
    {
        use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _};
        let mode = case.path("out.jsonl").metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let _socket = std::os::unix::net::UnixListener::bind(case.path("socket")).unwrap();
        let answer = case.audit(&["export", "--output", "socket"]);
        assert_eq!(answer.code, Some(2));
        assert!(answer.stderr.contains("is no file that could be replaced"), "{}", answer.stderr);
        assert!(case.path("socket").metadata().unwrap().file_type().is_socket());
    }
    let mut names: Vec<_> =
        fs::read_dir(case.folder.path()).unwrap().map(|file| file.unwrap().file_name()).collect();
    names.retain(|name| !name.to_str().unwrap().starts_with("audit.db"));
    names.sort();
    let expected = if cfg!(unix) { vec!["out.jsonl", "socket"] } else { vec!["out.jsonl"] };
    assert_eq!(names, expected);
}

#[tokio::test]
async fn what_is_not_what_was_appended_is_told_and_left_out_and_all_else_is_there() {
    let case = Case::on_sqlite().await;
    case.record(0..3_000).await;
    let before = case.printed(&["export", "--log", STANDARD]);
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(case.path("audit.db"));
    let mut connection = options.connect().await.unwrap();
    for sql in [
        "DROP TRIGGER audit_entry_update",
        "DROP TRIGGER audit_entry_delete",
        "UPDATE audit_entry SET canon = replace(canon, 'denied', 'success') \
         WHERE idx IN (0, 700) AND log_id = (SELECT log_id FROM audit_log WHERE origin LIKE '%/standard')",
        "DELETE FROM audit_entry \
         WHERE (idx BETWEEN 300 AND 302 OR idx = 999) AND log_id = (SELECT log_id FROM audit_log WHERE origin LIKE '%/standard')",
    ] {
        sqlx::query(sql).execute(&mut connection).await.unwrap();
    }
    connection.close().await.unwrap();
    let Answer { code, stdout, stderr } = case.audit(&["export", "--log", STANDARD]);
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains("\n994 entries, SHA-256 "), "{stderr}");
    let of_log = |what: &str| format!("audit: {STANDARD} {what}: run `audit verify`");
    let told: Vec<_> = stderr.lines().take(4).map(str::to_owned).collect();
    let expected = ["0 is changed", "300-302 is missing", "700 is changed", "999 is missing"];
    assert_eq!(told, expected.map(of_log));
    let left = before.lines().enumerate();
    let left = left.filter(|(index, _)| ![0, 300, 301, 302, 700, 999].contains(index));
    assert!(stdout.lines().eq(left.map(|(_, line)| line)));
}

#[tokio::test]
async fn other_programs_get_their_formats_with_a_trailer_and_nothing_personal_unless_it_is_asked_for()
 {
    on_each_database(async |case| {
        case.record(0..600).await;
        let approved = ["--action", "invoice.approve"];
        let export = |more: &[&str]| case.printed(&[&["export"], more, &approved].concat());
        let csv = ["--format", "csv", "--columns", "resource.id,tenant,actor,outcome"];
        let rows = export(&csv);
        // Tenants have logs of their own, which are merged by when they were written to.
        assert!(rows.starts_with("resource.id,tenant,actor,outcome\r\n"), "{rows}");
        for row in ["0,,u-1,denied", "1,a,u-1,success", "599,b,u-1,success"] {
            assert!(rows.contains(&format!("\n{row}\r\n")), "{rows}");
        }
        assert_eq!(rows.lines().count(), 601);
        let with_trailer = export(&[&csv[..], &["--trailer"]].concat());
        let trailer = with_trailer.strip_prefix(&rows).unwrap();
        let told = format!("# entries=600 left_out=0 sha256={} next=", hex(rows.as_bytes()));
        assert!(trailer.starts_with(&told) && trailer.ends_with(",,,\r\n"), "{trailer}");
        for format in ["csv", "ocsf", "ecs", "jsonl"] {
            let plain = export(&["--format", format]);
            assert!(!plain.contains("Alice Adams") && !plain.contains("10.0.0.7"), "{format}");
            let opened = export(&["--format", format, "--openings", "--trailer"]);
            assert_eq!(opened.matches("Alice Adams").count(), 600, "{format}");
            assert!(opened.lines().last().unwrap().contains("600"), "{opened}");
        }
        let ocsf = export(&["--format", "ocsf"]);
        let first: Value = serde_json::from_str(ocsf.lines().next().unwrap()).unwrap();
        assert_eq!((&first["class_uid"], &first["status_id"]), (&json!(6_003), &json!(2)));
        for (arguments, says) in [
            (&["--format", "csv", "--columns", "ip"][..], "`ip` is personal"),
            (&["--format", "csv", "--columns", "acter"], "did you mean `actor`?"),
            (&["--columns", "actor"], "`--columns` is for `--format csv`"),
            (&["--format", "xml"], "possible values: jsonl, csv, ocsf, ecs"),
            (&["--format", "csv", "--bundle", "b", "--policy", "p"], "cannot be used with"),
            (&["tenant:acme", "--bundle", "b", "--policy", "p"], "cannot be used with"),
        ] {
            let answer = case.audit(&[&["export"], arguments].concat());
            assert_eq!((answer.code, &*answer.stdout), (Some(2), ""));
            assert!(answer.stderr.contains(says), "{}", answer.stderr);
        }
    })
    .await;
}

#[tokio::test]
async fn a_csv_that_goes_on_is_one_file() {
    let case = Case::on_sqlite().await;
    let export = ["export", "--format", "csv", "--columns", "log,index,action", "--resume", "at"];
    let first = case.printed(&export);
    case.record(0..10).await;
    let (second, third) = (case.printed(&export), case.printed(&export));
    assert_eq!((second.lines().count(), &*third), (10, ""));
    let whole = case.printed(&["export", "--format", "csv", "--columns", "log,index,action"]);
    assert_eq!(first + &second, whole);
}

#[tokio::test]
async fn who_stops_reading_keeps_no_transaction_open() {
    on_each_database(async |case| {
        if !case.url.starts_with("postgres") {
            return;
        }
        let options: PgConnectOptions = case.url.parse().unwrap();
        case.record(0..3_000).await;
        let mut child = case.command(&["export"]).stdout(Stdio::piped()).spawn().unwrap();
        // It has begun, and then waits for somebody who reads on.
        let mut stdout = child.stdout.take().unwrap();
        stdout.read_exact(&mut [0]).unwrap();
        let mut beside = options.connect().await.unwrap();
        let open = "SELECT count(*) FROM pg_stat_activity \
             WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL";
        let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
        while sqlx::query_scalar::<_, i64>(open).fetch_one(&mut beside).await.unwrap() > 0 {
            assert!(tokio::time::Instant::now() < deadline, "a transaction stays open");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert!(child.try_wait().unwrap().is_none());
        beside.close().await.unwrap();
        drop(stdout);
        assert_eq!(child.wait().unwrap().code(), Some(0));
    })
    .await;
}

#[tokio::test]
async fn who_has_read_enough_leaves_without_a_word() {
    let case = Case::on_sqlite().await;
    case.record(0..2_000).await;
    let leave = |arguments: &[&str]| {
        let mut command = case.command(arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let output = child.wait_with_output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(leave(&["export"]), (Some(0), String::new()));
    // But who keeps how far it came is told that it did not.
    let (code, told) = leave(&["export", "--resume", "position"]);
    assert!(code == Some(2) && told.contains("Broken pipe"), "{told}");
    assert!(!case.path("position").exists());
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
