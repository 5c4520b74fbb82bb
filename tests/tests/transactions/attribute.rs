//! `#[audited(transaction = ..)]`: a function that works in its caller's transaction.

use std::time::Duration;

use audit_core::{AuditContext, NotRecorded, Recorder, audited};
use futures::FutureExt as _;
use serde_json::Value;
use sqlx::{Connection as _, Transaction};

use super::database::{Database, Db, OUTBOX, execute};
use super::orders::{all, put, told};
use crate::AppError;
use crate::log::{events, start, text};

/// How the body ends.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum End {
    Ok,
    Err,
    Panic,
    Never,
}

#[audited(action = "order.place", resource = "order", resource_id = id, transaction = tx)]
pub(super) async fn place(tx: &mut Transaction<'_, Db>, id: i64, end: End) -> Result<(), AppError> {
    put(tx, id).await?;
    match end {
        End::Ok => Ok(()),
        End::Err => Err(AppError::Refused),
        End::Panic => panic!("the till is jammed"),
        End::Never => std::future::pending().await,
    }
}

async fn within<F: Future>(recorder: &Recorder, future: F) -> F::Output {
    AuditContext::system("test").scope(recorder, future).await
}

#[tokio::test]
async fn a_success_is_an_entry_if_the_caller_commits_and_nothing_if_not() {
    let Some(database) = Database::new().await else { return };
    let recorder = start(database.store().await).await;
    let mut connection = database.connect().await;
    within(&recorder, async {
        for (id, commits) in [(1, true), (2, false)] {
            let mut transaction = connection.begin().await.unwrap();
            place(&mut transaction, id, End::Ok).await.unwrap();
            match commits {
                true => transaction.commit().await.unwrap(),
                false => transaction.rollback().await.unwrap(),
            }
        }
    })
    .await;
    let events = events(&recorder).await;
    assert_eq!(told(&events), [(1, "success")]);
    assert_eq!(events[0]["actor"]["id"], "test");
    assert!(events[0]["duration_us"].is_u64());
    assert_eq!(all(&database).await, [1]);
}

#[tokio::test]
async fn a_failure_a_panic_and_a_drop_are_recorded_though_the_transaction_is_rolled_back() {
    let Some(database) = Database::new().await else { return };
    let recorder = start(database.store().await).await;
    let mut connection = database.connect().await;
    within(&recorder, async {
        let mut transaction = connection.begin().await.unwrap();
        let failed = place(&mut transaction, 1, End::Err).await;
        assert!(matches!(failed, Err(AppError::Refused)));
        transaction.rollback().await.unwrap();

        let mut transaction = connection.begin().await.unwrap();
        let panicking = std::panic::AssertUnwindSafe(place(&mut transaction, 2, End::Panic));
        assert!(panicking.catch_unwind().await.is_err());
        transaction.rollback().await.unwrap();

        let mut transaction = connection.begin().await.unwrap();
        let never = place(&mut transaction, 3, End::Never);
        assert!(tokio::time::timeout(Duration::from_millis(20), never).await.is_err());
        drop(transaction);
    })
    .await;
    let events = events(&recorder).await;
    assert_eq!(told(&events), [(1, "failure"), (2, "failure"), (3, "cancelled")]);
    assert_eq!(text(&events[0], "/error/message"), "the till is closed");
    assert_eq!(text(&events[1], "/error/message"), "the till is jammed");
    assert!(all(&database).await.is_empty());
}

#[tokio::test]
async fn a_failure_whose_transaction_is_committed_all_the_same_is_still_one_failure() {
    let Some(database) = Database::new().await else { return };
    let recorder = start(database.store().await).await;
    let mut connection = database.connect().await;
    within(&recorder, async {
        let mut transaction = connection.begin().await.unwrap();
        place(&mut transaction, 1, End::Err).await.unwrap_err();
        transaction.commit().await.unwrap();
    })
    .await;
    assert_eq!(told(&events(&recorder).await), [(1, "failure")]);
    assert_eq!(all(&database).await, [1]);
}

#[tokio::test]
async fn an_event_that_the_transaction_does_not_take_fails_the_call_and_is_a_failure_outside() {
    let Some(database) = Database::new().await else { return };
    let recorder = start(database.store().await).await;
    let mut connection = database.connect().await;
    execute(&mut connection, &format!("ALTER TABLE {OUTBOX} RENAME TO elsewhere")).await.unwrap();
    within(&recorder, async {
        let mut transaction = connection.begin().await.unwrap();
        let refused = place(&mut transaction, 1, End::Ok).await;
        let Err(AppError::Unrecorded(refused @ NotRecorded::NotInTransaction(_))) = refused else {
            panic!("{refused:?}");
        };
        assert!(refused.to_string().contains("roll it back"), "{refused}");
        transaction.rollback().await.unwrap();
    })
    .await;
    let events: Vec<Value> = events(&recorder).await;
    assert_eq!(told(&events), [(1, "failure")]);
    assert!(text(&events[0], "/error/message").contains("outbox"), "{}", events[0]);
    assert!(all(&database).await.is_empty());
}

#[tokio::test]
async fn outside_of_a_context_the_function_does_not_run() {
    let Some(database) = Database::new().await else { return };
    let mut connection = database.connect().await;
    let mut transaction = connection.begin().await.unwrap();
    let refused = place(&mut transaction, 1, End::Ok).await;
    assert!(matches!(refused, Err(AppError::Unrecorded(NotRecorded::NotRun(_)))), "{refused:?}");
    transaction.commit().await.unwrap();
    assert!(all(&database).await.is_empty());
}

/// Writes its event itself as well.
#[audited(action = "order.place", resource = "order", resource_id = id, transaction = tx)]
async fn place_by_both(tx: &mut Transaction<'_, Db>, id: i64) -> Result<(), AppError> {
    audit_core::current().record_in(tx).await?;
    Ok(())
}

#[tokio::test]
async fn a_body_that_writes_the_event_itself_makes_no_second_one() {
    let Some(database) = Database::new().await else { return };
    let recorder = start(database.store().await).await;
    let mut connection = database.connect().await;
    let mut transaction = connection.begin().await.unwrap();
    within(&recorder, place_by_both(&mut transaction, 1)).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(told(&events(&recorder).await), [(1, "success")]);
}

#[tokio::test]
async fn a_writing_that_is_given_up_half_way_leaves_no_second_event_of_its_id() {
    let Some(database) = Database::new().await else { return };
    let recorder = start(database.store().await).await;
    let mut connection = database.connect().await;
    for steps in 1..20 {
        let mut transaction = connection.begin().await.unwrap();
        let mut call = Box::pin(within(&recorder, place_by_both(&mut transaction, steps)));
        for _ in 0..steps {
            if (&mut call).now_or_never().is_some() {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(call);
        // Whatever was on its way may have arrived; a connection that lost its place cannot commit.
        if transaction.commit().await.is_err() {
            connection = database.connect().await;
        }
    }
    let events = events(&recorder).await;
    let conflicts = events.iter().filter(|event| event["action"] == "audit.id_conflict").count();
    assert_eq!(conflicts, 0, "{events:#?}");
}
