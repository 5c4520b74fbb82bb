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
use crate::captured::Captured;
use crate::future::{AuditFuture, Begun, Exchange};
use crate::make_context::Matched;
use crate::policy::{Asked, PolicyHandle};
use crate::request_id::{REQUEST_ID, request_id};
use crate::settings::Settings;

/// What [`AuditLayer`](crate::AuditLayer) makes of a service: the same, with an audit context around each request.
#[derive(Debug, Clone)]
pub struct AuditService<S> {
    inner: S,
    recorder: Recorder,
    policy: PolicyHandle,
    settings: Arc<Settings>,
}

impl<S> AuditService<S> {
    pub(crate) fn new(
        inner: S,
        recorder: Recorder,
        policy: PolicyHandle,
        settings: Arc<Settings>,
    ) -> Self {
        Self { inner, recorder, policy, settings }
    }
}

impl<S, A, B> Service<Request<A>> for AuditService<S>
where
    S: Service<Request<A>, Response = Response<B>>,
    A: 'static,
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
        let settings = &*self.settings;
        let context = settings.context.fork();
        let edge = Edge::new(self.recorder.clone(), context.clone());
        let policy = self.policy.current();
        let matched = Matched::of(&head);
        let asked = Asked { method: &head.method, route: matched.route() };
        let captured = Captured::of(&policy, asked, &head);
        let exchange = Exchange::new(edge, policy, head.method.clone(), settings);
        AuditFuture::new(exchange, || {
            let id = request_id(&head.headers, &*settings.make_request_id);
            context.set_request(settings.places.request_info(&head, &matched, &id));
            // What is inside sees the id that is recorded, and not one that was refused.
            head.headers.insert(REQUEST_ID, id.value.clone());
            head.extensions.insert(context.clone());
            if let Some(make) = &settings.make_context {
                make.make_context(&head, &context);
            }
            let body = match &captured {
                Some(captured) => captured.watch(body),
                None => body,
            };
            let inner = self.inner.call(Request::from_parts(head, body));
            Begun { request_id: id.value, matched, captured, inner }
        })
    }
}
