//! A recorder that knows actions, and one that refuses others.

use super::faulty::FaultyStore;
use super::{all_events, builder, call, events, members, stop};
use crate::__private::Site;
use crate::actions;
use crate::context::AuditContext;
use crate::event::{Action, Actor, Event, EventError, Outcome, Severity};
use crate::recorder::{NotRecorded, Pending, Recorder, Refusal, StartError, current};

static SITE: Site = Site::new("catalogue.rs", 1).action_checked();

async fn closed(store: &FaultyStore) -> Recorder {
    builder(store).catalogue(actions::ALL).refuse_unknown_actions().start().await.unwrap()
}

fn unknown() -> NotRecorded {
    let name = "user.lgoin".to_owned();
    let unknown = EventError::UnknownAction { name };
    NotRecorded::NotRun(Refusal::UnknownAction(unknown.to_string()))
}

#[tokio::test(start_paused = true)]
async fn a_call_under_a_bare_name_says_what_the_catalogue_says_unless_its_body_says_otherwise() {
    let store = FaultyStore::default();
    let own = Action::new("task.delete").severity(Severity::Debug);
    let recorder = builder(&store).catalogue(actions::ALL).catalogue([own]).start().await.unwrap();
    let context = AuditContext::system("test");
    let calls = async {
        call((&SITE, "project.delete"), async {}).await;
        call((&SITE, "project.delete"), async {
            current().severity(Severity::Critical);
        })
        .await;
        call((&SITE, "task.delete"), async {}).await;
        call((&SITE, "no.such"), async {}).await;
    };
    context.scope(&recorder, calls).await;
    stop(&recorder).await;
    let events = events(&store, "standard").await;
    assert_eq!(members(&events, "/severity"), ["warning", "critical", "debug", "-"]);
    assert_eq!(members(&events, "/category"), ["project", "project", "-", "-"]);
    assert_eq!(members(&events, "/tags/0"), ["alert", "alert", "-", "-"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_buffered_runs_under_an_unknown_action_and_leaves_an_event_that_names_it() {
    let store = FaultyStore::default();
    let recorder = closed(&store).await;
    let context = AuditContext::new();
    context.set_actor(Actor::user("u-1"));
    let mut has_run = false;
    let run = call((&SITE, "user.lgoin"), async { has_run = true });
    context.scope(&recorder, run).await;
    let event = Event::builder("user.lgoin").resource("user", "u-2").outcome(Outcome::Denied);
    recorder.record(event.after("the values")).await;
    recorder.record(Event::builder("user.login")).await;
    stop(&recorder).await;
    assert!(has_run);
    assert_eq!(members(&events(&store, "standard").await, "/action"), ["user.login"]);
    let refused = events(&store, "audit").await;
    assert_eq!(members(&refused, "/action"), ["audit.invalid_event"; 2]);
    assert_eq!(members(&refused, "/actor/id"), ["u-1", "-"]);
    assert_eq!(members(&refused, "/resource/id"), ["-", "u-2"]);
    assert_eq!(members(&refused, "/outcome"), ["success", "denied"]);
    assert_eq!(members(&refused, "/error/code"), ["audit.invalid_event"; 2]);
    for named in members(&refused, "/error/message") {
        assert!(named.contains("`user.lgoin`"), "{named}");
    }
    assert!(refused.iter().all(|event| event.get("after").is_none()));
}

#[tokio::test(start_paused = true)]
async fn what_could_be_told_does_not_run_under_an_unknown_action() {
    let store = FaultyStore::default();
    let recorder = closed(&store).await;
    let event = || Event::builder("user.lgoin");
    assert_eq!(recorder.record_durable(event()).await.unwrap_err(), unknown());
    assert_eq!(Pending::begin_durable(&recorder, event()).await.unwrap_err(), unknown());
    assert_eq!(Pending::begin_strict(&recorder, event()).await.unwrap_err(), unknown());
    let attributes = async {
        let facts = || SITE.facts("user.lgoin".into());
        assert_eq!(facts().begin_durable().await.unwrap_err(), unknown());
        assert_eq!(facts().begin_strict().await.unwrap_err(), unknown());
        assert_eq!(facts().begin_in_transaction().await.unwrap_err(), unknown());
    };
    AuditContext::new().scope(&recorder, attributes).await;
    assert!(recorder.record_durable(Event::builder("user.login")).await.is_ok());
    stop(&recorder).await;
    assert_eq!(events(&store, "standard").await.len(), 1);
    // What the log says of itself is always known.
    assert_eq!(
        members(&all_events(&store, "audit").await, "/action"),
        ["audit.started", "audit.stopped"]
    );
}

#[tokio::test(start_paused = true)]
async fn a_recorder_does_not_start_with_an_action_that_no_event_may_have() {
    let store = FaultyStore::default();
    for bad in ["No.such", "audit.mine"] {
        let refused = builder(&store).catalogue([bad]).start().await.unwrap_err();
        assert!(matches!(refused, StartError::Catalogue(EventError::Action { .. })), "{refused}");
    }
}
