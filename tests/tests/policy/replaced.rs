//! A policy that is replaced while the layer is at work.

use std::time::Duration;

use audit_core::{Actor, AuditContext, NotRecorded, Outcome};
use audit_tower::{AuditLayer, Policy, REQUEST_ACTION, Rule};
use axum::http::Method;
use serde_json::Value;

use super::support::{Blocked, events};
use super::{layered, request};

#[tokio::test]
async fn a_replaced_policy_counts_from_then_on_for_all_copies_and_is_an_entry() {
    let mut handle = None;
    let (recorder, app) = layered(|layer| {
        handle = Some(layer.policy_handle());
        layer.clone()
    })
    .await;
    let handle = handle.unwrap();
    request(&app, Method::GET, "/health").await;
    let policy = Policy::new([Rule::metadata().routes(["/health"])]).unwrap();
    let context = AuditContext::new();
    context.set_actor(Actor::user("u-17"));
    let receipt = context.scope(&recorder, handle.replace(policy.clone())).await.unwrap();
    assert_eq!(&*receipt.log, "test.example/audit/audit");
    assert_eq!(*handle.current(), policy);
    request(&app, Method::GET, "/health").await;

    let events = events(&recorder).await;
    let actions: Vec<_> = events.iter().map(|event| &event["action"]).collect();
    assert_eq!(actions, ["audit.policy", REQUEST_ACTION]);
    let [change, _] = &events[..] else { panic!("{events:#?}") };
    assert_eq!((&change["actor"]["id"], &change["outcome"]), (&"u-17".into(), &"success".into()));
    let rules = |side: &str| change[side].as_array().unwrap().len();
    assert_eq!((rules("before"), rules("after")), (3, 4));
    assert_eq!(change["after"][0]["routes"][0], "/health");
}

#[tokio::test]
async fn a_policy_from_the_beginning_is_an_entry_too() {
    let policy = Policy::new([Rule::none("public").routes(["/health"])]).unwrap();
    let (recorder, app) = layered(|layer| layer.policy(policy)).await;
    request(&app, Method::GET, "/health").await;
    let events = events(&recorder).await;
    assert_eq!(events.len(), 1, "{events:#?}");
    assert_eq!(events[0]["after"][0]["reason"], "public");
    assert!(events[0].get("before").is_none());
}

#[tokio::test]
async fn a_policy_with_a_mistake_leaves_the_old_one_in_force() {
    let mut handle = None;
    let policy = Policy::new([Rule::metadata().routes(["/health"])]).unwrap();
    let (recorder, app) = layered(|layer| {
        let layer = layer.policy(policy.clone());
        handle = Some(layer.policy_handle());
        layer
    })
    .await;
    let handle = handle.unwrap();
    // As an application does that reads its file again.
    let reread = async |text: &str| -> Result<(), Box<dyn std::error::Error>> {
        handle.replace(Policy::from_toml(text)?).await?;
        Ok(())
    };
    let error = reread("[[rule]]\nrecord = \"nothing\"").await.unwrap_err().to_string();
    assert!(error.contains("line 2, column 10"), "{error}");
    assert_eq!(*handle.current(), policy);
    request(&app, Method::GET, "/health").await;
    assert_eq!(events(&recorder).await.len(), 2);
}

#[tokio::test]
async fn a_change_that_cannot_be_recorded_does_not_happen() {
    let mut blocked = Blocked::new().await;
    let handle = AuditLayer::new(blocked.recorder.clone()).policy_handle();
    let policy = Policy::new([Rule::none("nobody is to know")]).unwrap();
    let refused = handle.replace(policy).await.unwrap_err();
    assert!(matches!(refused, NotRecorded::RanButUnrecorded { .. }), "{refused}");
    assert_eq!(*handle.current(), Policy::default());
    // The entry comes when it can, and with it one that says that it was not to be.
    blocked.unblock().await;
    let events = events(&blocked.recorder).await;
    let outcomes: Vec<_> = events.iter().map(|event| &event["outcome"]).collect();
    assert_eq!(outcomes, ["success", "failure"]);
    assert_eq!((rules(&events[0]), rules(&events[1])), (4, 3), "{events:#?}");
}

#[tokio::test]
async fn a_change_that_is_given_up_half_way_is_corrected() {
    let mut blocked = Blocked::new().await;
    let handle = AuditLayer::new(blocked.recorder.clone()).policy_handle();
    let change = handle.replace(Policy::new([Rule::none("x")]).unwrap());
    let given_up = tokio::time::timeout(Duration::from_millis(20), change).await;
    assert!(given_up.is_err());
    assert_eq!(*handle.current(), Policy::default());
    blocked.unblock().await;
    let events = events(&blocked.recorder).await;
    let last = events.last().unwrap();
    assert_eq!((&last["outcome"], rules(last)), (&"failure".into(), 3), "{events:#?}");
}

/// How many rules an entry says are in force.
fn rules(event: &Value) -> usize {
    event["after"].as_array().unwrap().len()
}

#[tokio::test]
async fn a_request_ends_by_the_policy_that_it_began_with() {
    use axum::Router;
    use axum::routing::post;

    use super::support::recorder;

    let recorder = recorder().start().await.unwrap();
    let layer = AuditLayer::new(recorder.clone());
    let handle = layer.policy_handle();
    let replace = async move || {
        let silence = Policy::new([Rule::none("from now on")]).unwrap();
        handle.replace(silence).await.unwrap();
    };
    let app = Router::new().route("/replace", post(replace)).layer(layer);
    request(&app, Method::POST, "/replace").await;
    request(&app, Method::POST, "/replace").await;
    let events = events(&recorder).await;
    let kept: Vec<_> = events.iter().filter(|event| event["action"] == REQUEST_ACTION).collect();
    assert_eq!(kept.len(), 1, "{events:#?}");
    assert_eq!(kept[0]["outcome"], Outcome::Success.as_str());
}
