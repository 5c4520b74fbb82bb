#![cfg(test)]
//! The whole system: the application as its own process, used over a socket, stopped by a signal, and
//! then its log, entry by entry; and what becomes of the log when somebody changes it.
//!
//! With `AUDIT_SOAK=1`, 5,000 requests come at once, and not 240.

mod support;

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::sync::{LazyLock, mpsc};
use std::thread;

use audit_core::store::Entry;
use serde_json::{Value, json};

use support::application::{Application, Refusal, refused};
use support::client::{Client, exchange};
use support::database::Database;
use support::flow::Flow;
use support::http::Request;
use support::line::Line;

static FLOW: LazyLock<Flow> = LazyLock::new(Flow::run);

#[test]
fn each_request_leaves_exactly_one_entry_that_says_how_it_ended() {
    let entries = Database::copy(&FLOW.database).entries();
    let mut found: Vec<_> = entries.iter().map(Line::of).collect();
    let mut expected = FLOW.expected.clone();
    found.sort();
    expected.sort();
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found, expected);
    }
    assert_eq!(found.len(), expected.len());
}

/// How many entries the application's own log has: all but the one that says that it was read.
fn size() -> i64 {
    i64::try_from(FLOW.expected.len()).unwrap() - 1
}

#[test]
fn a_log_that_nobody_has_changed_verifies() {
    let report = Database::copy(&FLOW.database).verify();
    assert!(report.is_clean(), "{report}");
    let sizes: Vec<_> = report.logs.iter().map(|log| (&*log.log, log.size)).collect();
    let expected = [
        // First and last word of the process, and that the log was read.
        ("invoices.example/audit/audit", Some(3)),
        ("invoices.example/audit/standard", Some(u64::try_from(size()).unwrap())),
    ];
    assert_eq!(sizes, expected);
}

#[test]
fn entries_know_who_asked_from_where_and_are_free_of_control_characters() {
    let entries = Database::copy(&FLOW.database).entries();
    for entry in entries {
        let event = entry.event();
        assert_eq!(event.pointer("/request/ip"), Some(&Value::from("127.0.0.1")), "{event}");
        assert!(event["actor"].is_null() || event.pointer("/actor/name").is_some(), "{event}");
        assert!(!texts(&event).any(|text| text.contains(char::is_control)), "{event}");
        let agent = event.pointer("/request/user_agent").and_then(Value::as_str);
        assert!(agent.is_none_or(|agent| agent.len() <= 512), "{event}");
    }
}

/// All texts within a value.
fn texts(value: &Value) -> Box<dyn Iterator<Item = &str> + '_> {
    match value {
        Value::String(text) => Box::new(std::iter::once(&**text)),
        Value::Array(values) => Box::new(values.iter().flat_map(texts)),
        Value::Object(members) => {
            Box::new(members.iter().flat_map(|(name, value)| texts(value).chain([&**name])))
        }
        _ => Box::new(std::iter::empty()),
    }
}

