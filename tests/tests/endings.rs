//! All kinds of ends of a request, in one table: exactly one entry each, of a handler that is audited and of one that
//! is not.
#![cfg(test)]

#[path = "support/mod.rs"]
#[expect(dead_code, reason = "other tests need more of it")]
mod support;

use std::convert::Infallible;
use std::io;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use audit_core::{audited, current};
use audit_tower::AuditLayer;
use axum::Router;
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{Json, Path};
use axum::http::{HeaderName, Request, Response, StatusCode, Version, header};
use axum::response::IntoResponse;
use axum::routing::any;
use futures::{FutureExt as _, StreamExt as _, stream};
use http_body::{Frame, SizeHint};
use serde_json::{Value, json};
use support::{events, recorder};
use tower::ServiceExt as _;

/// What a client does with the answer.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Client {
    /// It reads all of it.
    Reads,
    /// It goes away before there is a head.
    LeavesBeforeTheHead,
    /// It goes away after a piece of the body.
    LeavesInTheBody,
    /// It has read as many pieces as there are, and does not ask whether there are more.
    LeavesWithAll,
}

use Client::{LeavesBeforeTheHead, LeavesInTheBody, LeavesWithAll, Reads};

/// Method, path, client; then outcome, status, kind of error, severity.
type Row =
    (&'static str, &'static str, Client, &'static str, Option<u16>, Option<&'static str>, bool);

const ERROR: bool = true;
const NO_ERROR: bool = false;

/// Ends that a handler comes to.
const HANDLED: [Row; 37] = [
    ("POST", "/status/200", Reads, "success", Some(200), None, NO_ERROR),
    ("PUT", "/status/201", Reads, "success", Some(201), None, NO_ERROR),
    ("DELETE", "/status/204", Reads, "success", Some(204), None, NO_ERROR),
    ("POST", "/status/303", Reads, "success", Some(303), None, NO_ERROR),
    ("POST", "/status/400", Reads, "failure", Some(400), None, NO_ERROR),
    ("POST", "/status/401", Reads, "denied", Some(401), None, NO_ERROR),
    ("POST", "/status/403", Reads, "denied", Some(403), None, NO_ERROR),
    ("PATCH", "/status/404", Reads, "failure", Some(404), None, NO_ERROR),
    ("POST", "/status/500", Reads, "failure", Some(500), None, ERROR),
    ("POST", "/status/503", Reads, "failure", Some(503), None, ERROR),
    ("POST", "/panic/now", Reads, "failure", None, Some("panic"), ERROR),
    ("POST", "/panic/later", Reads, "failure", None, Some("panic"), ERROR),
    ("POST", "/never/never", LeavesBeforeTheHead, "cancelled", None, None, NO_ERROR),
    ("POST", "/stream/whole", Reads, "success", Some(200), None, NO_ERROR),
    ("POST", "/stream/whole", LeavesInTheBody, "cancelled", Some(200), None, NO_ERROR),
    ("POST", "/stream/announced", Reads, "success", Some(200), None, NO_ERROR),
    ("POST", "/stream/announced", LeavesWithAll, "success", Some(200), None, NO_ERROR),
    ("POST", "/stream/announced", LeavesInTheBody, "cancelled", Some(200), None, NO_ERROR),
    ("POST", "/stream/short_announced", Reads, "failure", Some(200), Some("body"), ERROR),
    ("POST", "/stream/broken_announced", Reads, "failure", Some(200), Some("body"), ERROR),
    ("POST", "/stream/panic_announced", Reads, "failure", Some(200), Some("panic"), ERROR),
    ("POST", "/known/whole", Reads, "success", Some(200), None, NO_ERROR),
    ("POST", "/known/whole", LeavesWithAll, "success", Some(200), None, NO_ERROR),
    ("POST", "/known/whole", LeavesInTheBody, "cancelled", Some(200), None, NO_ERROR),
    ("POST", "/known/broken", Reads, "failure", Some(200), Some("body"), ERROR),
    ("POST", "/known/panic", Reads, "failure", Some(200), Some("panic"), ERROR),
    ("POST", "/refused/panic", Reads, "denied", Some(403), Some("panic"), ERROR),
    ("POST", "/refused/broken", Reads, "denied", Some(403), None, ERROR),
    ("POST", "/stream/broken", Reads, "failure", Some(200), Some("body"), ERROR),
    ("POST", "/stream/panic", Reads, "failure", Some(200), Some("panic"), ERROR),
    ("POST", "/stream/500", LeavesInTheBody, "failure", Some(500), None, ERROR),
    ("POST", "/events/ended", Reads, "success", Some(200), None, NO_ERROR),
    ("POST", "/events/open", LeavesInTheBody, "cancelled", Some(200), None, NO_ERROR),
    ("POST", "/upgrade/websocket", Reads, "success", Some(101), None, NO_ERROR),
    ("POST", "/grpc/0", Reads, "success", Some(200), None, NO_ERROR),
    ("POST", "/grpc/7", Reads, "denied", Some(200), Some("grpc"), NO_ERROR),
    ("POST", "/grpc/14", Reads, "failure", Some(200), Some("grpc"), ERROR),
];

