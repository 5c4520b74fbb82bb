//! An application under load that is killed at any moment: what it has answered well is in the log, as far as its routes
//! promise that; what it began and cannot complete is closed by the next one; and verification tells that it was killed.
#![cfg(test)]

#[path = "support/chance.rs"]
mod chance;
#[path = "support/log.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod log;

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use audit_core::Query;
use audit_core::store::{Entry, Reader, SqliteStore};
use audit_core::verify::{Finding, FindingKind, verify};
use chance::chance;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// What each of the connections asks for, in turns.
const ALL: &[&str] = &["buffered", "durable", "strict"];
const CONNECTIONS: [&[&str]; 6] = [ALL, ALL, ALL, ALL, &["buffered"], &["buffered"]];

/// Connections that ask for each of these.
const OF_EACH: usize = 4;

/// Places of the application's queue: few, so that they are taken.
const CAPACITY: usize = 16;

/// Events that a process has in its memory only, at the most: those in the queue, and those that were taken out of it for
/// the append under way.
const UNWRITTEN: usize = 2 * CAPACITY;

/// Processes that are killed.
fn rounds() -> u64 {
    if std::env::var_os("AUDIT_SOAK").is_some() { 50 } else { 4 }
}

/// The program `served`; it is not left behind when a test fails.
struct Served {
    child: Child,
    address: SocketAddr,
}

impl Served {
    fn start(database: &str) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_served"));
        let mut child =
            command.args([database, &CAPACITY.to_string()]).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        Self { child, address: line.trim().parse().unwrap() }
    }

    /// By SIGKILL.
    fn kill(&mut self) {
        self.child.kill().unwrap();
        assert_eq!(self.child.wait().unwrap().code(), None, "it has come to its end by itself");
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Asks over one connection until that breaks off. Says which requests were answered well, as `route/id`.
async fn ask(
    address: SocketAddr,
    routes: &'static [&'static str],
    name: String,
    answered: Arc<AtomicU64>,
) -> Vec<String> {
    let mut good = Vec::new();
    let mut connection = tokio::io::BufReader::new(TcpStream::connect(address).await.unwrap());
    for (number, route) in routes.iter().cycle().enumerate() {
        let path = format!("{route}/{name}-{number}");
        match exchange(&mut connection, &path).await {
            Some(status) => assert_eq!(status, 200, "{path}"),
            None => break,
        }
        answered.fetch_add(1, Ordering::Relaxed);
        good.push(path);
    }
    good
}

