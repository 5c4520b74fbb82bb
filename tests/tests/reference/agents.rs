//! B: an audit helper for the background services of a platform for agents of many tenants.

use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use audit_core::{
    Actor, AuditContext, ErrorInfo, Event, Outcome, Query, actions, audited, current,
};
use serde_json::json;
use tracing::field::Field;
use tracing::{Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use super::database::{execute, texts};
use super::log::{Log, assert_says};
use super::vocabulary::assert_known;
use super::{BLOCK, ENTRIES};

#[tokio::test]
async fn ref_b_01_background_job() {
    let Some(log) = Log::new().await else { return };
    let job = async {
        let event = Event::agent_event(actions::AGENT_START, "a-5", Actor::user("u-17"));
        log.recorder.record(event.metadata("model", "small").metadata("retries", 2)).await;
    };
    AuditContext::worker("runner").scope(&log.recorder, job).await;
    let events = log.recorded("agent.start").await;
    let [event] = &events[..] else { panic!("{events:#?}") };
    assert_says(
        event,
        [
            ("/resource", json!({"type": "agent", "id": "a-5"})),
            ("/actor", json!({"kind": "user", "id": "u-17"})),
            ("/metadata", json!({"model": "small", "retries": 2})),
            ("/source", json!({"system": "worker", "service": "runner"})),
        ],
    );
    assert!(event["request"].is_null());
    let of_agent = Query::new().resource_type("agent").resource_id("a-5");
    assert_eq!(log.ids(of_agent).await, ["a-5"]);
}

#[tokio::test]
async fn ref_b_02_identity_event() {
    let Some(log) = Log::new().await else { return };
    let event = Event::identity_event(actions::USER_SSO_LOGIN, "saml", "00u1");
    let good = log.event(event.tenant("acme").outcome(Outcome::Success)).await;
    let event = Event::identity_event(actions::USER_SSO_LOGIN_FAILED, "saml", "00u2")
        .tenant("acme")
        .outcome(Outcome::Failure)
        .error(ErrorInfo::new("the assertion has expired"));
    let bad = log.event(event).await;
    for (event, id, outcome) in [(&good, "00u1", "success"), (&bad, "00u2", "failure")] {
        assert_says(
            event,
            [
                ("/labels/provider", json!("saml")),
                ("/resource/id", json!(id)),
                ("/outcome", json!(outcome)),
                ("/tenant", json!("acme")),
            ],
        );
    }
    assert_eq!(bad["error"]["message"], "the assertion has expired");
    let failed = Query::new().label("provider", "saml").tenant("acme").outcome(Outcome::Failure);
    assert_eq!(log.ids(failed).await, ["00u2"]);
}

#[tokio::test]
async fn ref_b_03_role_event() {
    let Some(log) = Log::new().await else { return };
    let event = Event::role_event(actions::ROLE_ASSIGN, "approver", "u-9", "u-1");
    let event = log.event(event.actor(Actor::user("u-17")).tenant("acme")).await;
    assert_says(
        &event,
        [
            ("/action", json!("role.assign")),
            ("/actor/id", json!("u-17")),
            ("/resource", json!({"type": "user", "id": "u-9"})),
            ("/labels", json!({"role": "approver", "granted_by": "u-1"})),
            ("/tenant", json!("acme")),
        ],
    );
    assert_eq!(log.ids(Query::new().label("role", "approver")).await, ["u-9"]);
}

#[tokio::test]
async fn ref_b_04_tenant_event() {
    let Some(log) = Log::new().await else { return };
    let event = Event::tenant_event(actions::TENANT_UPDATE, "acme");
    let event = event.metadata("plan", json!({"seats": 20, "name": "team"}));
    assert_says(
        &log.event(event).await,
        [("/tenant", json!("acme")), ("/metadata/plan", json!({"seats": 20, "name": "team"}))],
    );
    assert_eq!(log.ids(Query::new().tenant("acme")).await, ["acme"]);
}

/// What the log tells the operator.
#[derive(Clone, Default)]
struct Warnings(Arc<Mutex<Vec<String>>>);

impl<S: Subscriber> Layer<S> for Warnings {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let metadata = event.metadata();
        if *metadata.level() == Level::WARN && metadata.target().starts_with("audit_core") {
            let mut told = String::new();
            event.record(&mut |_: &Field, value: &dyn Debug| told += &format!("{value:?} "));
            self.0.lock().unwrap().push(told);
        }
    }
}

#[audited(action = "agent.update")]
async fn update(seats: u64) -> Result<u64, std::io::Error> {
    current().metadata("seats", seats);
    Ok(seats)
}

#[tokio::test]
async fn ref_b_05_failing_write() {
    let warnings = Warnings::default();
    let _told = tracing_subscriber::registry().with(warnings.clone()).set_default();
    let deadline = Duration::from_millis(100);
    let Some(log) = Log::told(|builder| builder.deadline(deadline)).await else { return };
    let mut other = log.database.connect().await;
    execute(&mut other, BLOCK).await.unwrap();

    let job = async {
        log.recorder.record(Event::builder(actions::AGENT_UPDATE)).await;
        update(20).await
    };
    let updated = AuditContext::worker("runner").scope(&log.recorder, job).await;
    assert_eq!(updated.unwrap(), 20);
    let told = async {
        while warnings.0.lock().unwrap().is_empty() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), told).await.unwrap();
    let first = warnings.0.lock().unwrap()[0].clone();
    assert!(first.contains("trying again"), "{first}");

    // Nothing is lost by it.
    execute(&mut other, "ROLLBACK").await.unwrap();
    assert_eq!(log.recorded("agent.update").await.len(), 2);
}

#[tokio::test]
async fn ref_b_06_plain_sql() {
    let Some(log) = Log::new().await else { return };
    log.entry(Event::agent_event(actions::AGENT_STOP, "a-5", Actor::user("u-17"))).await;
    // A table of the log's own, beside those of the application, which anybody with SQL can read.
    let mut connection = log.database.connect().await;
    let sql = format!("SELECT canon FROM {ENTRIES} WHERE action = 'agent.stop'");
    let found = texts(&mut connection, &sql).await;
    let [canon] = &found[..] else { panic!("{found:?}") };
    assert!(canon.contains(r#""resource":{"id":"a-5","type":"agent"}"#), "{canon}");
    assert_eq!(texts(&mut connection, "SELECT 'none' FROM orders").await, [""; 0]);
}

#[tokio::test]
async fn ref_b_07_vocabulary() {
    let words = "login login_failed logout sso_login sso_login_failed identity_bind identity_unbind identity_create \
        identity_delete user_create user_update user_delete user_activate user_deactivate tenant_create \
        tenant_update tenant_delete tenant_join tenant_leave role_assign role_revoke role_create \
        role_update role_delete org_sync org_department_create org_department_update org_member_create \
        org_member_update agent_create agent_update agent_delete agent_start agent_stop";
    assert_known("B", &words.split_whitespace().collect::<Vec<_>>()).await;
}
