//! Calls that begin or end while their thread is taken down, when what it has of its own is gone.

use std::cell::RefCell;
use std::pin::Pin;

use audit_core::store::MemoryStore;
use audit_core::{Recorder, audited};
use futures::FutureExt as _;
use serde_json::Value;

use crate::log::{events, start};

struct Held(Recorder);

#[audited(action = "held.release", recorder = held.0)]
fn release(held: &Held) {}

impl Drop for Held {
    fn drop(&mut self) {
        release(self);
    }
}

#[audited(action = "held.left", recorder = held.0)]
async fn leave(held: Held) {
    std::future::pending().await
}

// What a thread has had the longest goes last: these are there before anything of the log's is.
thread_local! {
    static HELD: RefCell<Option<Held>> = const { RefCell::new(None) };
    static LEFT: RefCell<Option<Pin<Box<dyn Future<Output = ()>>>>> = const { RefCell::new(None) };
}

/// Action and outcome of each event of a thread that has done this.
async fn told(work: impl FnOnce(Held) + Send + 'static) -> Vec<(Value, Value)> {
    let recorder = start(MemoryStore::new()).await;
    let held = Held(recorder.clone());
    std::thread::spawn(move || work(held)).join().unwrap();
    let events = events(&recorder).await;
    events.iter().map(|event| (event["action"].clone(), event["outcome"].clone())).collect()
}

fn released() -> (Value, Value) {
    ("held.release".into(), "success".into())
}

#[tokio::test]
async fn a_function_that_runs_at_a_thread_s_end_is_recorded() {
    let alone = told(|held| HELD.set(Some(held))).await;
    assert_eq!(alone, [released()]);
    let after_another = told(|held| {
        let another = Held(held.0.clone());
        HELD.set(Some(held));
        drop(another);
    });
    assert_eq!(after_another.await, [released(), released()]);
    let after_a_look = told(|held| {
        HELD.set(Some(held));
        _ = audit_core::current();
    });
    assert_eq!(after_a_look.await, [released()]);
}

#[tokio::test]
async fn a_call_that_is_left_until_its_thread_ends_is_cancelled() {
    let left = told(|held| {
        LEFT.set(None);
        let mut call = Box::pin(leave(held));
        assert!(call.as_mut().now_or_never().is_none());
        LEFT.set(Some(call));
    });
    assert_eq!(left.await, [released(), ("held.left".into(), "cancelled".into())]);
}
