//! An operation under way: however it ends, its event says how.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use super::faulty::FaultyStore;
use super::{clock, events, members, start, stop};
use crate::context::AuditContext;
use crate::event::{Actor, Event, Outcome, RequestInfo};
use crate::recorder::{Pending, Recorder};

async fn begin(recorder: &Recorder, action: &'static str) -> Pending {
    Pending::begin(recorder, Event::builder(action)).await
}

#[tokio::test(start_paused = true)]
async fn an_operation_that_is_dropped_is_recorded_as_cancelled_unless_it_said_more() {
    let store = FaultyStore::default();
    let recorder = start(&store).await;
    drop(begin(&recorder, "a.dropped").await);
    drop(begin(&recorder, "a.denied").await.with(|event| event.outcome(Outcome::Denied)));
    stop(&recorder).await;
    let events = events(&store, "standard").await;
    assert_eq!(members(&events, "/outcome"), ["cancelled", "denied"]);
    assert_eq!(members(&events, "/error/kind"), ["-", "-"]);
}

#[tokio::test(start_paused = true)]
async fn an_operation_that_a_panic_drops_is_recorded_as_a_failure() {
    let store = FaultyStore::default();
    let recorder = start(&store).await;
    let pending = begin(&recorder, "a.panicked").await;
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        let _pending = pending;
        panic!("on purpose");
    }));
    assert!(unwound.is_err());
    stop(&recorder).await;
    let events = events(&store, "standard").await;
    assert_eq!(members(&events, "/outcome"), ["failure"]);
    assert_eq!(members(&events, "/error/kind"), ["panic"]);
    assert_eq!(members(&events, "/severity"), ["error"]);
}

#[tokio::test(start_paused = true)]
async fn an_operation_takes_as_long_as_its_clock_says_and_a_recorded_event_no_time() {
    let (store, clock) = (FaultyStore::default(), clock());
    let recorder = super::builder(&store).clock(clock.clone()).start().await.unwrap();
    let pending = begin(&recorder, "a.slow").await;
    clock.advance(Duration::from_nanos(1_234_567));
    clock.set("2020-01-01T00:00:00Z".parse().unwrap());
    pending.finish();
    recorder.record(Event::builder("a.told")).await;
    stop(&recorder).await;
    let events = events(&store, "standard").await;
    let duration = |i: usize| events[i].get("duration_us").and_then(serde_json::Value::as_u64);
    assert_eq!([duration(0), duration(1)], [Some(1_234), None]);
    assert_eq!(members(&events, "/occurred_at")[0], "2026-01-02T03:04:05.000000Z");
}

#[tokio::test(start_paused = true)]
async fn an_event_takes_over_the_facts_as_they_are_when_it_is_finished() {
    let store = FaultyStore::default();
    let recorder = start(&store).await;
    let context = AuditContext::new();
    let shared = context.clone();
    context
        .scope(&recorder, async {
            let pending = begin(&recorder, "a.b").await;
            let own = Event::builder("a.own").actor(Actor::user("u-own")).tenant("own");
            let own = Pending::begin(&recorder, own).await;
            // As an authentication layer further in would.
            shared.set_actor(Actor::user("u-17").name("Alice"));
            shared.set_tenant("acme");
            shared.set_operation_id("op-1");
            shared.set_request(RequestInfo::new().id("r-1"));
            pending.finish();
            own.finish();
        })
        .await;
    recorder.record(Event::builder("a.outside")).await;
    stop(&recorder).await;
    let events = events(&store, "standard").await;
    assert_eq!(members(&events, "/actor/id"), ["u-17", "u-own", "-"]);
    assert_eq!(members(&events, "/actor/name"), ["Alice", "-", "-"]);
    assert_eq!(members(&events, "/tenant"), ["acme", "own", "-"]);
    assert_eq!(members(&events, "/operation_id"), ["op-1", "op-1", "-"]);
    assert_eq!(members(&events, "/request/id"), ["r-1", "r-1", "-"]);
}

#[tokio::test(start_paused = true)]
async fn a_fact_that_had_to_be_cut_is_named_by_the_events_that_take_it_over() {
    let store = FaultyStore::default();
    let recorder = start(&store).await;
    let context = AuditContext::new();
    context.set_tenant("x".repeat(300));
    context.set_operation_id("a\0b");
    context.scope(&recorder, recorder.record(Event::builder("a.b"))).await;
    let own = Event::builder("a.own").tenant("own").operation_id("own");
    context.scope(&recorder, recorder.record(own)).await;
    stop(&recorder).await;
    let events = events(&store, "standard").await;
    assert_eq!(events[0]["tenant"], "x".repeat(256));
    assert_eq!(events[0]["operation_id"], "a\u{fffd}b");
    assert_eq!(events[0]["truncated"], serde_json::json!(["/operation_id", "/tenant"]));
    assert_eq!(events[1].get("truncated"), None);
}

#[tokio::test(start_paused = true)]
async fn an_event_whose_author_panics_while_adding_to_it_is_delivered_all_the_same() {
    let store = FaultyStore::default();
    let recorder = start(&store).await;
    let pending = begin(&recorder, "a.b").await;
    let id = pending.id().to_string();
    let adding = std::panic::AssertUnwindSafe(|| pending.with(|_| panic!("no words")).finish());
    assert!(std::panic::catch_unwind(adding).is_err());
    stop(&recorder).await;
    let events = events(&store, "standard").await;
    assert_eq!(members(&events, "/id"), [id.as_str()]);
    assert_eq!(members(&events, "/error/kind"), ["panic"]);
    assert_eq!(members(&events, "/outcome"), ["failure"]);
}
