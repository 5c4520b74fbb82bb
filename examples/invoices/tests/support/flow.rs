//! What happens to the application before its log is looked at.

use std::net::SocketAddr;
use std::process::Command;

use serde_json::{Value, json};

use super::application::Application;
use super::client::{Client, Session, exchange};
use super::http::Request;
use super::line::Line;

/// What remains of an application that was used and stopped.
pub(crate) struct Flow {
    /// What its log must hold, and nothing else.
    pub(crate) expected: Vec<Line>,
    /// What must be nowhere in its database.
    pub(crate) secrets: Vec<String>,
    /// Its database.
    pub(crate) database: Vec<u8>,
}

/// Requests at once.
fn at_once() -> u32 {
    if soak() { 5_000 } else { 240 }
}

fn soak() -> bool {
    std::env::var_os("AUDIT_SOAK").is_some()
}

/// Lets this process, and the application that it starts, have as many connections as requests at once:
/// 1,024 files is a usual limit.
fn allow_many_files() {
    let own = std::process::id().to_string();
    let raised = Command::new("prlimit").args(["--nofile=16384:", "--pid", &own]).status();
    assert!(raised.is_ok_and(|raised| raised.success()), "no 16,384 files: see `ulimit -n`");
}

impl Flow {
    /// Starts the application, does all that one can do to it, and stops it.
    pub(crate) fn run() -> Self {
        if soak() {
            allow_many_files();
        }
        let folder = tempfile::tempdir().unwrap();
        let application = Application::start(folder.path());
        let mut client = Client::new(application.address);

        let mut secrets = vec!["wrong-and-secret".to_owned()];
        let [alice, bob, auditor] = ["alice", "bob", "auditor"].map(|user| client.login(user));
        secrets.extend([&alice, &bob, &auditor].map(|session| session.replace("sid=", "")));
        refused_logins(&mut client);
        business(&mut client, &alice, &bob);
        refusals(&mut client, &alice);
        hostile(&mut client, &alice);
        unheard(application.address);
        panicking(&mut client, &bob);
        hanging_up(&mut client, &alice);
        crowd(&mut client, &alice, &bob);
        reading(&mut client, &bob, &auditor);
        leaving(&mut client, &bob);

        // A request that is being worked on when the signal comes is answered, and recorded.
        let line = Line::new("demo.slow", "success").by("alice").status(200);
        let mut slow = client.begin(&alice, with(&alice, Request::get("/slow")), line);
        application.terminate();
        assert_eq!(slow.answer().status, 200);
        let said = || std::fs::read_to_string(folder.path().join("stderr")).unwrap();
        assert_eq!(application.exit_code(), Some(0), "{}", said());

        let mut left: Vec<_> = std::fs::read_dir(folder.path().join("data"))
            .unwrap()
            .map(|file| file.unwrap().file_name())
            .collect();
        left.sort();
        assert_eq!(left, ["invoices.db", "session.key", "signer"]);

        let database = std::fs::read(folder.path().join("data/invoices.db")).unwrap();
        Self { expected: client.expected, secrets, database }
    }
}

fn with(session: &Session, request: Request) -> Request {
    request.header("cookie", session)
}

fn invoice(customer: &str, amount: u32) -> Value {
    json!({"customer": customer, "amount": amount})
}

fn refused_logins(client: &mut Client) {
    let login = |user: &str| {
        Request::post("/login").json(json!({"user": user, "password": "wrong-and-secret"}))
    };
    let denied = |user: &str| Line::new("user.login", "denied").on("user", user);
    client.send(login("alice"), 401, denied("alice"));
    client.send(login("nobody"), 401, denied("nobody"));
    client.send(login("ali\0ce"), 401, denied("ali\u{fffd}ce").truncated("/resource/id"));
}

/// An invoice's life.
fn business(client: &mut Client, alice: &Session, bob: &Session) {
    let create = with(alice, Request::post("/invoices")).json(invoice("ACME", 12_00));
    let success = |action: &str| Line::new(action, "success").on("invoice", 1);
    let made = client.send(create, 201, success("invoice.create").by("alice"));
    assert_eq!(
        made.json(),
        json!({"id": 1, "customer": "ACME", "amount": 12_00, "status": "draft"})
    );

    let update = with(alice, Request::new("PUT", "/invoices/1")).json(invoice("ACME", 13_00));
    let updated = client.send(update, 200, success("invoice.update").by("alice"));
    assert_eq!(updated.json()["amount"], 13_00);
    let read = with(alice, Request::get("/invoices/1"));
    client.send(read, 200, success("invoice.read").by("alice"));

    let approve = Request::post("/invoices/1/approve");
    let denied = Line::new("invoice.approve", "denied").by("alice").on("invoice", 1);
    client.send(with(alice, approve.clone()), 403, denied);
    let approved = client.send(with(bob, approve), 200, success("invoice.approve").by("bob"));
    assert_eq!(approved.json()["status"], "approved");

    let refund = with(bob, Request::post("/invoices/1/refund"));
    let refunded = client.send(refund.clone(), 200, success("invoice.refund").by("bob"));
    assert_eq!(refunded.json()["status"], "refunded");
    let twice = Line::new("invoice.refund", "failure").by("bob").on("invoice", 1);
    client.send(refund, 409, twice);

    let delete = with(alice, Request::new("DELETE", "/invoices/1"));
    client.send(delete, 204, success("invoice.delete").by("alice"));
    let read = with(alice, Request::get("/invoices/1"));
    client.send(read, 404, Line::new("invoice.read", "failure").by("alice").on("invoice", 1));
}

