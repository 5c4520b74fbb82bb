//! A request under the layer whose handler records in a transaction.

use std::convert::Infallible;

use audit_core::{Recorder, audited};
use audit_tower::AuditLayer;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use serde_json::Value;
use sqlx::Connection as _;
use tower::{Layer as _, ServiceExt as _, service_fn};

use super::attribute::{End, place};
use super::database::{Database, execute};
use super::orders::all;
use crate::AppError;
use crate::log::{events, start, text};

/// Places an order, for a customer who may not be there.
async fn handle(database: &Database, id: i64, end: End, customer: bool) -> Result<(), AppError> {
    let mut connection = database.connect().await;
    let mut transaction = connection.begin().await?;
    place(&mut transaction, id, end).await?;
    if !customer {
        execute(&mut transaction, &format!("UPDATE orders SET customer = 7 WHERE id = {id}"))
            .await?;
    }
    Ok(transaction.commit().await?)
}

/// The status of the answer to a request that does this.
async fn ask(recorder: &Recorder, work: impl Future<Output = Result<(), AppError>>) -> u16 {
    let mut work = Some(work);
    let service = service_fn(move |_: Request<Body>| {
        let work = work.take().unwrap();
        async move {
            let mut response = Response::new(Body::empty());
            if work.await.is_err() {
                *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
            }
            Ok::<_, Infallible>(response)
        }
    });
    let request = Request::post("/orders").body(Body::empty()).unwrap();
    let service = AuditLayer::new(recorder.clone()).layer(service);
    service.oneshot(request).await.unwrap().status().as_u16()
}

/// Action, outcome and status of each event.
fn ends(events: &[Value]) -> Vec<(&str, &str, Option<u64>)> {
    let end = |event| (text(event, "/action"), text(event, "/outcome"));
    let status = |event: &Value| event.pointer("/request/status").and_then(Value::as_u64);
    events.iter().map(|event| (end(event).0, end(event).1, status(event))).collect()
}

#[tokio::test]
async fn a_request_whose_event_is_committed_with_its_order_is_that_one_entry() {
    let Some(database) = Database::new().await else { return };
    let recorder = start(database.store().await).await;
    assert_eq!(ask(&recorder, handle(&database, 1, End::Ok, true)).await, 200);
    let events = events(&recorder).await;
    // Its bytes were made before there was a status.
    assert_eq!(ends(&events), [("order.place", "success", None)]);
    assert_eq!(text(&events[0], "/request/method"), "POST");
    assert_eq!(all(&database).await, [1]);
}

#[tokio::test]
async fn a_request_whose_commit_fails_is_a_failure_of_the_request() {
    let Some(database) = Database::new().await else { return };
    let recorder = start(database.store().await).await;
    assert_eq!(ask(&recorder, handle(&database, 1, End::Ok, false)).await, 500);
    assert_eq!(ends(&events(&recorder).await), [("http.request", "failure", Some(500))]);
    assert!(all(&database).await.is_empty());
}

#[tokio::test]
async fn a_request_whose_function_fails_is_that_failure() {
    let Some(database) = Database::new().await else { return };
    let recorder = start(database.store().await).await;
    assert_eq!(ask(&recorder, handle(&database, 1, End::Err, true)).await, 500);
    assert_eq!(ends(&events(&recorder).await), [("order.place", "failure", Some(500))]);
    assert!(all(&database).await.is_empty());
}

#[audited(action = "card.charge", durability = durable)]
async fn charge() -> Result<(), AppError> {
    Ok(())
}

#[tokio::test]
async fn a_durable_event_before_one_in_a_transaction_is_still_waited_for_by_the_request() {
    let Some(database) = Database::new().await else { return };
    let recorder = start(database.store().await).await;
    let both = async {
        charge().await?;
        handle(&database, 1, End::Ok, true).await
    };
    assert_eq!(ask(&recorder, both).await, 200);
    let events = events(&recorder).await;
    let mut ends = ends(&events);
    ends.sort_unstable();
    // The one that the layer has waited for has its status.
    assert_eq!(ends, [("card.charge", "success", Some(200)), ("order.place", "success", None)]);
}