#[test]
fn no_password_and_no_session_id_is_in_the_database() {
    assert!(contains(&FLOW.database, "invoice.approve"));
    for secret in &FLOW.secrets {
        assert!(!contains(&FLOW.database, secret), "{secret}");
    }
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn after_a_restart_the_log_goes_on_and_a_session_still_has_the_same_hash() {
    let database = Database::copy(&FLOW.database);
    let before = database.entries();
    for _ in 0..2 {
        let application = Application::start(database.folder());
        let mut client = Client::new(application.address);
        let request = Request::get("/invoices").header("cookie", "sid=of-another-boot");
        client.send(request, 401, Line::new("http.request", "denied"));
        application.terminate();
        assert_eq!(application.exit_code(), Some(0));
    }
    let mut after = database.entries();
    let new = after.split_off(before.len());
    assert!(
        before.iter().zip(&after).all(|(before, after)| before.canonical() == after.canonical())
    );
    let session = |entry: &Entry| entry.event().pointer("/request/session").cloned();
    assert!(
        new.len() == 2 && session(&new[0]).is_some() && session(&new[0]) == session(&new[1]),
        "{new:?}"
    );
    let report = database.verify();
    assert!(report.is_clean(), "{report}");
}

#[test]
fn a_durable_operation_that_was_answered_before_a_kill_is_in_the_log() {
    let rounds = if std::env::var_os("AUDIT_SOAK").is_some() { 50 } else { 2 };
    let database = Database::copy(&FLOW.database);
    for round in 0..rounds {
        let application = Application::start(database.folder());
        let address = application.address;
        let session = Client::new(address).login("bob");
        let (approved, approvals) = mpsc::channel();
        let clients: Vec<_> = (0..4)
            .map(|_| {
                let (approved, session) = (approved.clone(), session.clone());
                // Ends when nobody answers any more.
                thread::spawn(move || approve_for_ever(address, &session, &approved))
            })
            .collect();
        let mut answered: Vec<_> = approvals.iter().take(20 + round).collect();
        application.kill();
        let ends = clients.into_iter().map(thread::JoinHandle::join);
        assert_eq!(ends.filter(Result::is_err).count(), 4);
        drop(approved);
        answered.extend(approvals);
        let entries = database.entries();
        let recorded: BTreeSet<_> = entries.iter().map(Line::of).collect();
        for (id, request) in answered {
            let line = Line::new("invoice.approve", "success").by("bob").on("invoice", id);
            let line = line.status(200).request(request);
            assert!(recorded.contains(&line), "{line:?}");
        }
        let report = database.verify();
        assert!(report.is_clean(), "{report}");
    }
}

/// Makes invoices and approves them, and tells of each approval that was answered.
fn approve_for_ever(
    address: SocketAddr,
    session: &str,
    approved: &mpsc::Sender<(i64, String)>,
) -> Infallible {
    loop {
        let create = Request::post("/invoices").header("cookie", session);
        let invoice = exchange(address, &create.json(json!({"customer": "c", "amount": 1}))).json();
        let id = invoice["id"].as_i64().unwrap();
        let approve = Request::post(&format!("/invoices/{id}/approve")).header("cookie", session);
        let answer = exchange(address, &approve);
        assert_eq!(answer.status, 200);
        approved.send((id, answer.header("x-request-id").unwrap().to_owned())).unwrap();
    }
}

/// An index under a full tile of 256 entries, and one among the newest, which have no tile yet.
fn places() -> [i64; 2] {
    let size = size();
    let newest = size / 256 * 256;
    assert!(newest > 0 && size - newest > 16, "{size} entries are too few or too many");
    [100, newest + 5]
}

#[test]
fn a_changed_byte_is_found() {
    let change = "UPDATE audit_entry SET canon = replace(canon, '\"stage\":\"complete\"', '\"stage\":\"Complete\"')
        WHERE idx = ? AND log_id = (SELECT log_id FROM audit_log WHERE class = 'standard')";
    for index in places() {
        let found = Database::copy(&FLOW.database).findings_after(&[(change, &[index])]);
        assert_eq!(found, [format!("MODIFIED {index}")]);
    }
}

#[test]
fn a_deleted_entry_is_found() {
    let delete = "DELETE FROM audit_entry
        WHERE idx = ? AND log_id = (SELECT log_id FROM audit_log WHERE class = 'standard')";
    for index in places() {
        let found = Database::copy(&FLOW.database).findings_after(&[(delete, &[index])]);
        assert_eq!(found, [format!("MISSING {index}")]);
    }
}

#[test]
fn two_swapped_entries_are_found() {
    let renumber = "UPDATE audit_entry SET idx = ?
        WHERE idx = ? AND log_id = (SELECT log_id FROM audit_log WHERE class = 'standard')";
    let aside = 1 << 40;
    for one in places() {
        let other = one + 6;
        let swap: [(_, &[i64]); 3] =
            [(renumber, &[aside, one]), (renumber, &[one, other]), (renumber, &[other, aside])];
        let found = Database::copy(&FLOW.database).findings_after(&swap);
        let expected = [one, other].map(|index| format!("REORDERED {index}"));
        assert!(expected.iter().all(|expected| found.contains(expected)), "{found:?}");
    }
}

#[test]
fn an_edited_search_column_is_found() {
    let edit = "UPDATE audit_entry SET actor = 'mallory'
        WHERE idx = ? AND log_id = (SELECT log_id FROM audit_log WHERE class = 'standard')";
    for index in places() {
        let found = Database::copy(&FLOW.database).findings_after(&[(edit, &[index])]);
        assert_eq!(found, [format!("COLUMN_MISMATCH {index}")]);
    }
}

#[test]
fn a_tail_that_was_cut_off_is_found() {
    let cut = "DELETE FROM audit_entry
        WHERE idx >= ? AND log_id = (SELECT log_id FROM audit_log WHERE class = 'standard')";
    for index in places() {
        let found = Database::copy(&FLOW.database).findings_after(&[(cut, &[index])]);
        let last = size() - 1;
        assert_eq!(found, [format!("TRUNCATED {index}-{last}")]);
    }
}

#[test]
fn a_start_that_cannot_be_is_refused_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let text = path("text");
    std::fs::write(&text, "This is neither a database nor a key.\n".repeat(100)).unwrap();
    let busy = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = busy.local_addr().unwrap().to_string();

    let data = path("data");
    let free = ["--listen", "127.0.0.1:0", "--data", &data];
    let url = format!("sqlite:{text}");
    let cases: &[(&[&str], &str)] = &[
        (&["--database-url", &url], "file is not a database"),
        (&["--database-url", &text], "does not begin with sqlite:"),
        (&["--database-url", "sqlite::memory:"], "SQLite's memory"),
        (&["--session-key", &text], "must hold 64 hexadecimal digits"),
        (&["--session-key", &data], "cannot be read or made"),
        (&["--frobnicate"], "unexpected argument '--frobnicate'"),
    ];
    for (arguments, reason) in cases {
        assert_refused(&[&free, *arguments].concat(), reason);
    }
    assert_refused(&["--listen", &address, "--data", &data], "cannot listen on 127.0.0.1:");
    assert_refused(&["--listen", "nowhere"], "invalid value 'nowhere' for '--listen");
    assert_refused(&["--listen", "127.0.0.1:0", "--data", &text], "cannot create the folder");
}

fn assert_refused(arguments: &[&str], reason: &str) {
    let Refusal { code, stdout, stderr } = refused(arguments);
    assert_eq!((code, &*stdout), (Some(2), ""), "{arguments:?}: {stderr}");
    assert!(stderr.starts_with("invoices: ") && stderr.contains(reason), "{arguments:?}: {stderr}");
    assert_eq!(stderr.lines().count(), 1, "{arguments:?}: {stderr}");
}
