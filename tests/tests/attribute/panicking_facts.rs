//! A panic in an expression of the attribute is recorded where the call would have been.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use audit_core::store::MemoryStore;
use audit_core::{AuditContext, Recorder, audited};
use futures::FutureExt as _;

use crate::log::{events, start};

fn id() -> u64 {
    panic!("there is no id")
}

#[audited(action = "facts.of_context", resource = "thing", resource_id = id())]
async fn of_context() {}

#[audited(action = "facts.of_named", recorder = recorder, resource = "thing", resource_id = id())]
fn of_named(recorder: &Recorder) {}

#[tokio::test]
async fn a_panic_in_a_fact_is_that_of_the_function() {
    let recorder = start(MemoryStore::new()).await;
    let panicking = AssertUnwindSafe(of_context()).catch_unwind();
    assert!(AuditContext::system("test").scope(&recorder, panicking).await.is_err());
    let events = events(&recorder).await;
    assert_eq!(events.len(), 1, "{events:#?}");
    assert_eq!(events[0]["outcome"], "failure");
    assert_eq!(events[0]["error"]["message"], "there is no id");
}

#[tokio::test]
async fn a_panic_in_a_fact_goes_to_the_recorder_that_the_attribute_names() {
    let (named, of_context) = (start(MemoryStore::new()).await, start(MemoryStore::new()).await);
    let call = async { catch_unwind(AssertUnwindSafe(|| of_named(&named))).is_err() };
    assert!(AuditContext::system("test").scope(&of_context, call).await);
    let (named, of_context) = (events(&named).await, events(&of_context).await);
    assert_eq!((named.len(), of_context.len()), (1, 0), "{of_context:#?}");
}

/// It cannot show itself to its end, as a time with a wrong format cannot.
#[derive(Debug)]
struct Unshown;

impl fmt::Display for Unshown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("as far as")?;
        Err(fmt::Error)
    }
}

impl std::error::Error for Unshown {}

#[audited(action = "facts.unshown", message = "{why}", reason = why, labels(unshown = why))]
async fn unshown(why: &Unshown) -> Result<(), Unshown> {
    Err(Unshown)
}

#[tokio::test]
async fn what_fails_to_show_itself_is_no_panic_of_the_function() {
    let recorder = start(MemoryStore::new()).await;
    let ended = AuditContext::system("test").scope(&recorder, unshown(&Unshown)).await;
    ended.unwrap_err();
    let event = events(&recorder).await.remove(0);
    let told = [
        &event["error"]["message"],
        &event["message"],
        &event["reason"],
        &event["labels"]["unshown"],
    ];
    assert_eq!(told, ["as far as"; 4]);
}
