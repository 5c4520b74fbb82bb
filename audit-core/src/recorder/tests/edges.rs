//! The edge around an operation: it finishes the outermost event, once.

use std::pin::pin;

use super::faulty::FaultyStore;
use super::{call, events, members, settle, start, stop};
use crate::__private::{Site, Verdict};
use crate::context::AuditContext;
use crate::event::Actor;
use crate::recorder::{Durability, Edge, Held, Pending, Recorder, spawn};

static OUTER_SITE: Site = Site::new("edges.rs", 1);
const OUTER: (&Site, &str) = (&OUTER_SITE, "outer.call");
static SECOND_SITE: Site = Site::new("edges.rs", 2);
const SECOND: (&Site, &str) = (&SECOND_SITE, "second.call");
static INNER_SITE: Site = Site::new("edges.rs", 3);
const INNER: (&Site, &str) = (&INNER_SITE, "inner.call");

fn edge(recorder: &Recorder) -> Edge {
    let context = AuditContext::new();
    context.set_actor(Actor::user("u-1"));
    Edge::new(recorder.clone(), &context, None)
}

/// Runs a future inside of an edge, as a layer does.
async fn within<T>(edge: &mut Edge, future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    std::future::poll_fn(|cx| edge.enter(|| future.as_mut().poll(cx))).await
}

fn waiting(edge: &Edge) -> Pending {
    match edge.take() {
        Held::Waiting(pending) => pending,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn the_outermost_event_is_left_to_the_edge_and_those_within_are_not() {
    let store = FaultyStore::default();
    let recorder = start(&store).await;
    let mut edge = edge(&recorder);
    within(&mut edge, call(OUTER, call(INNER, async {}))).await;
    settle().await;
    assert_eq!(members(&events(&store, "standard").await, "/action"), ["inner.call"]);
    edge.context().set_actor(Actor::user("u-late"));
    waiting(&edge).with(|event| event.status(201)).finish();
    assert!(matches!(edge.take(), Held::Finished));
    stop(&recorder).await;
    let events = events(&store, "standard").await;
    assert_eq!(members(&events, "/action"), ["inner.call", "outer.call"]);
    assert_eq!(events[0]["parent_id"], events[1]["id"]);
    assert_eq!(events[1]["request"]["status"], 201);
    assert_eq!(members(&events, "/actor/id"), ["u-1", "u-late"]);
    assert_eq!(members(&events, "/outcome"), ["success", "success"]);
}

#[tokio::test(start_paused = true)]
async fn a_second_outermost_event_finishes_the_first() {
    let store = FaultyStore::default();
    let recorder = start(&store).await;
    let mut edge = edge(&recorder);
    within(&mut edge, async {
        call(OUTER, async {}).await;
        call(SECOND, async {}).await;
    })
    .await;
    settle().await;
    assert_eq!(members(&events(&store, "standard").await, "/action"), ["outer.call"]);
    waiting(&edge).with(|event| event.status(200)).finish();
    stop(&recorder).await;
    let events = events(&store, "standard").await;
    assert_eq!(members(&events, "/action"), ["outer.call", "second.call"]);
    assert_eq!(members(&events, "/parent_id"), ["-", "-"]);
    assert_eq!(
        (events[0].get("request"), &events[1]["request"]["status"]),
        (None, &serde_json::json!(200))
    );
}

#[tokio::test(start_paused = true)]
async fn an_operation_without_an_audited_call_leaves_nothing_to_its_edge() {
    let store = FaultyStore::default();
    let recorder = start(&store).await;
    let mut edge = edge(&recorder);
    within(&mut edge, async {}).await;
    assert!(matches!(edge.take(), Held::Nothing));
    stop(&recorder).await;
}

#[tokio::test(start_paused = true)]
async fn a_panic_and_a_drop_are_delivered_at_once_and_the_edge_knows() {
    let store = FaultyStore::default();
    let recorder = start(&store).await;
    let mut panicked = edge(&recorder);
    let task = within(&mut panicked, call(OUTER, async { panic!("on purpose") }));
    let unwound = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let mut task = pin!(task);
        let waker = std::task::Waker::noop();
        assert!(task.as_mut().poll(&mut std::task::Context::from_waker(waker)).is_ready());
    }));
    assert!(unwound.is_err());
    assert!(matches!(panicked.take(), Held::Left));

    let mut dropped = edge(&recorder);
    tokio::select! {
        biased;
        () = within(&mut dropped, call(OUTER, std::future::pending())) => {}
        () = settle() => {}
    }
    assert!(matches!(dropped.take(), Held::Left));
    stop(&recorder).await;
    let events = events(&store, "standard").await;
    assert_eq!(members(&events, "/outcome"), ["failure", "cancelled"]);
    assert_eq!(members(&events, "/error/kind"), ["panic", "-"]);
}

