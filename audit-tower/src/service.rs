//! The service within the layer.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::task::{Context, Poll};

use audit_core::AuditContext;
use audit_core::recorder::Edge;
use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use crate::body::AuditBody;
use crate::captured::Captured;
use crate::future::{AuditFuture, Exchange};
use crate::headers::{REQUEST_ID, Told};
use crate::make_context::Matched;
use crate::policy::Asked;
use crate::request_id::RequestId;
use crate::settings::Settings;

/// What [`AuditLayer`](crate::AuditLayer) makes of a service: the same, with an audit context around each request.
#[derive(Debug, Clone)]
pub struct AuditService<S> {
    inner: S,
    settings: Arc<Settings>,
}

impl<S> AuditService<S> {
    pub(crate) fn new(inner: S, settings: Arc<Settings>) -> Self {
        Self { inner, settings }
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
        if request.extensions().get::<AuditContext>().is_some_and(Edge::is_around) {
            // One request, one entry: a layer further out has it in hand. Not so where its scope is not here: what was handed to a
            // task of its own, or copied out of another request, is a request of its own.
            return AuditFuture::seen_to(self.inner.call(request));
        }
        let (mut head, body) = request.into_parts();
        let settings = &*self.settings;
        let matched = Matched::of(&head);
        let told = Told::by(&head.headers, &settings.places.correlation_id);
        // Where something of the application's panics, the request has, and is recorded below.
        let id = || RequestId::of(told.request_id, &*settings.make_request_id);
        let id = catch_unwind(AssertUnwindSafe(id));
        let request = |id| settings.places.request_info(&head, &told, &matched, id);
        let request = id.as_ref().ok().map(request);
        let edge = Edge::new(settings.recorder.clone(), &settings.context, request);
        let policy = settings.policy.current();
        let asked = Asked { method: &head.method, route: matched.route() };
        let captured = Captured::of(&policy, asked, &head, settings.places.session.as_ref());
        let (method, version) = (head.method.clone(), head.version);
        let mut exchange =
            Exchange::new(edge, policy, version, method, matched, captured, settings);
        let Exchange { edge, captured, request_id, .. } = &mut exchange;
        let called = id.and_then(|id| {
            // What is inside sees the id that is recorded, and not one that was refused.
            head.headers.insert(REQUEST_ID, id.value.clone());
            *request_id = Some(id.value);
            let context = edge.context();
            head.extensions.insert(context.clone());
            catch_unwind(AssertUnwindSafe(|| {
                if let Some(make) = &settings.make_context {
                    edge.inside().enter(|| make.make_context(&head, &context));
                }
                let body = match captured {
                    Some(captured) => captured.watch(body),
                    None => body,
                };
                edge.enter(|| self.inner.call(Request::from_parts(head, body)))
            }))
        });
        let inner = called.unwrap_or_else(|panic| {
            exchange.panicked(&*panic);
            resume_unwind(panic)
        });
        AuditFuture::begun(exchange, inner)
    }
}
