//! Where an audited function finds itself: recorder, facts, and the event around it.

use serde_json::Value;

use super::faulty::FaultyStore;
use super::{call, events, members, settle, start, stop};
use crate::__private::{Site, Verdict};
use crate::context::AuditContext;
use crate::event::{Actor, ErrorInfo, Event, RequestInfo};
use crate::recorder::{NotRecorded, Refusal, spawn};

static OUTER_SITE: Site = Site::new("scopes.rs", 1).resource("thing");
const OUTER: (&Site, &str) = (&OUTER_SITE, "outer.call");
static INNER_SITE: Site = Site::new("scopes.rs", 2);
const INNER: (&Site, &str) = (&INNER_SITE, "inner.call");

fn context(user: &str) -> AuditContext {
    let context = AuditContext::new();
    context.set_actor(Actor::user(user));
    context.set_request(RequestInfo::new().id(format!("r-{user}")));
    context
}

fn named<'a>(events: &'a [Value], action: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["action"] == action).collect()
}

#[tokio::test(start_paused = true)]
async fn calls_in_a_scope_have_its_facts_and_calls_outside_are_not_recorded() {
    let store = FaultyStore::default();
    let recorder = start(&store).await;
    context("u-1").scope(&recorder, call(OUTER, async {})).await;
    call(OUTER, async {}).await;
    let refused = OUTER.0.facts(OUTER.1.into()).begin_durable().await.map(drop).unwrap_err();
    assert_eq!(refused, NotRecorded::NotRun(Refusal::NoRecorder));
    stop(&recorder).await;
    let events = events(&store, "standard").await;
    assert_eq!(members(&events, "/actor/id"), ["u-1"]);
    assert_eq!(members(&events, "/request/id"), ["r-u-1"]);
    assert_eq!(events[0]["resource"], serde_json::json!({"type": "thing"}));
}

#[tokio::test(start_paused = true)]
async fn a_call_within_a_call_names_it_as_its_parent() {
    let store = FaultyStore::default();
    let recorder = start(&store).await;
    let nested = call(OUTER, async {
        call(INNER, async {}).await;
        recorder.record(Event::builder("told.within")).await;
        call(INNER, call(INNER, async {})).await;
    });
    context("u-1").scope(&recorder, nested).await;
    stop(&recorder).await;
    let events = events(&store, "standard").await;
    assert_eq!(
        members(&events, "/action"),
        ["inner.call", "told.within", "inner.call", "inner.call", "outer.call"]
    );
    let id = |i: usize| events[i]["id"].as_str().unwrap();
    assert_eq!(members(&events, "/parent_id"), [id(4), id(4), id(3), id(4), "-"]);
}

#[tokio::test(start_paused = true)]
async fn calls_that_take_turns_in_one_task_never_mix() {
    let store = FaultyStore::default();
    let recorder = start(&store).await;
    let user = |name: &'static str| {
        let recorder = recorder.clone();
        async move {
            let turns = async {
                tokio::task::yield_now().await;
                call(INNER, tokio::task::yield_now()).await;
                tokio::task::yield_now().await;
                call(INNER, tokio::task::yield_now()).await;
            };
            context(name).scope(&recorder, call(OUTER, turns)).await;
        }
    };
    tokio::join!(user("u-1"), user("u-2"), user("u-3"));
    stop(&recorder).await;
    let events = events(&store, "standard").await;
    let outer = named(&events, "outer.call");
    assert_eq!((outer.len(), named(&events, "inner.call").len()), (3, 6));
    for inner in named(&events, "inner.call") {
        let parent = outer.iter().find(|outer| outer["id"] == inner["parent_id"]).unwrap();
        assert_eq!(parent["actor"]["id"], inner["actor"]["id"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_spawned_task_keeps_facts_and_parent_and_a_bare_one_has_none() {
    let store = FaultyStore::default();
    let recorder = start(&store).await;
    let within = call(OUTER, async {
        spawn(call(INNER, async {})).await.unwrap();
        #[expect(clippy::disallowed_methods, reason = "what the helper is for")]
        tokio::spawn(call(INNER, async {})).await.unwrap();
    });
    context("u-1").scope(&recorder, within).await;
    spawn(call(INNER, async {})).await.unwrap();
    stop(&recorder).await;
    let events = events(&store, "standard").await;
    assert_eq!(members(&events, "/action"), ["inner.call", "outer.call"]);
    assert_eq!(events[0]["parent_id"], events[1]["id"]);
    assert_eq!(members(&events, "/actor/id"), ["u-1", "u-1"]);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_panics_or_is_dropped_is_recorded_and_the_panic_goes_on() {
    let store = FaultyStore::default();
    let recorder = start(&store).await;
    let panics = call(OUTER, async {
        call(INNER, async { panic!("on purpose") }).await;
    });
    let scope = context("u-1");
    let task = {
        let recorder = recorder.clone();
        spawn(async move { scope.scope(&recorder, panics).await })
    };
    let panic = task.await.unwrap_err().into_panic();
    assert_eq!(panic.downcast_ref::<&str>().unwrap(), &"on purpose");
    let waits = call(OUTER, call(INNER, std::future::pending::<()>()));
    let scope = context("u-2");
    let task = {
        let recorder = recorder.clone();
        spawn(async move { scope.scope(&recorder, waits).await })
    };
    settle().await;
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    stop(&recorder).await;
    let events = events(&store, "standard").await;
    assert_eq!(members(&events, "/outcome"), ["failure", "failure", "cancelled", "cancelled"]);
    assert_eq!(members(&events, "/error/message"), ["on purpose", "on purpose", "-", "-"]);
    assert_eq!(members(&events, "/actor/id"), ["u-1", "u-1", "u-2", "u-2"]);
}

#[tokio::test(start_paused = true)]
async fn a_call_says_what_it_returned_and_which_resource_it_was_about() {
    let store = FaultyStore::default();
    let recorder = start(&store).await;
    let calls = async {
        let mut audited = OUTER.0.facts(OUTER.1.into()).begin().await;
        audited.resource_id(&mut || Some("t-1".to_owned()));
        audited.finish(Verdict::failure(ErrorInfo::new("no such thing")));
        let audited = OUTER
            .0
            .facts_with(OUTER.1.into(), &mut |facts| facts.resource_id("t-2"))
            .begin_durable()
            .await
            .unwrap();
        audited.finish_durable(Verdict::success()).await.unwrap();
    };
    context("u-1").scope(&recorder, calls).await;
    // The durable one is in the log before anybody stops the recorder.
    let events = events(&store, "standard").await;
    assert_eq!(members(&events, "/outcome"), ["failure", "success"]);
    assert_eq!(members(&events, "/resource/id"), ["t-1", "t-2"]);
    assert_eq!(members(&events, "/error/message"), ["no such thing", "-"]);
    stop(&recorder).await;
}
