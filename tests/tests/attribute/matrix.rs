//! Each shape, with each durability, to each end.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;
use std::time::Duration;

use audit_core::store::{MemoryStore, SqliteStore};
use audit_core::{AuditContext, Durability, Recorder};
use serde_json::{Value, json};

use crate::body::{AWAITS, Body, End, Ended, Failed};
use crate::log::{events, start, text};
use crate::shapes::{Kind, SYNC, Shape, WRAPPERS, buffered, durable, strict};

const DURABILITIES: [Durability; 3] =
    [Durability::Buffered, Durability::Durable, Durability::Strict];

/// Why a cell cannot be.
fn impossible(kind: Kind, durability: Durability, end: End) -> Option<&'static str> {
    match (kind, durability, end) {
        (Kind::Sync, Durability::Durable | Durability::Strict, _) => {
            Some("it cannot wait for its entry, and does not compile")
        }
        (Kind::Wrapper, Durability::Durable | Durability::Strict, _) => Some("it is buffered"),
        (
            Kind::Sync,
            _,
            End::PanicAfterAwaits
            | End::Cancelled
            | End::DeniedAndCancelled
            | End::TimedOut
            | End::NeverPolled,
        ) => Some("it never waits"),
        (Kind::Async | Kind::Sync | Kind::Wrapper, _, End::PanicBeforeItsFuture) => {
            Some("all that it does is in its future")
        }
        _ => None,
    }
}

/// Outcome and error of a call.
fn expected(body: &Body) -> (&'static str, Value) {
    let panicked = |message| ("failure", json!({"kind": "panic", "message": message}));
    let broken = "the ledger is broken: an error occurred when formatting an argument";
    let broken = json!({"code": "ledger", "kind": "broken", "message": broken});
    match body.end {
        End::Ok => ("success", Value::Null),
        End::Err => ("failure", broken),
        End::NotAllowed => {
            let message = "only approvers may do this";
            ("denied", json!({"code": "role.missing", "message": message}))
        }
        End::DeniedAndOk => ("denied", Value::Null),
        End::DeniedAndErr => ("denied", broken),
        End::PanicBeforeFirstAwait => panicked("the till is jammed"),
        End::PanicAfterAwaits | End::DeniedAndPanic => panicked("the till is empty"),
        End::PanicBeforeItsFuture => panicked("there is no future"),
        End::DeniedAndCancelled if body.has_denied() => ("denied", Value::Null),
        // What has run and is given up while its entry is on its way has not been cancelled.
        End::Cancelled if body.is_over() => ("success", Value::Null),
        End::Cancelled | End::DeniedAndCancelled | End::TimedOut | End::NeverPolled => {
            ("cancelled", Value::Null)
        }
    }
}

fn shapes(durability: Durability) -> Vec<Shape> {
    match durability {
        Durability::Durable => durable::SHAPES.to_vec(),
        Durability::Strict => strict::SHAPES.to_vec(),
        _ => [buffered::SHAPES.as_slice(), &SYNC, &WRAPPERS].concat(),
    }
}

/// One call, under the name by which its entries are found.
struct Cell {
    name: String,
    shape: Shape,
    durability: Durability,
    body: Body,
    polled: usize,
}

/// How a call was left.
#[derive(Debug)]
enum Left {
    Returned(Ended),
    Panicked,
    GivenUp,
}

impl Cell {
    fn new(shape: Shape, durability: Durability, end: End) -> Self {
        let name = format!("{} {durability:?} {end:?}", shape.name);
        Self { name, shape, durability, body: Body::new(end), polled: 0 }
    }

    /// Makes the call and polls it up to so many times.
    async fn run(&mut self, recorder: &Recorder, polls: usize) -> Left {
        let make = || (self.shape.call)(self.body.clone());
        let context = AuditContext::system(&self.name);
        let polled = &mut self.polled;
        let call = async {
            let Ok(mut call) = catch_unwind(AssertUnwindSafe(make)) else {
                return Left::Panicked;
            };
            let call = poll_fn(|cx| {
                if *polled == polls {
                    return Poll::Ready(Left::GivenUp);
                }
                *polled += 1;
                match catch_unwind(AssertUnwindSafe(|| call.as_mut().poll(cx))) {
                    Ok(Poll::Ready(ended)) => Poll::Ready(Left::Returned(ended)),
                    Ok(Poll::Pending) if *polled == polls => Poll::Ready(Left::GivenUp),
                    Ok(Poll::Pending) => Poll::Pending,
                    Err(_) => Poll::Ready(Left::Panicked),
                }
            });
            let time = if self.body.end == End::TimedOut { 20 } else { 60_000 };
            let time = Duration::from_millis(time);
            tokio::time::timeout(time, call).await.unwrap_or(Left::GivenUp)
        };
        context.scope(recorder, call).await
    }

