//! A value that is dropped while its function is given up is still within that function.

use std::time::Duration;

use audit_core::store::MemoryStore;
use audit_core::{AuditContext, audited, current};
use serde_json::{Value, json};

use crate::log::{events, start};

/// Says so when it is dropped, as a lock or a transaction may.
struct Guard;

impl Drop for Guard {
    fn drop(&mut self) {
        current().tag("guard_dropped");
        release();
    }
}

#[audited(action = "guard.release")]
fn release() {}

#[derive(Clone, Copy)]
enum End {
    Whole,
    Panic,
    Left,
}

#[audited(action = "guard.inner")]
async fn inner(end: End) {
    let _guard = Guard;
    match end {
        End::Whole => {}
        End::Panic => panic!("jammed"),
        End::Left => std::future::pending().await,
    }
}

#[audited(action = "guard.outer")]
async fn outer(end: End) {
    let inner = futures::FutureExt::catch_unwind(std::panic::AssertUnwindSafe(inner(end)));
    let _ = tokio::time::timeout(Duration::from_millis(1), inner).await;
}

async fn dropped_within_its_function(end: End) {
    let recorder = start(MemoryStore::new()).await;
    AuditContext::system("test").scope(&recorder, outer(end)).await;
    let events = events(&recorder).await;
    let of = |action: &str| events.iter().find(|event| event["action"] == action).unwrap();
    assert_eq!(of("guard.inner")["tags"], json!(["guard_dropped"]), "{events:#?}");
    assert_eq!(of("guard.outer")["tags"], Value::Null, "{events:#?}");
    assert_eq!(of("guard.release")["parent_id"], of("guard.inner")["id"], "{events:#?}");
}

#[tokio::test(start_paused = true)]
async fn at_the_end_a_value_is_dropped_within_its_function() {
    dropped_within_its_function(End::Whole).await;
}

#[tokio::test(start_paused = true)]
async fn in_a_panic_a_value_is_dropped_within_its_function() {
    dropped_within_its_function(End::Panic).await;
}

#[tokio::test(start_paused = true)]
async fn where_a_function_is_given_up_a_value_is_dropped_within_it() {
    dropped_within_its_function(End::Left).await;
}
