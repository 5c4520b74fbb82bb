//! What leaves the house: bundles and disclosures, and what is said of them where there is no database.

use audit_core::store::{Reader, SqliteStore};
use audit_core::{Actor, Event, Query, Recorder};
use std::time::Duration;

use super::{ADOPT, Case, ORIGIN};

/// A log of thirty entries, signed, whose tenth names somebody; the id of that event.
async fn named() -> (Case, String) {
    let case = Case { folder: tempfile::tempdir().unwrap() };
    let path = case.path("audit.db");
    let store = SqliteStore::open(path.to_str().unwrap()).await.unwrap();
    let recorder = Recorder::builder(store.clone()).origin(ORIGIN).start().await.unwrap();
    for number in 0..30 {
        let actor = Actor::user("u-1").name(if number == 10 { "Alice" } else { "Bob" });
        recorder.record(Event::builder("invoice.pay").actor(actor.email("a@example.com"))).await;
    }
    recorder.shutdown(Duration::from_secs(10)).await.unwrap();
    let page = Reader::new(store.clone()).search(&Query::new().action("invoice.pay")).await;
    let tenth = page.unwrap().entries.into_iter().find(|entry| entry.index == 10).unwrap();
    store.close().await;
    assert_eq!(case.audit(&ADOPT, b"").code, Some(0));
    (case, tenth.event()["id"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_bundle_of_all_logs_or_of_a_range_is_verified_without_the_database() {
    let (case, _) = named().await;
    let export = ["export", "--bundle", "all.bundle", "--policy", "out/policy"];
    let exported = case.audit(&export, b"");
    assert_eq!((exported.code, &*exported.stderr), (Some(0), ""));
    let log = "cli.example/audit/standard: entries 0 to 30, 0 personal values\n";
    assert!(exported.stdout.contains(log), "{}", exported.stdout);
    let range = [&export[..2], &["some.bundle"], &export[3..]].concat();
    let of =
        ["--checkpoint", "out", "--log", "standard", "--from", "8", "--to", "12", "--openings"];
    let exported = case.audit(&[&range[..], &of].concat(), b"");
    assert_eq!((exported.code, &*exported.stderr), (Some(0), ""));
    std::fs::remove_file(case.path("audit.db")).unwrap();

    let check = ["verify-bundle", "all.bundle", "--policy", "out/policy"];
    let checked = case.audit(&check, b"");
    assert_eq!((checked.code, &*checked.stderr), (Some(0), ""));
    assert!(checked.stdout.contains("entries 0 to 30 of the first 30 of"), "{}", checked.stdout);
    assert_eq!(checked.stdout.lines().count(), 2);
    let own = case.audit(&["verify-bundle", "some.bundle", "--own-policy"], b"");
    let told = "entries 8 to 12 of the first 30 of cli.example/audit/standard, as they were signed; 8 personal values";
    assert!(own.code == Some(0) && own.stdout.starts_with(told), "{}", own.stdout);
    assert!(own.stdout.contains("compare its keys"), "{}", own.stdout);
    let json = case.audit(&["verify-bundle", "some.bundle", "--own-policy", "--json"], b"");
    let json: serde_json::Value = serde_json::from_str(&json.stdout).unwrap();
    assert_eq!((&json["logs"][0]["end"], &json["logs"][0]["openings"]), (&12.into(), &8.into()));

    let bundle = std::fs::read(case.path("all.bundle")).unwrap();
    let at = bundle.windows(11).position(|word| word == b"invoice.pay").unwrap();
    let mut changed = bundle.clone();
    changed[at + 8] ^= 1;
    std::fs::write(case.path("all.bundle"), &changed).unwrap();
    let checked = case.audit(&check, b"");
    assert_eq!((checked.code, &*checked.stdout), (Some(1), ""));
    assert!(checked.stderr.contains("not those that were signed"), "{}", checked.stderr);
    std::fs::write(case.path("all.bundle"), &bundle[..at]).unwrap();
    let checked = case.audit(&check, b"");
    assert_eq!((checked.code, &*checked.stdout), (Some(2), ""));
    assert!(checked.stderr.contains("it ends too early"), "{}", checked.stderr);
}

#[tokio::test]
async fn a_bundle_lacks_no_log_in_silence_and_takes_no_filter() {
    let (case, _) = named().await;
    let export = ["export", "--bundle", "all.bundle", "--policy", "out/policy"];
    let checkpoint = ["--checkpoint", "out/cli.example-audit-standard.checkpoint"];
    let exported = case.audit(&[&export[..], &checkpoint].concat(), b"");
    assert_eq!(exported.code, Some(3));
    let told = "no checkpoint of the log cli.example/audit/audit is at hand";
    assert!(exported.stderr.contains(told), "{}", exported.stderr);
    let filtered = case.audit(&[&export[..], &["--action", "invoice.pay"]].concat(), b"");
    assert_eq!(filtered.code, Some(2));
    let ahead = case.audit(&[&export[..], &["--log", "standard", "--to", "31"]].concat(), b"");
    assert!(ahead.code == Some(2) && ahead.stderr.contains("there are 30"), "{}", ahead.stderr);
}

#[tokio::test]
async fn one_value_of_one_event_is_disclosed_and_no_other() {
    let (case, id) = named().await;
    let disclosed = case.audit(&["disclose", "--event", &id, "--field", "/actor/name"], b"");
    assert_eq!((disclosed.code, &*disclosed.stderr), (Some(0), ""));
    assert!(disclosed.stdout.contains("Alice") && !disclosed.stdout.contains("a@example.com"));
    std::fs::write(case.path("name"), &disclosed.stdout).unwrap();
    let none = case.audit(&["disclose", "--event", &id, "--field", "/actor/id"], b"");
    assert!(none.code == Some(2) && none.stderr.contains("no personal value"), "{}", none.stderr);
    // A kept checkpoint does for a proof as well.
    let proof = case.audit(&["prove", "--log", "standard", "--index", "10"], b"");
    assert!(proof.code == Some(0) && proof.stdout.contains("index 10\n"), "{}", proof.stderr);
    let wrong = "out/cli.example-audit-audit.checkpoint";
    let wrong = case.audit(&["prove", "--event", &id, "--checkpoint", wrong], b"");
    assert!(wrong.code == Some(2) && wrong.stderr.contains("it is of the log"), "{}", wrong.stderr);
    std::fs::remove_file(case.path("audit.db")).unwrap();

    let check = ["verify-proof", "--policy", "out/policy", "--disclosure", "name"];
    let checked = case.audit(&check, b"");
    assert_eq!((checked.code, &*checked.stderr), (Some(0), ""));
    let told = "entry 10 of the first 30 of cli.example/audit/standard: /actor/name is \"Alice\"\n";
    assert_eq!(checked.stdout, told);
    std::fs::write(case.path("name"), disclosed.stdout.replace("Alice", "Alicf")).unwrap();
    let checked = case.audit(&check, b"");
    assert_eq!((checked.code, &*checked.stdout), (Some(1), ""));
}
