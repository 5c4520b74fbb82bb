//! An answer that comes in pieces ends when its body does.

use std::convert::Infallible;
use std::panic::AssertUnwindSafe;

use audit_core::audited;
use axum::body::{Body, Bytes};
use axum::extract::Path;
use axum::http::Response;
use futures::{FutureExt as _, StreamExt as _};
use tower::ServiceExt as _;

use crate::support::{events, only_event, recorder};
use crate::{app, end, request, status_of, tally};

/// Tallies when it is dropped.
struct Guard;

impl Drop for Guard {
    fn drop(&mut self) {
        tally_at_once();
    }
}

#[audited(action = "ledger.tally")]
fn tally_at_once() {}

#[audited(action = "report.stream")]
pub(crate) async fn stream(Path(kind): Path<String>) -> Response<Body> {
    if kind == "guarded" {
        let guard = Guard;
        let endless = futures::stream::repeat_with(move || {
            let _held = &guard;
            Ok::<_, Infallible>(Bytes::from_static(b"piece"))
        });
        return Response::new(Body::from_stream(endless));
    }
    if kind == "audited" {
        let once = futures::stream::once(async {
            tally().await;
            Ok::<_, Infallible>(Bytes::from_static(b"tallied"))
        });
        return Response::new(Body::from_stream(once));
    }
    let pieces = move |n: u32| {
        let piece = match (kind.as_str(), n) {
            ("broken", 2) => Some(Err(std::io::Error::other("disk"))),
            ("panic", 2) => panic!("a piece is missing"),
            (_, 0..3) => Some(Ok(Bytes::from_static(b"piece"))),
            _ => None,
        };
        std::future::ready(piece.map(|piece| (piece, n + 1)))
    };
    Response::new(Body::from_stream(futures::stream::unfold(0, pieces)))
}

#[tokio::test]
async fn a_stream_is_over_when_its_body_is() {
    for (kind, outcome) in [("whole", "success"), ("broken", "failure"), ("left", "cancelled")] {
        let recorder = recorder().start().await.unwrap();
        let response =
            app(&recorder).oneshot(request("GET", &format!("/stream/{kind}"))).await.unwrap();
        if kind == "left" {
            drop(response);
        } else {
            let read = axum::body::to_bytes(response.into_body(), 10_000).await;
            assert_eq!(read.is_ok(), kind == "whole");
        }
        assert_eq!(end(&only_event(&recorder).await), ("report.stream", Some(outcome), Some(200)));
    }
}

#[tokio::test]
async fn an_answer_to_head_has_no_body_to_wait_for() {
    let recorder = recorder().start().await.unwrap();
    assert_eq!(status_of(app(&recorder), request("HEAD", "/stream/whole")).await, 200);
    assert_eq!(end(&only_event(&recorder).await), ("report.stream", Some("success"), Some(200)));
}

#[tokio::test]
async fn a_stream_that_panics_is_a_failure() {
    let recorder = recorder().start().await.unwrap();
    let response = app(&recorder).oneshot(request("GET", "/stream/panic")).await.unwrap();
    #[expect(clippy::disallowed_methods, reason = "to see the panic from outside")]
    let read = tokio::spawn(axum::body::to_bytes(response.into_body(), 10_000)).await;
    assert!(read.unwrap_err().is_panic());
    let event = only_event(&recorder).await;
    assert_eq!(end(&event), ("report.stream", Some("failure"), Some(200)));
    assert_eq!(event["error"]["kind"], "panic");
}

#[tokio::test]
async fn a_stream_that_panics_is_a_failure_also_where_it_is_dropped_when_the_panic_is_over() {
    let recorder = recorder().start().await.unwrap();
    let response = app(&recorder).oneshot(request("GET", "/stream/panic")).await.unwrap();
    let mut body = response.into_body().into_data_stream();
    let read = AssertUnwindSafe(async { while body.next().await.is_some() {} }).catch_unwind();
    assert!(read.await.is_err());
    drop(body);
    let event = only_event(&recorder).await;
    assert_eq!(end(&event), ("report.stream", Some("failure"), Some(200)));
    assert_eq!(event["error"]["kind"], "panic");
}

#[tokio::test]
async fn a_body_that_calls_audited_functions_is_within_the_request() {
    let recorder = recorder().start().await.unwrap();
    let response = app(&recorder).oneshot(request("GET", "/stream/audited")).await.unwrap();
    axum::body::to_bytes(response.into_body(), 10_000).await.unwrap();
    let events = events(&recorder).await;
    let [tally, stream] = events.as_slice() else { panic!("{events:#?}") };
    assert_eq!(end(tally), ("ledger.tally", Some("success"), None));
    assert_eq!(tally["request"]["id"], stream["request"]["id"]);
}

#[tokio::test]
async fn a_body_that_calls_audited_functions_when_it_is_dropped_is_so_too() {
    let recorder = recorder().start().await.unwrap();
    let response = app(&recorder).oneshot(request("GET", "/stream/guarded")).await.unwrap();
    let mut pieces = response.into_body().into_data_stream();
    assert!(pieces.next().await.is_some());
    drop(pieces);
    let events = events(&recorder).await;
    let [tally, stream] = events.as_slice() else { panic!("{events:#?}") };
    assert_eq!(end(tally), ("ledger.tally", Some("success"), None));
    assert_eq!(end(stream), ("report.stream", Some("cancelled"), Some(200)));
    assert_eq!(tally["request"]["id"], stream["request"]["id"]);
}
