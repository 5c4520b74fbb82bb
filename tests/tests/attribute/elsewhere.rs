//! What runs on another thread within an audited function, by `current().in_scope`.

use audit_core::store::MemoryStore;
use audit_core::{AuditContext, audited, current};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;

use crate::log::{events, start};

#[audited(action = "report.make")]
async fn make() {
    let audit = current();
    let work = move || {
        audit.in_scope(|| {
            current().tag("of_make");
            print();
            std::panic::catch_unwind(jam).unwrap_err();
            current().tag("of_make_still");
        });
        // Here it is over.
        current().tag("of_nobody");
    };
    spawn_blocking(work).await.unwrap();
    let audit = current();
    std::thread::scope(|threads| {
        threads.spawn(move || audit.in_scope(print));
    });
}

#[audited(action = "report.print")]
fn print() {
    current().tag("of_print");
}

#[audited(action = "report.jam")]
fn jam() {
    current().tag("of_jam");
    panic!("the paper is jammed");
}

/// The one event with this action.
fn of<'a>(events: &'a [Value], action: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["action"] == action).collect()
}

#[tokio::test]
async fn a_blocking_task_in_the_scope_of_a_function_is_a_part_of_it() {
    let recorder = start(MemoryStore::new()).await;
    AuditContext::system("nightly").scope(&recorder, make()).await;
    let events = events(&recorder).await;
    assert_eq!(events.len(), 4, "{events:#?}");
    let make = of(&events, "report.make")[0];
    assert_eq!(make["tags"], json!(["of_make", "of_make_still"]));
    assert_eq!(make["outcome"], "success");
    let prints = of(&events, "report.print");
    assert_eq!(prints.len(), 2);
    for inner in prints.iter().chain(&of(&events, "report.jam")) {
        assert_eq!(inner["parent_id"], make["id"]);
        assert_eq!(inner["actor"]["id"], "nightly");
    }
    assert_eq!(prints[0]["tags"], json!(["of_print"]));
    let jam = of(&events, "report.jam")[0];
    assert_eq!(jam["error"], json!({"kind": "panic", "message": "the paper is jammed"}));
    assert_eq!(jam["tags"], json!(["of_jam"]));
}

#[audited(action = "report.order")]
async fn order() -> audit_core::recorder::Current {
    current()
}

#[tokio::test]
async fn what_is_left_running_says_nothing_of_the_function_that_has_ended() {
    let recorder = start(MemoryStore::new()).await;
    AuditContext::system("nightly")
        .scope(&recorder, async {
            let ordered = order().await;
            let (done, is_done) = oneshot::channel();
            let late = spawn_blocking(move || {
                ordered.in_scope(|| {
                    current().tag("late").deny();
                    print();
                });
                done.send(()).unwrap();
            });
            is_done.await.unwrap();
            late.await.unwrap();
        })
        .await;
    let events = events(&recorder).await;
    assert_eq!(events.len(), 2, "{events:#?}");
    let order = of(&events, "report.order")[0];
    assert_eq!((&order["tags"], &order["outcome"]), (&Value::Null, &json!("success")));
    assert_eq!(of(&events, "report.print")[0]["parent_id"], order["id"]);
}

#[tokio::test]
async fn what_runs_without_the_scope_is_not_within_the_function() {
    let recorder = start(MemoryStore::new()).await;
    let elsewhere = audit_core::audited(audit_core::Event::builder("report.make"), async {
        spawn_blocking(print).await.unwrap();
    });
    AuditContext::system("nightly").scope(&recorder, elsewhere).await;
    let events = events(&recorder).await;
    assert_eq!(events.len(), 1, "{events:#?}");
    assert_eq!(events[0]["action"], "report.make");
}