#[tokio::test(start_paused = true)]
async fn an_edge_that_is_dropped_delivers_what_it_holds_with_its_own_outcome() {
    let store = FaultyStore::default();
    let recorder = start(&store).await;
    let mut edge = edge(&recorder);
    within(&mut edge, call(OUTER, async {})).await;
    drop(edge);
    stop(&recorder).await;
    assert_eq!(members(&events(&store, "standard").await, "/outcome"), ["success"]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_outlives_its_edge_is_recorded_all_the_same() {
    let store = FaultyStore::default();
    let recorder = start(&store).await;
    let mut edge = edge(&recorder);
    let (sender, receiver) = tokio::sync::oneshot::channel::<()>();
    let mut outlives = Box::pin(call(OUTER, async { drop(receiver.await) }));
    tokio::select! {
        biased;
        () = within(&mut edge, outlives.as_mut()) => {}
        () = settle() => {}
    }
    assert!(matches!(edge.take(), Held::Nothing));
    drop(edge);
    sender.send(()).unwrap();
    outlives.await;
    stop(&recorder).await;
    assert_eq!(members(&events(&store, "standard").await, "/outcome"), ["success"]);
}

#[tokio::test(start_paused = true)]
async fn a_durable_call_under_an_edge_is_left_to_it_with_what_it_asked_for() {
    let store = FaultyStore::default();
    let recorder = start(&store).await;
    let mut edge = edge(&recorder);
    within(&mut edge, async {
        let audited = OUTER.0.facts(OUTER.1.into()).begin_durable().await.unwrap();
        audited.finish_durable(Verdict::success()).await.unwrap();
    })
    .await;
    let pending = waiting(&edge);
    assert_eq!(pending.durability(), Durability::Durable);
    assert_eq!(pending.finish_durable().await.unwrap().index, Some(0));
    stop(&recorder).await;
}

#[tokio::test(start_paused = true)]
async fn an_edge_does_not_wait_for_the_tasks_that_are_spawned_within() {
    let store = FaultyStore::default();
    let recorder = start(&store).await;
    let mut edge = edge(&recorder);
    edge.enter(|| spawn(call(INNER, async {}))).await.unwrap();
    assert!(matches!(edge.take(), Held::Nothing));
    stop(&recorder).await;
    assert_eq!(members(&events(&store, "standard").await, "/action"), ["inner.call"]);
}

#[tokio::test(start_paused = true)]
async fn a_durable_call_that_outlives_its_edge_waits_by_itself() {
    let store = FaultyStore::default();
    let recorder = start(&store).await;
    let mut edge = edge(&recorder);
    let durable = within(&mut edge, OUTER.0.facts(OUTER.1.into()).begin_durable()).await.unwrap();
    assert!(matches!(edge.take(), Held::Nothing));
    durable.finish_durable(Verdict::success()).await.unwrap();
    // While the edge is still there.
    assert_eq!(members(&events(&store, "standard").await, "/action"), ["outer.call"]);
    assert!(matches!(edge.take(), Held::Finished));
    stop(&recorder).await;
}
