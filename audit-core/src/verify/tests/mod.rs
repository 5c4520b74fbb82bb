//! Logs that were made by appending and then changed behind the store's back.
//!
//! `AUDIT_SOAK=1` runs full counts.

mod tampered;
mod honest;
mod head;
mod rows;
mod anchors;
mod signed;
mod beside;
mod permits;
mod leaves;
mod boots;
mod large;
mod random;
mod since;

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{Finding, FindingKind, Report, Verification, verify};
use crate::event::Producer;
use crate::store::{Leaf, MemoryStore, Reader, Row, Store};
use crate::{Actor, Event, Outcome, RequestInfo};
use tampered::Tampered;

const ORIGIN: &str = "billing.example/audit/standard";

/// Kinds with first and last entry, as a report has them.
type Found = Vec<(FindingKind, Option<(u64, u64)>)>;

fn at(micros: u64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + Duration::from_micros(micros)
}

fn run<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// The leaf at an index of every log of these tests. Times of events are out of order, as spooled ones are.
fn leaf(index: u64) -> Leaf {
    let request = RequestInfo::new().ip([10, 0, 0, 7].into()).user_agent("curl/8");
    let event = Event::builder("invoice.approve")
        .occurred_at(at(1_000_000 + index * 7_919 % 1_000))
        .actor(Actor::user(format!("u-{}", index % 5)).name("Alice Adams"))
        .resource("invoice", index.to_string())
        .outcome(Outcome::Success)
        .request(request)
        .build()
        .unwrap();
    Leaf::new(event.encode(&Producer::new("test"), index)).unwrap()
}

/// Appends entries in batches, each recorded a second after the other.
async fn append(
    store: &MemoryStore,
    indices: std::ops::Range<u64>,
    batch: usize,
    leaf: impl Fn(u64) -> Leaf,
) {
    let log = store.open_log(ORIGIN, "standard").await.unwrap();
    let leaves: Vec<_> = indices.clone().map(leaf).collect();
    for (second, batch) in (indices.start..).zip(leaves.chunks(batch)) {
        store.append(log, batch, at(second * 1_000_000)).await.unwrap();
    }
}

/// An honest log.
fn log(size: u64) -> Tampered {
    run(async {
        let store = MemoryStore::new();
        append(&store, 0..size, 3, leaf).await;
        Tampered::of(&store).await
    })
}

fn report(log: &Tampered) -> Report {
    let reader = Reader::new(log.clone());
    // It can be given to a task.
    let verifying: Box<dyn Future<Output = _> + Send> = Box::new(verify(&reader));
    run(Box::into_pin(verifying)).unwrap()
}

fn found(log: &Tampered) -> Found {
    places(&report(log))
}

fn places(report: &Report) -> Found {
    let place = |finding: &Finding| finding.entries.map(|span| (span.first, span.last));
    report.findings().map(|finding| (finding.kind, place(finding))).collect()
}

/// One finding at each of these indices.
fn each<const N: usize>(kind: FindingKind, indices: [u64; N]) -> Found {
    indices.map(|index| (kind, Some((index, index)))).to_vec()
}

/// One finding at one span.
fn span(kind: FindingKind, first: u64, last: u64) -> Found {
    vec![(kind, Some((first, last)))]
}

fn soak() -> bool {
    std::env::var_os("AUDIT_SOAK").is_some_and(|value| value == "1")
}
