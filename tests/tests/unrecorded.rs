//! Audited functions in a process that has no recorder: they run, are counted, and each place is told once.
//!
//! One test in a binary of its own, as it counts what all of the process does.
#![cfg(test)]

use std::fmt::Debug;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Mutex;

use audit_core::recorder::unrecorded;
use audit_core::{Event, NotRecorded, audited, current};
use futures::FutureExt as _;
use tracing::field::{Field, Visit};
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

/// The actions of all warnings, in their order.
static WARNED: Mutex<Vec<String>> = Mutex::new(Vec::new());

struct Warnings;

impl<S: Subscriber> Layer<S> for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        *metadata.level() <= Level::WARN && metadata.target().starts_with("audit_core")
    }

    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        assert_eq!(*event.metadata().level(), Level::WARN);
        let mut told = Told::default();
        event.record(&mut told);
        assert!(told.file.ends_with("unrecorded.rs"), "{}", told.file);
        assert!(told.message.contains("not recorded"), "{}", told.message);
        WARNED.lock().unwrap().push(told.action);
    }
}

#[derive(Default)]
struct Told {
    action: String,
    file: String,
    message: String,
}

impl Visit for Told {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "action" => self.action = value.to_owned(),
            "file" => self.file = value.to_owned(),
            _ => {}
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            self.message = format!("{value:?}");
        }
    }
}

#[audited(action = "call.waits", resource = "thing", resource_id = n, labels(n = n))]
async fn waits(n: u64) -> u64 {
    tokio::task::yield_now().await;
    current().deny().tag("nobody hears it").discard();
    n
}

#[audited(action = "call.at_once")]
fn at_once(n: u64) -> u64 {
    n
}

struct Thing;

impl Thing {
    #[audited(action = "call.method")]
    async fn method(&self, n: u64) -> u64 {
        current().in_scope(|| n)
    }
}

#[audited(action = "call.opaque")]
fn opaque(n: u64) -> impl Future<Output = u64> {
    async move { n }
}

#[audited(action = "call.boxed")]
fn boxed(n: u64) -> Pin<Box<dyn Future<Output = u64>>> {
    Box::pin(async move { n })
}

async fn wrapped(n: u64) -> u64 {
    audit_core::audited(Event::builder("call.wrapped"), async move { n }).await
}

#[audited(action = "call.skipped", skip_if = n > 0)]
async fn skipped(n: u64) -> u64 {
    n
}

#[audited(action = "call.panics")]
async fn panics() -> u64 {
    panic!("jammed")
}

#[audited(action = "call.panics_at_once")]
fn panics_at_once() -> impl Future<Output = u64> {
    if at_once(7) == 7 {
        panic!("jammed at once");
    }
    async { 7 }
}

#[audited(action = "call.left")]
async fn left() {
    std::future::pending().await
}

#[audited(action = "call.durable", durability = durable)]
async fn durable() -> Result<u64, NotRecorded> {
    Ok(7)
}

#[audited(action = "call.strict", durability = strict)]
async fn strict() -> Result<u64, NotRecorded> {
    Ok(7)
}

/// Calls something three times, and says how many calls were counted and which actions were told.
async fn thrice(call: impl AsyncFn()) -> (u64, Vec<String>) {
    let before = unrecorded();
    for _ in 0..3 {
        call().await;
    }
    (unrecorded() - before, std::mem::take(&mut *WARNED.lock().unwrap()))
}

fn told(count: u64, actions: &[&str]) -> (u64, Vec<String>) {
    (count, actions.iter().map(|&action| action.to_owned()).collect())
}

#[tokio::test]
async fn functions_without_a_recorder_run_and_are_counted_and_each_place_is_told_once() {
    tracing_subscriber::registry().with(Warnings).init();
    let seven = |n| assert_eq!(n, 7);

    assert_eq!(thrice(async || seven(waits(7).await)).await, told(3, &["call.waits"]));
    assert_eq!(thrice(async || seven(waits(7).await)).await, told(3, &[]));
    assert_eq!(thrice(async || seven(at_once(7))).await, told(3, &["call.at_once"]));
    assert_eq!(thrice(async || seven(Thing.method(7).await)).await, told(3, &["call.method"]));
    assert_eq!(thrice(async || seven(opaque(7).await)).await, told(3, &["call.opaque"]));
    assert_eq!(thrice(async || seven(boxed(7).await)).await, told(3, &["call.boxed"]));
    assert_eq!(thrice(async || seven(wrapped(7).await)).await, told(3, &["call.wrapped"]));
    assert_eq!(thrice(async || seven(skipped(7).await)).await, told(0, &[]));

    let panicking = async || {
        let panic = AssertUnwindSafe(panics()).catch_unwind().await.unwrap_err();
        assert_eq!(panic.downcast_ref(), Some(&"jammed"));
    };
    assert_eq!(thrice(panicking).await, told(3, &["call.panics"]));

    // With the function that is called within it.
    let panicking = async || {
        let Err(panic) = catch_unwind(|| drop(panics_at_once())) else {
            panic!("it does not panic")
        };
        assert_eq!(panic.downcast_ref(), Some(&"jammed at once"));
    };
    assert_eq!(thrice(panicking).await, told(6, &["call.panics_at_once"]));

    let leaving = async || assert!(left().now_or_never().is_none());
    assert_eq!(thrice(leaving).await, told(3, &["call.left"]));

    // What has not even been polled is no call.
    let never = async || drop((waits(7), opaque(7), boxed(7), wrapped(7)));
    assert_eq!(thrice(never).await, told(0, &[]));

    // These do not run, and say so themselves.
    let refused = async || {
        assert!(matches!(durable().await, Err(NotRecorded::NotRun(_))));
        assert!(matches!(strict().await, Err(NotRecorded::NotRun(_))));
    };
    assert_eq!(thrice(refused).await, told(0, &[]));
}
