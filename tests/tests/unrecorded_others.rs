//! Calls without a recorder that are easily passed over when they are counted and told.
//!
//! One test in a binary of its own, as it counts what all of the process does.
#![cfg(test)]

use std::panic::catch_unwind;
use std::sync::atomic::{AtomicU64, Ordering};

use audit_core::audited;
use audit_core::recorder::unrecorded;
use tracing::{Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

static WARNED: AtomicU64 = AtomicU64::new(0);

struct Warnings;

impl<S: Subscriber> Layer<S> for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        metadata.target().starts_with("audit_core")
    }

    fn on_event(&self, _: &tracing::Event<'_>, _: Context<'_, S>) {
        WARNED.fetch_add(1, Ordering::Relaxed);
    }
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
    tracing_subscriber::registry().with(Warnings).init();
    first();
    second();
    let of_two = counted();
    catch_unwind(panics).unwrap_err();
    let of_three = counted();
    assert_eq!((of_two, of_three), ((2, 2), (3, 3)), "counted and told: of two, of three");
}
