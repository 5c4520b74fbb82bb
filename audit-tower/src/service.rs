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
use crate::future::{AuditFuture, Exchange};
use crate::headers::{REQUEST_ID, Told};
use crate::make_context::Matched;
use crate::policy::{Asked, PolicyHandle};
use crate::request_id::RequestId;
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
        let method = head.method.clone();
        // It is there before the call is made, and records it if the call panics.
        let mut exchange = Exchange::new(edge, policy, method, matched, captured, settings);
        let Exchange { edge, matched, captured, request_id, .. } = &mut exchange;
        let inner = edge.enter(|| {
            let told = Told::by(&head.headers, &settings.places.correlation_id);
            let id = RequestId::of(told.request_id, &*settings.make_request_id);
            context.set_request(settings.places.request_info(&head, &told, matched, &id));
            // What is inside sees the id that is recorded, and not one that was refused.
            head.headers.insert(REQUEST_ID, id.value.clone());
            *request_id = Some(id.value);
            head.extensions.insert(context.clone());
            if let Some(make) = &settings.make_context {
                make.make_context(&head, &context);
            }
            let body = match captured {
                Some(captured) => captured.watch(body),
                None => body,
            };
            self.inner.call(Request::from_parts(head, body))
        });
        AuditFuture::begun(exchange, inner)
    }
}
