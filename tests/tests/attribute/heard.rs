//! Which function hears what is said: its own event, or none, but never that of its caller.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use audit_core::store::MemoryStore;
use audit_core::{AuditContext, Classify, Event, NotRecorded, Recorder, Verdict, audited, current};
use futures::executor::block_on;
use serde_json::json;

use crate::log::{events, start};

fn say(tag: &str) {
    current().deny().tag(tag).discard();
}

#[audited(action = "heard.skipped", skip_if = true)]
async fn skipped() {
    say("of_skipped");
    nested().await;
}

#[audited(action = "heard.skipped_at_once", skip_if = true)]
fn skipped_at_once() {
    say("of_skipped_at_once");
}

#[audited(action = "heard.nested")]
async fn nested() {
    current().tag("of_nested");
}

#[audited(action = "heard.eager")]
fn eager() -> impl Future<Output = ()> {
    say("before_its_future");
    async { _ = current().tag("of_eager") }
}

#[audited(action = "heard.outer")]
async fn outer() {
    skipped().await;
    skipped_at_once();
    eager().await;
    current().tag("of_outer");
}

#[tokio::test]
async fn what_a_function_that_is_not_recorded_says_is_not_said_of_its_caller() {
    let recorder = start(MemoryStore::new()).await;
    AuditContext::system("test").scope(&recorder, outer()).await;
    let events = events(&recorder).await;
    let told: Vec<_> = events
        .iter()
        .map(|event| {
            json!([event["action"], event["outcome"], event["tags"], event["actor"]["id"]])
        })
        .collect();
    assert_eq!(
        told,
        [
            json!(["heard.nested", "success", ["of_nested"], "test"]),
            json!(["heard.eager", "success", ["of_eager"], "test"]),
            json!(["heard.outer", "success", ["of_outer"], "test"]),
        ]
    );
}

#[audited(action = "heard.named", recorder = recorder, skip_if = true)]
async fn skipped_elsewhere(recorder: &Recorder) {
    nested().await;
}

#[audited(action = "heard.named", recorder = recorder)]
fn eager_elsewhere(recorder: &Recorder) -> impl Future<Output = ()> + use<> {
    skipped_at_once();
    judge();
    async {}
}

#[tokio::test]
async fn what_is_called_goes_where_its_caller_would_have_gone() {
    let (named, of_context) = (start(MemoryStore::new()).await, start(MemoryStore::new()).await);
    let calls = async {
        skipped_elsewhere(&named).await;
        eager_elsewhere(&named).await;
    };
    AuditContext::system("test").scope(&of_context, calls).await;
    assert!(events(&of_context).await.is_empty());
    let events = events(&named).await;
    let actions: Vec<_> = events.iter().map(|event| &event["action"]).collect();
    assert_eq!(actions, ["heard.nested", "heard.judge", "heard.named"]);
}

fn is_allowed() -> bool {
    current().deny().tag("of_an_expression");
    true
}

#[audited(action = "heard.asking", skip_if = !is_allowed(), labels(allowed = is_allowed()))]
fn asking() {}

#[audited(action = "heard.outer")]
fn around() {
    asking();
}

#[tokio::test]
async fn what_an_expression_of_the_attribute_says_is_not_said_of_the_caller() {
    let recorder = start(MemoryStore::new()).await;
    AuditContext::system("test").scope(&recorder, async { around() }).await;
    for event in events(&recorder).await {
        assert_eq!((&event["outcome"], &event["tags"]), (&json!("success"), &json!(null)));
    }
}

/// A value that is judged by a function which is recorded itself.
struct Judged;

#[audited(action = "heard.judge")]
fn judge() {}

impl Classify for Judged {
    fn classify(&self) -> Verdict {
        judge();
        current().tag("of_its_value");
        Verdict::success()
    }
}

#[audited(action = "heard.judged")]
async fn judged() -> Judged {
    Judged
}

#[audited(action = "heard.named", resource = "thing", resource_id_from = |id: &u64| { judge(); *id })]
fn named() -> Result<u64, String> {
    Ok(7)
}

#[tokio::test]
async fn what_judges_a_returned_value_is_within_its_call() {
    let recorder = start(MemoryStore::new()).await;
    let calls = async {
        judged().await;
        named().unwrap();
        audited(Event::builder("heard.wrapped"), async { Judged }).await;
    };
    AuditContext::system("test").scope(&recorder, calls).await;
    let events = events(&recorder).await;
    assert_eq!(events.len(), 6, "{events:#?}");
    for pair in events.chunks(2) {
        assert_eq!(pair[0]["action"], "heard.judge");
        assert_eq!(pair[0]["parent_id"], pair[1]["id"]);
    }
    assert_eq!(events[1]["tags"], json!(["of_its_value"]));
    assert_eq!(events[3]["resource"]["id"], "7");
}

struct Unshowable;

impl std::fmt::Display for Unshowable {
    fn fmt(&self, _: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        panic!("nothing to show")
    }
}

#[audited(action = "heard.unshowable")]
fn unshowable() -> Result<(), Unshowable> {
    Err(Unshowable)
}

#[tokio::test]
async fn a_value_that_panics_when_it_is_judged_is_a_panic_of_its_call() {
    let recorder = start(MemoryStore::new()).await;
    let call = async { std::panic::catch_unwind(|| unshowable().is_err()).is_err() };
    assert!(AuditContext::system("test").scope(&recorder, call).await);
    let events = events(&recorder).await;
    assert_eq!(events.len(), 1, "{events:#?}");
    assert_eq!(events[0]["error"], json!({"kind": "panic", "message": "nothing to show"}));
}

#[derive(Debug)]
struct Refused(NotRecorded);

impl From<NotRecorded> for Refused {
    fn from(error: NotRecorded) -> Self {
        Self(error)
    }
}

#[audited(action = "heard.strict", durability = strict)]
fn strict(started: &AtomicU64) -> impl Future<Output = Result<(), Refused>> {
    started.fetch_add(1, Ordering::Relaxed);
    async { Ok(()) }
}

#[tokio::test]
async fn what_comes_before_a_strict_future_does_not_run_unrecorded_either() {
    let started = AtomicU64::new(0);
    let refused = strict(&started).await.unwrap_err();
    assert!(matches!(refused.0, NotRecorded::NotRun(_)), "{refused:?}");
    assert_eq!(started.load(Ordering::Relaxed), 0);
    let recorder = start(MemoryStore::new()).await;
    AuditContext::system("test").scope(&recorder, strict(&started)).await.unwrap();
    assert_eq!(started.load(Ordering::Relaxed), 1);
    assert_eq!(events(&recorder).await.len(), 2);
}

#[test]
fn who_waits_for_the_log_needs_no_runtime_of_its_own() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let recorder = runtime.block_on(start(MemoryStore::new()));
    let started = AtomicU64::new(0);
    block_on(AuditContext::system("test").scope(&recorder, strict(&started))).unwrap();
    block_on(recorder.shutdown(Duration::from_secs(30))).unwrap();
}
