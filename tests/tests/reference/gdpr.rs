//! C: an audit model for the GDPR's sake.

use audit_core::verify::verify;
use audit_core::{Actor, AuditContext, ErrorInfo, Event, Outcome, Query, RequestInfo, actions};
use serde_json::json;

use super::ENTRIES;
use super::database::execute;
use super::log::{Log, assert_says};
use super::vocabulary::assert_known;

#[tokio::test]
async fn ref_c_01_categories() {
    let Some(log) = Log::new().await else { return };
    let of_each = [
        ("access", actions::USER_LOGIN),
        ("key", actions::KEY_DECODE),
        ("data", actions::RESOURCE_READ),
        ("security", actions::USER_MFA_DISABLE),
        ("gdpr", actions::GDPR_CONSENT_UPDATE),
        ("permission", actions::PERMISSION_GRANT),
        ("system", actions::SYSTEM_CONFIG_CHANGE),
    ];
    for (category, action) in &of_each {
        log.entry(Event::builder(action).resource("thing", *category)).await;
    }
    for (category, action) in of_each {
        assert_eq!(log.ids(Query::new().category(category)).await, [category]);
        assert_eq!(log.ids(Query::new().action(action.name())).await, [category]);
    }
}

#[tokio::test]
async fn ref_c_02_append_only() {
    let Some(log) = Log::new().await else { return };
    let before = log.entry(Event::builder(actions::GDPR_DATA_EXPORT)).await;
    let mut connection = log.database.connect().await;
    for sql in [
        format!("UPDATE {ENTRIES} SET canon = '{{}}'"),
        format!("UPDATE {ENTRIES} SET action = 'user.login'"),
        format!("DELETE FROM {ENTRIES}"),
    ] {
        assert!(execute(&mut connection, &sql).await.is_err(), "{sql}");
    }
    let after = log.search(Query::new().action("gdpr.data_export")).await;
    assert_eq!(after[0].canonical(), before.canonical());
    assert!(verify(&log.recorder.reader()).await.unwrap().is_clean());
}

#[tokio::test]
async fn ref_c_03_actor() {
    let Some(log) = Log::new().await else { return };
    let actor = |name| Actor::user("u-17").name(name);
    let event = |name| Event::builder(actions::USER_LOGIN).actor(actor(name));
    let before = log.event(event("Alice Adams")).await;
    let after = log.event(event("Alice Brown")).await;
    assert_eq!((&before["actor"]["id"], &after["actor"]["id"]), (&json!("u-17"), &json!("u-17")));
    // Each says the name as it was then.
    let names = (&before["actor"]["name"], &after["actor"]["name"]);
    assert_eq!(names, (&json!("Alice Adams"), &json!("Alice Brown")));

    let system = log.event(Event::system_event(actions::SYSTEM_STARTUP)).await;
    assert_eq!(system["actor"], json!({"kind": "system", "id": "system"}));
    assert_eq!(log.search(Query::new().actor("system").category("system")).await.len(), 1);
}

#[tokio::test]
async fn ref_c_04_entry() {
    let Some(log) = Log::new().await else { return };
    let context = AuditContext::new();
    context.set_tenant("mandate-1");
    context.set_actor(Actor::user("u-17").name("Alice Adams"));
    context.set_request(RequestInfo::new().ip([10, 0, 0, 7].into()).user_agent("curl/8"));
    let work = async {
        let good = Event::builder(actions::RESOURCE_UPDATE)
            .label("feature", "billing-2")
            .resource("invoice", "1")
            .metadata("fields", json!(["amount"]))
            .outcome(Outcome::Success);
        let bad = Event::builder(actions::RESOURCE_DELETE)
            .label("feature", "billing-2")
            .resource("invoice", "2")
            .outcome(Outcome::Failure)
            .error(ErrorInfo::new("it was paid"));
        (log.event(good).await, log.event(bad).await)
    };
    let (good, bad) = context.scope(&log.recorder, work).await;
    for event in [&good, &bad] {
        assert_says(
            event,
            [
                ("/tenant", json!("mandate-1")),
                ("/labels", json!({"feature": "billing-2"})),
                ("/resource/type", json!("invoice")),
                ("/actor/name", json!("Alice Adams")),
                ("/request/ip", json!("10.0.0.7")),
                ("/request/user_agent", json!("curl/8")),
            ],
        );
    }
    assert_says(&good, [("/outcome", json!("success")), ("/metadata/fields/0", json!("amount"))]);
    assert_says(&bad, [("/outcome", json!("failure")), ("/error/message", json!("it was paid"))]);

    let within = || Query::new().tenant("mandate-1").label("feature", "billing-2");
    assert_eq!(log.ids(within()).await, ["2", "1"]);
    assert_eq!(log.ids(within().outcome(Outcome::Failure)).await, ["2"]);
    assert_eq!(log.ids(within().resource_type("invoice").resource_id("1")).await, ["1"]);
    assert_eq!(
        log.ids(Query::new().tenant("mandate-2").label("feature", "billing-2")).await,
        [""; 0]
    );
}

#[tokio::test]
async fn ref_c_06_vocabulary() {
    let words = [
        "login",
        "login_failed",
        "logout",
        "token_refresh",
        "token_revoke",
        "session_expired",
        "key encode",
        "key decode",
        "key access",
        "data create",
        "data read",
        "data update",
        "data delete",
        "data export",
        "password_change",
        "password_reset",
        "mfa_enabled",
        "mfa_disabled",
        "gdpr_data_export",
        "gdpr_data_portability",
        "gdpr_account_deletion",
        "gdpr_consent_update",
        "user added to a mandate",
        "user removed from a mandate",
        "role assigned",
        "role revoked",
        "feature access granted",
        "feature access revoked",
        "system_startup",
        "system_shutdown",
        "config_change",
    ];
    assert_known("C", &words).await;
}
