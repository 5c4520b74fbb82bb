//! `record_in`: an event written into the caller's transaction by hand.

use sqlx::{Connection as _, Executor as _};

use super::database::Database;
use super::orders::{all, placed, put, told};
use crate::log::{events, found, start};

#[tokio::test]
async fn a_committed_event_is_one_entry_found_without_a_shutdown() {
    let Some(database) = Database::new().await else { return };
    let recorder = start(database.store().await).await;
    let mut connection = database.connect().await;
    let mut transaction = connection.begin().await.unwrap();
    put(&mut transaction, 1).await.unwrap();
    let id = recorder.record_in(&mut transaction, placed(1)).await.unwrap();
    transaction.commit().await.unwrap();

    let found = found(&recorder, "order.place").await;
    assert_eq!(found["id"], id.to_string());
    // The log goes on without holes: the number that a producer gives out is given to others only.
    assert!(found["producer"]["seq"].is_null(), "{found}");
    assert_eq!(told(&events(&recorder).await), [(1, "")]);
    assert_eq!(all(&database).await, [1]);
}

#[tokio::test]
async fn a_transaction_that_is_rolled_back_leaves_nothing() {
    let Some(database) = Database::new().await else { return };
    let recorder = start(database.store().await).await;
    let mut connection = database.connect().await;
    let mut transaction = connection.begin().await.unwrap();
    put(&mut transaction, 1).await.unwrap();
    recorder.record_in(&mut transaction, placed(1)).await.unwrap();
    transaction.rollback().await.unwrap();

    // The same, by a drop.
    let mut transaction = connection.begin().await.unwrap();
    put(&mut transaction, 2).await.unwrap();
    recorder.record_in(&mut *transaction, placed(2)).await.unwrap();
    drop(transaction);

    // The connection is as it was: without a transaction.
    put(&mut connection, 3).await.unwrap();
    recorder.record_in(&mut connection, placed(3)).await.unwrap();
    assert_eq!(told(&events(&recorder).await), [(3, "")]);
    assert_eq!(all(&database).await, [3]);
}

#[tokio::test]
async fn of_a_savepoint_that_is_rolled_back_nothing_is_left_and_of_a_released_one_all() {
    let Some(database) = Database::new().await else { return };
    let recorder = start(database.store().await).await;
    let mut connection = database.connect().await;
    let mut transaction = connection.begin().await.unwrap();
    put(&mut transaction, 1).await.unwrap();
    recorder.record_in(&mut transaction, placed(1)).await.unwrap();
    for (id, is_released) in [(2, false), (3, true)] {
        let mut savepoint = transaction.begin().await.unwrap();
        put(&mut savepoint, id).await.unwrap();
        recorder.record_in(&mut savepoint, placed(id)).await.unwrap();
        match is_released {
            true => savepoint.commit().await.unwrap(),
            false => savepoint.rollback().await.unwrap(),
        }
    }
    put(&mut transaction, 4).await.unwrap();
    recorder.record_in(&mut transaction, placed(4)).await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(told(&events(&recorder).await), [(1, ""), (3, ""), (4, "")]);
    assert_eq!(all(&database).await, [1, 3, 4]);
}

#[tokio::test]
async fn a_released_savepoint_in_a_transaction_that_is_rolled_back_leaves_nothing() {
    let Some(database) = Database::new().await else { return };
    let recorder = start(database.store().await).await;
    let mut connection = database.connect().await;
    let mut transaction = connection.begin().await.unwrap();
    let mut savepoint = transaction.begin().await.unwrap();
    put(&mut savepoint, 1).await.unwrap();
    recorder.record_in(&mut savepoint, placed(1)).await.unwrap();
    savepoint.commit().await.unwrap();
    transaction.rollback().await.unwrap();
    assert!(events(&recorder).await.is_empty());
    assert!(all(&database).await.is_empty());
}

#[tokio::test]
async fn the_transaction_is_open_after_the_call_and_nobody_else_sees_what_is_in_it() {
    let Some(database) = Database::new().await else { return };
    let recorder = start(database.store().await).await;
    let mut connection = database.connect().await;
    let mut transaction = connection.begin().await.unwrap();
    put(&mut transaction, 1).await.unwrap();
    recorder.record_in(&mut transaction, placed(1)).await.unwrap();
    // Another recorder that looks into the outbox, and comes to its end, has seen nothing.
    let other = start(database.store().await).await;
    assert!(events(&other).await.is_empty());
    assert!(all(&database).await.is_empty());
    transaction.execute("INSERT INTO orders (id) VALUES (2)").await.unwrap();
    transaction.commit().await.unwrap();
    assert_eq!(told(&events(&recorder).await), [(1, "")]);
    assert_eq!(all(&database).await, [1, 2]);
}
