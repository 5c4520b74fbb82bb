//! Calls that cannot be recorded and are easily passed over when they are counted and told.
//!
//! One test in a binary of its own, as it counts what all of the process does.
#![cfg(test)]

#[path = "support/log.rs"]
#[expect(dead_code, reason = "other tests read the log in other ways, too")]
mod log;

use std::cell::RefCell;
use std::panic::catch_unwind;
use std::sync::atomic::{AtomicU64, Ordering};

use audit_core::recorder::unrecorded;
use audit_core::store::MemoryStore;
use audit_core::{Recorder, audited};
use tracing::span::{Attributes, Id, Record};
use tracing::{Metadata, Subscriber};

static WARNED: AtomicU64 = AtomicU64::new(0);

struct Warnings;

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target().starts_with("audit_core")
    }

    fn event(&self, _: &tracing::Event<'_>) {
        WARNED.fetch_add(1, Ordering::Relaxed);
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

fn counted() -> (u64, u64) {
    (unrecorded(), WARNED.load(Ordering::Relaxed))
}

macro_rules! two {
    ($first:ident $second:ident) => {
        #[audited(action = "two.first")]
        fn $first() {}

        #[audited(action = "two.second")]
        fn $second() {}
    };
}

two!(first second);

fn no_id() -> u64 {
    panic!("there is no id")
}

#[audited(action = "facts.panic", resource = "thing", resource_id = no_id())]
fn panics() {}

static RELEASED: AtomicU64 = AtomicU64::new(0);

struct Held(Recorder);

#[audited(action = "held.release", recorder = held.0)]
fn release(held: &Held) {
    RELEASED.fetch_add(1, Ordering::Relaxed);
}

impl Drop for Held {
    fn drop(&mut self) {
        release(self);
    }
}

thread_local! {
    static HELD: RefCell<Option<Held>> = const { RefCell::new(None) };
}

/// Drops two values on a thread: one while it runs, one when all that it has of its own is gone.
fn release_on_a_thread(recorder: &Recorder) {
    let [early, late] = [Held(recorder.clone()), Held(recorder.clone())];
    let thread = std::thread::spawn(move || {
        // What a thread has had the longest goes last.
        HELD.set(Some(late));
        drop(early);
    });
    thread.join().unwrap();
}

#[tokio::test]
async fn no_call_is_passed_over() {
    tracing::subscriber::set_global_default(Warnings).unwrap();
    first();
    second();
    let of_two = counted();
    catch_unwind(panics).unwrap_err();
    let of_three = counted();
    assert_eq!((of_two, of_three), ((2, 2), (3, 3)), "counted and told: of two, of three");

    let recorder = log::start(MemoryStore::new()).await;
    let before = counted();
    release_on_a_thread(&recorder);
    let after = counted();
    assert_eq!(RELEASED.load(Ordering::Relaxed), 2);
    assert_eq!((after.0 - before.0, after.1 - before.1), (1, 1), "counted and told");
    assert_eq!(log::events(&recorder).await.len(), 1);
}
