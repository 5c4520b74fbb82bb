//! The service within the layer.

use std::sync::Arc;
use std::task::{Context, Poll};

use audit_core::recorder::Edge;
use audit_core::{AuditContext, Recorder};
use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use crate::body::AuditBody;
use crate::future::{AuditFuture, Exchange};
use crate::request_id::{REQUEST_ID, request_id};
use crate::request_info::{SessionCookie, request_info};

/// What [`AuditLayer`](crate::AuditLayer) makes of a service: the same, with an audit context around each request.
#[derive(Debug, Clone)]
pub struct AuditService<S> {
    inner: S,
    recorder: Recorder,
    session: Option<Arc<SessionCookie>>,
}

impl<S> AuditService<S> {
    pub(crate) fn new(inner: S, recorder: Recorder, session: Option<Arc<SessionCookie>>) -> Self {
        Self { inner, recorder, session }
    }
}

impl<S, A, B> Service<Request<A>> for AuditService<S>
where
    S: Service<Request<A>, Response = Response<B>>,
    B: Body<Data = Bytes>,
{
    type Response = Response<AuditBody<B>>;
    type Error = S::Error;
    type Future = AuditFuture<S::Future, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<A>) -> Self::Future {
        if request.extensions().get::<AuditContext>().is_some() {
            // One request, one entry: a layer further out has it in hand.
            return AuditFuture::seen_to(self.inner.call(request));
        }
        let (mut head, body) = request.into_parts();
        let id = request_id(&head.headers);
        let context = AuditContext::new();
        context.set_request(request_info(&head, &id, self.session.as_deref()));
        // What is inside sees the id that is recorded, and not one that was refused.
        head.headers.insert(REQUEST_ID, id.value.clone());
        head.extensions.insert(context.clone());
        let edge = Edge::new(self.recorder.clone(), context);
        let exchange = Exchange::new(edge, head.method.clone(), id.value);
        AuditFuture::new(exchange, || self.inner.call(Request::from_parts(head, body)))
    }
}
