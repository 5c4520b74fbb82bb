//! `current().record_in`: a function that begins and commits its own transaction.

use audit_core::{AuditContext, NotRecorded, Refusal, audited};
use serde_json::Value;
use sqlx::Connection as _;

use super::database::{Connection, Database, OUTBOX, numbers};
use super::orders::{all, put, told};
use crate::AppError;
use crate::log::{events, start, text};

/// How one attempt ends.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Attempt {
    Commit,
    RollBack,
}

/// Makes its attempts one after the other; answers `Ok` if told so.
#[audited(action = "order.place", resource = "order", resource_id = id)]
async fn place(
    connection: &mut Connection,
    id: i64,
    attempts: &[Attempt],
    is_ok: bool,
) -> Result<(), AppError> {
    for attempt in attempts {
        let mut transaction = connection.begin().await?;
        put(&mut transaction, id).await?;
        audit_core::current().record_in(&mut transaction).await?;
        match attempt {
            Attempt::Commit => transaction.commit().await?,
            Attempt::RollBack => transaction.rollback().await?,
        }
    }
    if is_ok { Ok(()) } else { Err(AppError::Refused) }
}

async fn run(database: &Database, attempts: &[Attempt], is_ok: bool) -> Vec<Value> {
    let recorder = start(database.store().await).await;
    let mut connection = database.connect().await;
    let placed = async { place(&mut connection, 1, attempts, is_ok).await };
    let answer = AuditContext::system("test").scope(&recorder, placed).await;
    assert_eq!(answer.is_ok(), is_ok);
    events(&recorder).await
}

#[tokio::test]
async fn a_commit_and_an_ok_are_one_success() {
    let Some(database) = Database::new().await else { return };
    let events = run(&database, &[Attempt::Commit], true).await;
    assert_eq!(told(&events), [(1, "success")]);
    assert_eq!(all(&database).await, [1]);
}

#[tokio::test]
async fn a_roll_back_and_an_error_are_one_failure() {
    let Some(database) = Database::new().await else { return };
    let events = run(&database, &[Attempt::RollBack], false).await;
    assert_eq!(told(&events), [(1, "failure")]);
    assert_eq!(text(&events[0], "/error/message"), "the till is closed");
    assert!(all(&database).await.is_empty());
}

#[tokio::test]
async fn an_attempt_that_is_rolled_back_and_one_that_is_committed_are_one_success() {
    let Some(database) = Database::new().await else { return };
    let attempts = [Attempt::RollBack, Attempt::RollBack, Attempt::Commit];
    let events = run(&database, &attempts, true).await;
    assert_eq!(told(&events), [(1, "success")]);
    assert_eq!(all(&database).await, [1]);
}

#[tokio::test]
async fn a_commit_and_then_an_error_are_a_success_and_a_failure_that_names_it() {
    let Some(database) = Database::new().await else { return };
    let events = run(&database, &[Attempt::Commit], false).await;
    let of = |outcome| events.iter().find(move |event| event["outcome"] == outcome).unwrap();
    assert_eq!(of("failure")["metadata"]["event_in_transaction"], of("success")["id"]);
    assert_eq!(events.len(), 2, "{events:#?}");
    assert_eq!(all(&database).await, [1]);
}

#[tokio::test]
async fn outside_of_an_audited_function_nothing_is_written() {
    let Some(database) = Database::new().await else { return };
    let recorder = start(database.store().await).await;
    let mut connection = database.connect().await;
    let outside = async {
        let mut transaction = connection.begin().await.unwrap();
        let refused = audit_core::current().record_in(&mut transaction).await;
        assert!(matches!(refused, Err(NotRecorded::NotInTransaction(_))), "{refused:?}");
        transaction.commit().await.unwrap();
    };
    // A context is no function.
    AuditContext::system("test").scope(&recorder, outside).await;
    let refused = audit_core::current().record_in(&mut connection).await;
    assert!(matches!(refused, Err(NotRecorded::NotInTransaction(_))), "{refused:?}");
    assert_eq!(numbers(&mut connection, &format!("SELECT count(*) FROM {OUTBOX}")).await, [0]);
    assert!(events(&recorder).await.is_empty());
}

#[audited(action = "order.deny")]
async fn deny(connection: &mut Connection) -> Result<(), AppError> {
    let mut transaction = connection.begin().await?;
    put(&mut transaction, 1).await?;
    audit_core::current().deny();
    let refused = audit_core::current().record_in(&mut transaction).await;
    assert!(matches!(refused, Err(NotRecorded::NotInTransaction(_))), "{refused:?}");
    transaction.rollback().await?;
    Ok(())
}

#[tokio::test]
async fn what_was_denied_is_not_written_as_a_success() {
    let Some(database) = Database::new().await else { return };
    let recorder = start(database.store().await).await;
    let mut connection = database.connect().await;
    let denied = deny(&mut connection);
    AuditContext::system("test").scope(&recorder, denied).await.unwrap();
    let events = events(&recorder).await;
    assert_eq!(events.len(), 1, "{events:#?}");
    assert_eq!(events[0]["outcome"], "denied");
}

#[audited(action = "order.lend")]
async fn lend() -> audit_core::recorder::Current {
    audit_core::current()
}

#[tokio::test]
async fn what_is_kept_of_a_function_that_is_over_writes_nothing() {
    let Some(database) = Database::new().await else { return };
    let recorder = start(database.store().await).await;
    let kept = AuditContext::system("test").scope(&recorder, lend()).await;
    let mut connection = database.connect().await;
    let refused = kept.record_in(&mut connection).await.unwrap_err();
    assert!(matches!(refused, NotRecorded::NotInTransaction(Refusal::NoOperation)), "{refused}");
    let events = events(&recorder).await;
    assert_eq!(events.len(), 1, "{events:#?}");
}