/// One request over HTTP/1.1; the status, once all of the answer is there, or nothing where it breaks off.
async fn exchange(connection: &mut tokio::io::BufReader<TcpStream>, path: &str) -> Option<u16> {
    let head = format!("POST /{path} HTTP/1.1\r\nhost: test\r\ncontent-length: 0\r\n\r\n");
    connection.write_all(head.as_bytes()).await.ok()?;
    let (mut status, mut length) = (None, 0);
    loop {
        let mut line = String::new();
        connection.read_line(&mut line).await.ok()?;
        let line = line.strip_suffix("\r\n")?;
        if line.is_empty() {
            break;
        }
        if let Some(line) = line.strip_prefix("HTTP/1.1 ") {
            status = line.split(' ').next()?.parse().ok();
        }
        if let Some(value) = line.strip_prefix("content-length: ") {
            length = value.parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    connection.read_exact(&mut body).await.ok()?;
    status
}

/// Waits until something is so.
async fn eventually(what: &str, is_so: impl AsyncFn() -> bool) {
    let come = async {
        while !is_so().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), come).await.expect(what);
}

/// Whether each operation that has begun is completed, one way or the other.
async fn all_are_over(reader: &Reader) -> bool {
    let mut query = Query::new().begun().limit(1_000);
    loop {
        let page = reader.search(&query).await.unwrap();
        for begun in &page.entries {
            let id = log::text(&begun.event(), "/id").parse().unwrap();
            let completion = Query::new().completes(id).limit(1);
            if reader.search(&completion).await.unwrap().entries.is_empty() {
                return false;
            }
        }
        match page.next {
            Some(next) => query = query.cursor(next),
            None => return true,
        }
    }
}

/// Processes that ended without a word. The log is what it was all the same.
async fn unclean_stops(reader: &Reader) -> usize {
    let report = verify(reader).await.unwrap();
    assert!(report.is_clean(), "{report}");
    let unclean = |finding: &&Finding| finding.kind == FindingKind::UncleanStop;
    report.findings().filter(unclean).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_killed_application_has_answered_durably_is_in_its_log() {
    let seed = std::env::var("AUDIT_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(7);
    let folder = tempfile::tempdir().unwrap();
    let database = folder.path().join("audit.db").to_str().unwrap().to_owned();

    let mut good: Vec<BTreeSet<String>> = Vec::new();
    for round in 0..rounds() {
        let mut served = Served::start(&database);
        let answered = Arc::new(AtomicU64::new(0));
        let mut connections = JoinSet::new();
        for (number, routes) in CONNECTIONS.repeat(OF_EACH).into_iter().enumerate() {
            let name = format!("{round}-{number}");
            connections.spawn(ask(served.address, routes, name, Arc::clone(&answered)));
        }
        let moment = 1 + chance(seed + round, 600);
        let come = async {
            while answered.load(Ordering::Relaxed) < moment {
                tokio::time::sleep(Duration::from_micros(200)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), come).await.unwrap();
        served.kill();
        good.push(connections.join_all().await.into_iter().flatten().collect());
    }

    let reader = Reader::new(SqliteStore::open(&database).await.unwrap());
    let mut last = Served::start(&database);
    eventually("an operation stays open", async || all_are_over(&reader).await).await;
    last.kill();
    let processes = good.len() + 1;
    eventually("a kill is not told of", async || unclean_stops(&reader).await == processes).await;

    let events: Vec<_> = log::entries(&reader).await.iter().map(Entry::event).collect();
    let begun: BTreeMap<_, _> = events
        .iter()
        .filter(|event| event["stage"] == "begun")
        .map(|event| (log::text(event, "/id"), log::text(event, "/resource/id")))
        .collect();
    let mut ended: BTreeMap<&str, &Value> = BTreeMap::new();
    let complete = |event: &&Value| event["stage"] == "complete" && !event["resource"].is_null();
    for event in events.iter().filter(complete) {
        let twice = ended.insert(log::text(event, "/resource/id"), event);
        assert!(twice.is_none(), "{event}");
    }
    let mut lost = Vec::new();
    for (round, good) in good.iter().enumerate() {
        let mut of_this = 0;
        for path in good {
            let (route, id) = path.split_once('/').unwrap();
            let Some(event) = ended.get(id) else {
                assert_eq!(route, "buffered", "{path} is not there, AUDIT_SEED={seed}");
                of_this += 1;
                continue;
            };
            assert_eq!(event["outcome"], "success", "AUDIT_SEED={seed}: {event}");
            if route == "strict" {
                let announced = begun.get(log::text(event, "/begun_id"));
                assert_eq!(announced, Some(&id), "AUDIT_SEED={seed}: {event}");
            }
        }
        assert!(of_this <= UNWRITTEN, "round {round}: {of_this} buffered are lost");
        lost.push(of_this);
    }
    let orphaned =
        ended.values().filter(|event| event["error"]["code"] == "audit.orphaned").count();
    println!(
        "seed {seed}: {} kills; {orphaned} operations closed in the place of who began them; {} requests answered, {} \
         entries; {} buffered lost, at most {} of one process",
        rounds(),
        good.iter().map(BTreeSet::len).sum::<usize>(),
        events.len(),
        lost.iter().sum::<usize>(),
        lost.iter().max().unwrap()
    );
}