/// Ends that a request comes to before or after its handler, or without one.
const AROUND: [Row; 10] = [
    ("POST", "/nowhere", Reads, "failure", Some(404), None, NO_ERROR),
    ("POST", "/only_get", Reads, "failure", Some(405), None, NO_ERROR),
    ("POST", "/json", Reads, "failure", Some(415), None, NO_ERROR),
    ("GET", "/secret", Reads, "denied", Some(401), None, NO_ERROR),
    ("GET", "/rewritten", Reads, "denied", Some(403), None, NO_ERROR),
    ("POST", "/late_within", Reads, "failure", Some(408), None, NO_ERROR),
    ("POST", "/late_outside", LeavesBeforeTheHead, "cancelled", None, None, NO_ERROR),
    ("POST", "/caught", Reads, "failure", Some(500), None, ERROR),
    ("POST", "/service_error", Reads, "failure", None, Some("service"), ERROR),
    ("POST", "/hidden", Reads, "denied", Some(404), None, NO_ERROR),
];

/// A body that knows how long it is, as that of an answer that comes from another server.
struct Known<B> {
    body: B,
    left: u64,
}

impl<B: HttpBody<Data = Bytes> + Unpin> HttpBody for Known<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        if let Some(Ok(frame)) = &frame {
            self.left -= u64::try_from(frame.data_ref().unwrap().len()).unwrap();
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

async fn end(kind: &str, how: &str) -> Response<Body> {
    let status = how.parse().ok().and_then(|code: u16| StatusCode::from_u16(code).ok());
    let long = [b'x'; 40_000];
    let piece = || {
        Ok::<_, io::Error>(match kind {
            "known" => Bytes::copy_from_slice(&long),
            _ => Bytes::from_static(b"piece"),
        })
    };
    let pieces = stream::iter([piece(), piece()]);
    let body = match (kind, how) {
        ("panic", "now") => panic!("jammed"),
        ("panic", _) => {
            tokio::task::yield_now().await;
            panic!("jammed later")
        }
        ("never", _) => std::future::pending().await,
        ("stream" | "refused" | "known", "broken" | "broken_announced") => {
            Body::from_stream(pieces.chain(stream::once(async { Err(io::Error::other("disk")) })))
        }
        ("stream" | "refused" | "known", "panic" | "panic_announced") => {
            Body::from_stream(pieces.chain(stream::once(async { panic!("a piece is missing") })))
        }
        ("stream" | "known", _) | ("events", "ended") => Body::from_stream(pieces),
        ("events", _) => Body::from_stream(pieces.chain(stream::pending())),
        ("grpc", _) => Body::empty(),
        _ => Body::from(how.to_owned()),
    };
    let body = match (kind, how) {
        ("known", how) => {
            Body::new(Known { body, left: if how == "whole" { 80_000 } else { 120_000 } })
        }
        _ => body,
    };
    let mut response = Response::new(body);
    match (kind, how) {
        ("refused", _) => *response.status_mut() = StatusCode::FORBIDDEN,
        ("status" | "stream", _) => *response.status_mut() = status.unwrap_or(StatusCode::OK),
        ("upgrade", _) => *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS,
        _ => {}
    }
    let headers = response.headers_mut();
    match (kind, how) {
        ("stream", "announced") => _ = headers.insert(header::CONTENT_LENGTH, 10.into()),
        ("stream", "short_announced" | "broken_announced" | "panic_announced") => {
            headers.insert(header::CONTENT_LENGTH, 15.into());
        }
        ("events", _) => {
            headers.insert(header::CONTENT_TYPE, "text/event-stream".parse().unwrap());
        }
        ("grpc", code) => {
            headers.insert(HeaderName::from_static("grpc-status"), code.parse().unwrap());
        }
        _ => {}
    }
    response
}

#[audited(action = "demo.end")]
async fn recorded(Path((kind, how)): Path<(String, String)>) -> Response<Body> {
    end(&kind, &how).await
}

async fn plain(Path((kind, how)): Path<(String, String)>) -> Response<Body> {
    end(&kind, &how).await
}

#[audited(action = "demo.json")]
async fn json(Json(_): Json<Value>) {}

#[audited(action = "demo.hidden")]
async fn hidden() -> StatusCode {
    current().deny();
    StatusCode::NOT_FOUND
}

/// Routes whose ends are not those of their handlers.
fn around() -> Router {
    use axum::middleware::{Next, from_fn};
    use axum::routing::{get, post};

    let late = from_fn(async |request: Request<Body>, next: Next| {
        let answer = tokio::time::timeout(Duration::from_millis(5), next.run(request)).await;
        answer.unwrap_or_else(|_| StatusCode::REQUEST_TIMEOUT.into_response())
    });
    let caught = from_fn(async |request: Request<Body>, next: Next| {
        let answer = AssertUnwindSafe(next.run(request)).catch_unwind().await;
        answer.unwrap_or_else(|_| StatusCode::INTERNAL_SERVER_ERROR.into_response())
    });
    let never = || async { std::future::pending::<()>().await };
    let broken = || async {
        if true {
            panic!("jammed");
        }
    };
    Router::new()
        .route("/only_get", get(|| async {}))
        .route("/json", post(json))
        .route("/rewritten", get(|| async { (StatusCode::FORBIDDEN, [("grpc-status", "0")]) }))
        .route("/secret", get(|| async { StatusCode::UNAUTHORIZED }))
        .route("/late_within", post(never).layer(late))
        .route("/late_outside", post(never))
        .route("/caught", post(broken).layer(caught))
        .route("/hidden", post(hidden))
}

/// The events of a request to routes under the layer.
async fn events_of(
    routes: Router,
    version: Version,
    (method, path, client, ..): Row,
) -> Vec<Value> {
    let recorder = recorder().start().await.unwrap();
    let layer = AuditLayer::new(recorder.clone());
    let request = Request::builder().method(method).uri(path).version(version);
    let request = request.body(Body::empty()).unwrap();
    let asked = async {
        if path == "/service_error" {
            let failing = async |_: Request<Body>| Err::<Response<Body>, _>(io::Error::other("no"));
            let service = tower::Layer::layer(&layer, tower::service_fn(failing));
            assert!(service.oneshot(request).await.is_err());
            return;
        }
        let answered = routes.layer(layer).oneshot(request);
        if client == LeavesBeforeTheHead {
            let late = tokio::time::timeout(Duration::from_millis(5), answered).await;
            assert!(late.is_err());
            return;
        }
        let answer: Result<_, Infallible> = answered.await;
        let mut body = answer.unwrap().into_body().into_data_stream();
        match client {
            LeavesInTheBody => drop(body.next().await),
            LeavesWithAll => drop((body.next().await, body.next().await)),
            _ => while let Some(Ok(_)) = body.next().await {},
        }
    };
    let _panicked = AssertUnwindSafe(asked).catch_unwind().await;
    events(&recorder).await
}

/// What is wrong with the events of a request.
fn wrong(events: &[Value], action: &str, row: Row) -> Option<String> {
    let (method, path, client, outcome, status, kind, is_error) = row;
    let told: Vec<_> = events
        .iter()
        .map(|event| {
            let severity = event["severity"] == "error";
            json!([
                event["action"],
                event["outcome"],
                event["request"]["status"],
                event["error"]["kind"],
                severity
            ])
        })
        .collect();
    let expected = json!([action, outcome, status, kind, is_error]);
    (told != [expected.clone()])
        .then(|| format!("{method} {path} {client:?}: {told:?}, and not {expected}"))
}

#[tokio::test]
async fn each_end_of_a_request_is_one_entry() {
    let mut all = Vec::new();
    for version in [Version::HTTP_11, Version::HTTP_2] {
        for row in HANDLED {
            let audited = Router::new().route("/{kind}/{how}", any(recorded));
            all.extend(wrong(&events_of(audited, version, row).await, "demo.end", row));
            let not_audited = Router::new().route("/{kind}/{how}", any(plain));
            all.extend(wrong(&events_of(not_audited, version, row).await, "http.request", row));
        }
        for row in AROUND {
            let action = if row.1 == "/hidden" { "demo.hidden" } else { "http.request" };
            all.extend(wrong(&events_of(around(), version, row).await, action, row));
        }
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
}

#[tokio::test]
async fn what_only_asks_is_no_noise() {
    for (method, path) in [
        ("GET", "/status/200"),
        ("HEAD", "/status/200"),
        ("OPTIONS", "/status/204"),
        ("GET", "/status/404"),
        ("GET", "/stream/whole"),
        ("OPTIONS", "/nowhere"),
    ] {
        let routes = Router::new().route("/{kind}/{how}", any(plain));
        let row = (method, path, Reads, "", None, None, NO_ERROR);
        let events = events_of(routes, Version::HTTP_11, row).await;
        assert!(events.is_empty(), "{method} {path}");
    }
}
