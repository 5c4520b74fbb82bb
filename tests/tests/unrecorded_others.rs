//! Calls without a recorder that are easily passed over when they are counted and told.
//!
//! One test in a binary of its own, as it counts what all of the process does.
#![cfg(test)]

use std::panic::catch_unwind;
use std::sync::atomic::{AtomicU64, Ordering};

use audit_core::audited;
use audit_core::recorder::unrecorded;
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

#[test]
fn no_call_is_passed_over() {
    tracing::subscriber::set_global_default(Warnings).unwrap();
    first();
    second();
    let of_two = counted();
    catch_unwind(panics).unwrap_err();
    let of_three = counted();
    assert_eq!((of_two, of_three), ((2, 2), (3, 3)), "counted and told: of two, of three");
}
