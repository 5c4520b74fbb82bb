//! The least that a layer like ours has to do, by hand: an id for the request and its answer, a context in the request's
//! extensions, what is known of both in one piece, and that into a queue. No policy, no checks, no clock but one.

use std::convert::Infallible;
use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};

use audit_core::clock::{Clock as _, SystemClock};
use axum::extract::{ConnectInfo, MatchedPath, Request};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use pin_project_lite::pin_project;
use tokio::sync::mpsc;
use tower_layer::Layer;
use tower_service::Service;

/// What goes into the queue, where nobody reads it.
#[expect(dead_code, reason = "it is written as ours is, and never read")]
pub(crate) struct Record {
    texts: [u8; 256],
    used: usize,
    ip: Option<IpAddr>,
    at: i64,
    id: u128,
    nonce: u128,
    status: StatusCode,
}

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// What others may ask, and say, of a request.
#[derive(Clone)]
struct Shared(Arc<Mutex<Option<Box<Record>>>>);

#[derive(Clone)]
pub(crate) struct Least(pub(crate) mpsc::Sender<Box<Record>>);

impl<S> Layer<S> for Least {
    type Service = LeastService<S>;

    fn layer(&self, inner: S) -> LeastService<S> {
        LeastService { inner, queue: self.0.clone() }
    }
}

#[derive(Clone)]
pub(crate) struct LeastService<S> {
    inner: S,
    queue: mpsc::Sender<Box<Record>>,
}

impl<S: Service<Request, Response = Response, Error = Infallible>> Service<Request>
    for LeastService<S>
{
    type Response = Response;
    type Error = Infallible;
    type Future = LeastFuture<S::Future>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        let mut text = [0; 36];
        let id: u128 = rand::random();
        let id = uuid::Builder::from_random_bytes(id.to_ne_bytes()).into_uuid();
        id.hyphenated().encode_lower(&mut text);
        let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
        let mut record = Box::new(Record {
            texts: [0; 256],
            used: 0,
            ip: peer.map(|ConnectInfo(peer)| peer.ip()),
            at: SystemClock::default().now().timestamp_micros(),
            id: rand::random(),
            nonce: rand::random(),
            status: StatusCode::OK,
        });
        let headers = request.headers();
        let route = request.extensions().get::<MatchedPath>();
        record.push(&text);
        record.push(request.method().as_str().as_bytes());
        record.push(route.map_or("", MatchedPath::as_str).as_bytes());
        record.push(headers.get(header::HOST).map_or(b"", HeaderValue::as_bytes));
        record.push(headers.get(header::USER_AGENT).map_or(b"", HeaderValue::as_bytes));
        let id = HeaderValue::from_maybe_shared(Bytes::from_owner(text)).ok();
        let shared = Shared(Arc::new(Mutex::new(Some(record))));
        if let Some(id) = &id {
            request.headers_mut().insert(REQUEST_ID, id.clone());
        }
        request.extensions_mut().insert(shared.clone());
        LeastFuture { inner: self.inner.call(request), shared, queue: self.queue.clone(), id }
    }
}

impl Record {
    fn push(&mut self, text: &[u8]) {
        let end = self.used + text.len();
        if let Some(room) = self.texts.get_mut(self.used..end) {
            room.copy_from_slice(text);
            self.used = end;
        }
    }
}

pin_project! {
    pub(crate) struct LeastFuture<F> {
        #[pin]
        inner: F,
        shared: Shared,
        queue: mpsc::Sender<Box<Record>>,
        id: Option<HeaderValue>,
    }
}

impl<F: Future<Output = Result<Response, Infallible>>> Future for LeastFuture<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut response = ready!(this.inner.poll(cx))?;
        let record = this.shared.0.lock().ok().and_then(|mut record| record.take());
        if let Some(mut record) = record {
            record.status = response.status();
            // There is a place for each.
            let _ = this.queue.try_send(record);
        }
        if let Some(id) = this.id.take() {
            response.headers_mut().insert(REQUEST_ID, id);
        }
        Poll::Ready(Ok(response))
    }
}