    /// What is wrong with how the call was left.
    fn misled(&self, left: &Left) -> Option<String> {
        let is_right = matches!(
            (self.body.end, left),
            (End::Ok | End::DeniedAndOk, Left::Returned(Ok(7)))
                | (End::Err | End::DeniedAndErr, Left::Returned(Err(Failed::Broken(_))))
                | (End::NotAllowed, Left::Returned(Err(Failed::NotAllowed)))
                | (End::PanicBeforeFirstAwait | End::PanicAfterAwaits, Left::Panicked)
                | (End::DeniedAndPanic | End::PanicBeforeItsFuture, Left::Panicked)
                | (End::TimedOut, Left::GivenUp)
                | (End::Cancelled | End::DeniedAndCancelled | End::NeverPolled, _)
        );
        (!is_right).then(|| format!("{}: {left:?}", self.name))
    }

    /// What is wrong with the entries of the call.
    fn misrecorded(&self, events: &[Value]) -> Option<String> {
        let stage = |stage: &'static str| {
            events.iter().filter(move |event| text(event, "/stage") == stage).collect::<Vec<_>>()
        };
        let (begun, complete) = (stage("begun"), stage("complete"));
        let wrong = |what: &str| Some(format!("{}: {what}: {events:#?}", self.name));
        if self.polled == 0 && self.body.end != End::PanicBeforeItsFuture {
            return if events.is_empty() { None } else { wrong("never polled") };
        }
        let [event] = complete.as_slice() else {
            return wrong("not one complete entry");
        };
        let (outcome, error) = expected(&self.body);
        let action = format!("cell.{}", self.shape.name);
        if text(event, "/action") != action || text(event, "/outcome") != outcome {
            return wrong(&format!("not {action}, {outcome}"));
        }
        if event["error"] != error {
            return wrong(&format!("not the error {error}"));
        }
        if !event["duration_us"].is_u64() {
            return wrong("no duration");
        }
        let is_announced = self.durability == Durability::Strict;
        match begun.as_slice() {
            [] if !is_announced && event["begun_id"].is_null() => None,
            [begun] if is_announced && event["begun_id"] == begun["id"] => None,
            _ => wrong("begun otherwise than it should have"),
        }
    }
}

/// Runs all cells that there can be, and tells what is wrong with any.
async fn matrix(recorder: &Recorder) {
    let mut wrong = Vec::new();
    let mut cells = Vec::new();
    let mut impossibles = BTreeMap::new();
    for durability in DURABILITIES {
        let there = shapes(durability);
        for all in shapes(Durability::Buffered) {
            for end in End::ALL {
                let shape = there.iter().find(|shape| shape.name == all.name);
                match (impossible(all.kind, durability, end), shape) {
                    (Some(why), _) => *impossibles.entry(why).or_insert(0) += 1,
                    (None, None) => wrong.push(format!("no {} {durability:?}", all.name)),
                    (None, Some(&shape)) => {
                        run_all(recorder, shape, durability, end, &mut cells, &mut wrong).await;
                    }
                }
            }
        }
    }

    let mut all: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for event in events(recorder).await {
        all.entry(text(&event, "/actor/id").to_owned()).or_default().push(event);
    }
    for cell in &cells {
        wrong.extend(cell.misrecorded(&all.remove(&cell.name).unwrap_or_default()));
    }
    wrong.extend(all.into_iter().map(|(cell, events)| format!("{cell}: of none: {events:#?}")));
    // Of 20 shapes, 3 durabilities and 13 ends.
    let all_impossible = [
        ("all that it does is in its future", 35),
        ("it cannot wait for its entry, and does not compile", 156),
        ("it is buffered", 52),
        ("it never waits", 30),
    ];
    assert_eq!(impossibles, all_impossible.into());
    assert!(wrong.is_empty(), "{} of {} calls:\n{}", wrong.len(), cells.len(), wrong.join("\n"));
}

/// Runs one cell; where it is given up, as often as there are places for that.
async fn run_all(
    recorder: &Recorder,
    shape: Shape,
    durability: Durability,
    end: End,
    cells: &mut Vec<Cell>,
    wrong: &mut Vec<String>,
) {
    let is_given_up = matches!(end, End::Cancelled | End::DeniedAndCancelled);
    let polls = match end {
        End::NeverPolled => 0..=0,
        End::Cancelled | End::DeniedAndCancelled => 1..=50,
        _ => usize::MAX..=usize::MAX,
    };
    for polls in polls {
        let mut cell = Cell::new(shape, durability, end);
        if is_given_up {
            cell.name += &format!(" after {polls}");
        }
        let left = cell.run(recorder, polls).await;
        let is_whole = is_given_up && matches!(left, Left::Returned(_));
        if is_whole && polls <= AWAITS {
            wrong.push(format!("{}: returned too early", cell.name));
        }
        wrong.extend(cell.misled(&left));
        cells.push(cell);
        if is_whole {
            break;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_call_has_one_entry_however_it_ends_in_memory() {
    matrix(&start(MemoryStore::new()).await).await;
}

#[tokio::test]
async fn every_call_has_one_entry_however_it_ends_in_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.db");
    matrix(&start(SqliteStore::open(path.to_str().unwrap()).await.unwrap()).await).await;
}