/// What the layer records by itself, as no handler was reached.
fn refusals(client: &mut Client, alice: &Session) {
    let request = |outcome: &str| Line::new("http.request", outcome);
    client.send(Request::get("/invoices"), 401, request("denied"));
    let guessed = Request::get("/audit/api/v1/events").header("cookie", "sid=0123456789abcdef");
    client.send(guessed, 401, request("denied"));

    let malformed = with(alice, Request::post("/invoices")).json("{\"customer\": ");
    client.send(malformed, 400, request("failure").by("alice"));
    let incomplete = with(alice, Request::post("/invoices")).json("{}");
    client.send(incomplete, 422, request("failure").by("alice"));
    let large = with(alice, Request::post("/invoices")).json("x".repeat(10_000_000));
    client.send(large, 413, request("failure").by("alice"));
}

/// What is served although it was meant badly, and recorded without what was bad in it.
fn hostile(client: &mut Client, alice: &Session) {
    let agents: [&[u8]; 3] =
        ["Mozilla \u{9b}31m\u{9b}2J".as_bytes(), &[b'x'; 65_536], b"Mozilla \xff\xfe\xc3("];
    let list = || Line::new("invoice.list", "success").by("alice").on_all("invoice");
    for agent in agents {
        let request = with(alice, Request::get("/invoices")).header("user-agent", agent);
        client.send(request, 200, list().truncated("/request/user_agent"));
    }
    let request = with(alice, Request::get("/invoices"));
    client.send_with_id(request, &"i".repeat(4_096), 200, list().truncated("/request/id"));

    let create = with(alice, Request::post("/invoices")).json(invoice("A\0CME\u{1b}[2J", 1));
    let made = client.send(
        create,
        201,
        Line::new("invoice.create", "success").by("alice").on("invoice", 2),
    );
    assert_eq!(made.json()["customer"], "A\0CME\u{1b}[2J");
}

/// What the HTTP library itself refuses, before any service sees it: there is nothing to record.
fn unheard(address: SocketAddr) {
    for agent in ["Mozilla\0", "Mozilla \u{1b}[31m"] {
        let request = Request::post("/login").header("user-agent", agent);
        assert_eq!(exchange(address, &request).status, 400, "{agent:?}");
    }
}

/// The panic is recorded below the layer that answers for it, so that the entry knows of no status.
fn panicking(client: &mut Client, bob: &Session) {
    let request = with(bob, Request::post("/panic"));
    let answer = client.send_to_panic(request, Line::new("demo.panic", "failure").by("bob"));
    assert_eq!(answer.status, 500);
}

fn hanging_up(client: &mut Client, alice: &Session) {
    let slow = with(alice, Request::get("/slow"));
    drop(client.begin(alice, slow, Line::new("demo.slow", "cancelled").by("alice")));
}

fn crowd(client: &mut Client, alice: &Session, bob: &Session) {
    let request = |i| match i % 2 {
        0 => (with(alice, Request::post("/invoices")).json(invoice("Crowd", i)), 201),
        _ => (with(bob, Request::get("/invoices/2")), 200),
    };
    client.send_at_once((0..at_once()).map(request).collect(), |answer, i| match i % 2 {
        0 => Line::new("invoice.create", "success").by("alice").on("invoice", &answer.json()["id"]),
        _ => Line::new("invoice.read", "success").by("bob").on("invoice", 2),
    });
}

/// The log over HTTP: all of it, in pages that do not move while new entries come.
fn reading(client: &mut Client, bob: &Session, auditor: &Session) {
    // A durable action is answered when its entry is committed, and with it all that came before.
    let approve = with(bob, Request::post("/invoices/2/approve"));
    let approved = Line::new("invoice.approve", "success");
    client.send(approve, 200, approved.by("bob").on("invoice", 2));

    let events = "/audit/api/v1/events";
    let limit = at_once() / 50;
    // That it was read is said once a minute.
    let read = Line::new("audit.log.search", "success").by("auditor");
    let first =
        client.send(with(auditor, Request::get(&format!("{events}?limit={limit}"))), 200, read);
    let (mut page, mut indices) = (first.json(), Vec::new());
    loop {
        for entry in page["entries"].as_array().unwrap() {
            if entry["log"] == "invoices.example/audit/audit" {
                continue;
            }
            assert_eq!(entry["log"], "invoices.example/audit/standard");
            assert_eq!(entry["leaf_hash"].as_str().unwrap().len(), 64);
            indices.push(entry["index"].as_u64().unwrap());
        }
        let Some(next) = page["next"].as_str() else { break };
        let next = format!("{events}?limit={limit}&cursor={next}");
        page = client.look(with(auditor, Request::get(&next)), 200).json();
    }
    let newest = indices[0];
    assert!(newest > 200 && indices.into_iter().eq((0..=newest).rev()));

    for wrong in ["limit=0", "limit=1001", "cursor=x"] {
        client.look(with(auditor, Request::get(&format!("{events}?{wrong}"))), 400);
    }
}

fn leaving(client: &mut Client, bob: &Session) {
    let events = with(bob, Request::get("/audit/api/v1/events"));
    client.send(events, 403, Line::new("http.request", "denied").by("bob"));
    let logout = with(bob, Request::post("/logout"));
    client.send(logout, 204, Line::new("user.logout", "success").by("bob").on("user", "bob"));
    client.send(with(bob, Request::get("/invoices")), 401, Line::new("http.request", "denied"));
}
