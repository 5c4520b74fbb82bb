//! A request on its way through the layer.

use std::any::Any;
use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use audit_core::recorder::{Edge, Held, Pending, panicked};
use audit_core::{Actor, ErrorInfo, Event, EventBuilder, NotRecorded, Outcome, Receipt, Severity};
use bytes::Bytes;
use http::{HeaderValue, Method, Response, StatusCode, Version, header, response};
use http_body::Body;
use pin_project_lite::pin_project;

use crate::body::{AuditBody, Trailers};
use crate::captured::Captured;
use crate::classify::{self, ClassifyOutcome, UNKNOWN, judge, judge_grpc, told_by_grpc};
use crate::coverage::Watch;
use crate::headers::REQUEST_ID;
use crate::make_context::Matched;
use crate::policy::{Asked, Ended, Level, Policy, REQUEST_ACTION};
use crate::problem::Problem;
use crate::receipt::{self, AUDIT_RECEIPT};
use crate::settings::Settings;

pin_project! {
    /// The future of [`AuditService`](crate::AuditService).
    pub struct AuditFuture<F, B> {
        // Dropped before the exchange is, so that what runs inside delivers its own event first; and as
        // soon as it has answered, as it may hold operations that it has left half-way.
        #[pin]
        inner: Option<F>,
        // Missing where another layer further out sees to the request.
        exchange: Option<Exchange>,
        // An answer that leaves when its event is committed.
        held_back: Option<HeldBack<B>>,
    }

    impl<F, B> PinnedDrop for AuditFuture<F, B> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let Some(exchange) = this.exchange else {
                return;
            };
            if this.inner.is_some() {
                exchange.edge.enter_last(|| this.inner.set(None));
            }
            if let Some(held_back) = this.held_back.take() {
                exchange.edge.inside().enter(|| drop(held_back));
            }
        }
    }
}

// Boxed, as few answers are held back, and all futures have the room for it.
struct HeldBack<B> {
    committed: Pin<Box<dyn Future<Output = Result<Receipt, NotRecorded>> + Send>>,
    response: Box<Response<B>>,
}

/// Bytes that a server takes from a body at once, and has on their way.
const SHORT: u64 = 65_536;

/// A request and its answer, as far as the layer is concerned with them.
pub(crate) struct Exchange {
    pub(crate) edge: Edge,
    /// The one that was in force when the request came.
    policy: Arc<Policy>,
    version: Version,
    method: Method,
    matched: Matched,
    pub(crate) captured: Option<Box<Captured>>,
    /// Missing until it was taken or made, and when it is on the answer.
    pub(crate) request_id: Option<HeaderValue>,
    classify: Option<Arc<dyn ClassifyOutcome>>,
    /// What that says of the answer.
    told: Option<Outcome>,
    watch: Option<Arc<Watch>>,
    /// Whether what there is to record has been seen to.
    settled: bool,
    /// Whether the answer says where its entry is.
    receipts: bool,
}

impl<F, B> AuditFuture<F, B> {
    /// That of a request that the service inside has been handed.
    pub(crate) fn begun(exchange: Exchange, inner: F) -> Self {
        Self { inner: Some(inner), exchange: Some(exchange), held_back: None }
    }

    pub(crate) fn seen_to(inner: F) -> Self {
        Self { inner: Some(inner), exchange: None, held_back: None }
    }
}

impl<F, B> fmt::Debug for AuditFuture<F, B> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditFuture").finish_non_exhaustive()
    }
}

impl<F, B, E> Future for AuditFuture<F, B>
where
    F: Future<Output = Result<Response<B>, E>>,
    B: Body<Data = Bytes>,
{
    type Output = Result<Response<AuditBody<B>>, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let Some(exchange) = this.exchange else {
            let Some(inner) = this.inner.as_pin_mut() else {
                return Poll::Pending;
            };
            let plain = |body| AuditBody::plain(body, None);
            return inner.poll(cx).map_ok(|response| response.map(plain));
        };
        if let Some(inner) = this.inner.as_mut().as_pin_mut() {
            let polled = catch_unwind(AssertUnwindSafe(|| exchange.edge.enter(|| inner.poll(cx))));
            let polled = match polled {
                Ok(polled) => Ok(ready!(polled)),
                Err(panic) => Err(panic),
            };
            exchange.edge.enter_last(|| this.inner.set(None));
            let response = match polled {
                Ok(Ok(response)) => response,
                Ok(Err(error)) => {
                    exchange.failed();
                    return Poll::Ready(Err(error));
                }
                Err(panic) => {
                    exchange.panicked(&*panic);
                    resume_unwind(panic)
                }
            };
            let (head, body) = response.into_parts();
            let pending = exchange.answered(&head);
            let response = Response::from_parts(head, body);
            match pending {
                None => {
                    let inside = exchange.edge.inside();
                    let response = response.map(|body| AuditBody::plain(body, Some(inside)));
                    return Poll::Ready(Ok(exchange.signed(response, None)));
                }
                Some(pending) if !pending.is_awaited() => {
                    let id = pending.delivered_id().filter(|_| exchange.receipts);
                    let receipt = id.map(receipt::of_event);
                    let response = exchange.finish(pending, response);
                    return Poll::Ready(Ok(exchange.signed(response, receipt)));
                }
                Some(pending) => {
                    let committed = Box::pin(pending.finish_durable());
                    let response = Box::new(response);
                    *this.held_back = Some(HeldBack { committed, response });
                }
            }
        }
        let Some(mut held_back) = this.held_back.take() else {
            return Poll::Pending;
        };
        let mut receipt = None;
        let response = match held_back.committed.as_mut().poll(cx) {
            Poll::Pending => {
                *this.held_back = Some(held_back);
                return Poll::Pending;
            }
            Poll::Ready(Ok(entry)) => {
                receipt = exchange.receipts.then(|| receipt::of_entry(&entry));
                let inside = exchange.edge.inside();
                held_back.response.map(|body| AuditBody::plain(body, Some(inside)))
            }
            Poll::Ready(Err(error)) => {
                exchange.edge.inside().enter(|| drop(held_back));
                Problem::from(&error).into_http().map(AuditBody::problem)
            }
        };
        Poll::Ready(Ok(exchange.signed(response, receipt)))
    }
}

impl Exchange {
    pub(crate) fn new(
        edge: Edge,
        policy: Arc<Policy>,
        version: Version,
        method: Method,
        matched: Matched,
        captured: Option<Box<Captured>>,
        settings: &Settings,
    ) -> Self {
        Self {
            edge,
            policy,
            version,
            method,
            matched,
            captured,
            request_id: None,
            classify: settings.classify.clone(),
            watch: settings.watch.clone(),
            told: None,
            settled: false,
            receipts: settings.receipts,
        }
    }

    /// The event of this request, if it is to have one, now that the head of its answer is known.
    fn answered(&mut self, head: &response::Parts) -> Option<Pending> {
        let classify = || self.classify.as_ref().and_then(|by| by.classify_outcome(head));
        self.told = match catch_unwind(AssertUnwindSafe(classify)) {
            Ok(told) => told,
            Err(panic) => {
                self.panicked(&*panic);
                resume_unwind(panic)
            }
        };
        let of_grpc = told_by_grpc(&head.headers);
        let outcome =
            self.told.unwrap_or_else(|| match (classify::outcome(head.status), of_grpc) {
                // As `judge_grpc` has it.
                (Outcome::Denied, _) => Outcome::Denied,
                (outcome, None | Some((Outcome::Success, _))) => outcome,
                (_, Some((outcome, _))) => outcome,
            });
        let pending = self.unfinished(outcome, Some(head.status))?;
        let said = pending.outcome();
        let pending = pending.with(|event| {
            let (event, said) = judge(event, said, head.status);
            match self.told {
                Some(outcome) => event.outcome(outcome),
                None => judge_grpc(event, Some(said), of_grpc),
            }
        });
        Some(self.with_what_was_asked(pending, outcome, Some(head.status)))
    }

    /// What the outermost audited function left here, or else an event of the layer's own, if the policy is for that.
    fn unfinished(&mut self, outcome: Outcome, status: Option<StatusCode>) -> Option<Pending> {
        self.settled = true;
        let held = self.edge.take();
        let surprise = self.surprise(&held, outcome, status);
        let is_recorded = match held {
            Held::Waiting(pending) => return Some(pending),
            Held::Nothing if surprise.is_some() => true,
            // What ran inside did not get to answer: that nobody was let in, or all went well without it, no entry says yet.
            Held::Left if !matches!(outcome, Outcome::Denied | Outcome::Success) => false,
            Held::Finished if outcome != Outcome::Denied => false,
            // Its success will be in the log, if that was committed; whatever else this is, it is not said.
            Held::Posted(_) => outcome != Outcome::Success,
            Held::Left | Held::Finished | Held::Nothing => {
                self.by_policy(REQUEST_ACTION, None, outcome, status, Policy::records)
            }
        };
        let event = Event::builder(REQUEST_ACTION);
        let event = match surprise {
            Some(why) => event.metadata("coverage", why),
            None => event,
        };
        is_recorded.then(|| self.edge.event(event))
    }

    /// What the routes' declarations do not say of a request that went well.
    fn surprise(
        &self,
        held: &Held,
        outcome: Outcome,
        status: Option<StatusCode>,
    ) -> Option<String> {
        let (watch, status) = (self.watch.as_ref()?, status?);
        if outcome != Outcome::Success || status.as_u16() >= 400 {
            return None;
        }
        self.asked(|asked| match held {
            Held::Waiting(pending) if !pending.is_discarded() => {
                watch.recorded(asked, &pending.action())
            }
            Held::Posted(action) => watch.recorded(asked, action),
            // It may be to a login, before anything that is declared was reached.
            _ if status.is_redirection() => None,
            Held::Nothing => watch.unrecorded(asked),
            // Whether what has ended before is what was declared, or is recorded at all, is not known any more; what was discarded is not.
            Held::Left | Held::Finished | Held::Waiting(_) => watch.recorded_somehow(asked),
        })
    }

    /// What is known of the request since it came.
    fn asked<T>(&self, ask: impl FnOnce(Asked<'_>) -> T) -> T {
        ask(Asked { method: &self.method, route: self.matched.route() })
    }

    /// The same where there is no answer, for a reason that the event is told.
    fn unanswered(
        &mut self,
        outcome: Outcome,
        tell: impl FnOnce(EventBuilder) -> EventBuilder,
    ) -> Option<Pending> {
        let pending = self.unfinished(outcome, None)?.with(tell);
        Some(self.with_what_was_asked(pending, outcome, None))
    }

    /// Adds what was asked for, if the policy wants it of a request that ended like this, as far as the event does not
    /// say otherwise.
    fn with_what_was_asked(
        &self,
        pending: Pending,
        outcome: Outcome,
        status: Option<StatusCode>,
    ) -> Pending {
        let Some(captured) = &self.captured else {
            return pending;
        };
        let (action, outcome) = (pending.action(), pending.outcome().unwrap_or(outcome));
        let actor = pending.own_actor();
        self.by_policy(&action, actor.as_deref(), outcome, status, |policy, asked, ended| {
            match policy.rule(asked, ended).filter(|rule| rule.record == Level::Request) {
                Some(rule) => pending.with(|event| captured.tell(rule, event)),
                None => pending,
            }
        })
    }

    /// Asks the policy about this request. The actor is the one that the event names itself, if it does.
    fn by_policy<T>(
        &self,
        action: &str,
        actor: Option<&str>,
        outcome: Outcome,
        status: Option<StatusCode>,
        ask: impl FnOnce(&Policy, Asked<'_>, Ended<'_>) -> T,
    ) -> T {
        let of_context = self.edge.context().actor();
        let actor = actor.or(of_context.as_deref().map(Actor::id));
        let ended = Ended { action, actor, outcome, status };
        self.asked(|asked| ask(&self.policy, asked, ended))
    }

    /// Finishes a buffered event: now, or where nobody knows yet how long the body is, at its end.
    fn finish<B: Body>(&self, pending: Pending, response: Response<B>) -> Response<AuditBody<B>> {
        let status = response.status();
        let body = response.body();
        let headers = response.headers();
        // A short body that knows its length is there as a whole, mostly: whoever sends it need not ask for its end. But trailers are
        // behind it, and what is longer may come from another server.
        let length = body.size_hint().exact();
        let of_grpc = classify::is_of_grpc(headers);
        let has_trailers = of_grpc || headers.contains_key(header::TRAILER);
        let is_whole = length.is_some_and(|length| length <= SHORT) && !has_trailers;
        let bodiless = matches!(self.method, Method::HEAD | Method::CONNECT)
            || status.is_informational()
            || matches!(
                status,
                StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT | StatusCode::NOT_MODIFIED
            );
        let trailers = match self.told {
            Some(_) => Trailers::Ignored,
            None if of_grpc && told_by_grpc(headers).is_none() => Trailers::Awaited,
            None => Trailers::Heard,
        };
        let inside = Some(self.edge.inside());
        if is_whole || body.is_end_stream() || bodiless {
            let said = pending.outcome();
            match trailers {
                Trailers::Awaited if !bodiless => {
                    pending.with(|event| judge_grpc(event, said, Some(UNKNOWN))).finish();
                }
                _ => pending.finish(),
            }
            return response.map(|body| AuditBody::plain(body, inside));
        }
        let announced = headers.get(header::CONTENT_LENGTH);
        let announced = announced.and_then(|announced| announced.to_str().ok()?.parse().ok());
        // A server need not ask for more than that; but before HTTP/2 nothing can stand behind it.
        let length = length.or(announced);
        let length = length.filter(|_| !has_trailers || self.version < Version::HTTP_2);
        response.map(|body| AuditBody::watched(body, inside, pending, trailers, length))
    }

    /// The service inside failed without an answer.
    fn failed(&mut self) {
        let error = ErrorInfo::new("the service failed without an answer").kind("service");
        let failed = self.unanswered(Outcome::Failure, |event| {
            event.outcome(Outcome::Failure).at_least(Severity::Error).error(error)
        });
        if let Some(pending) = failed {
            pending.finish();
        }
    }

    pub(crate) fn panicked(&mut self, panic: &(dyn Any + Send)) {
        if let Some(pending) = self.unanswered(Outcome::Failure, |event| panicked(event, panic)) {
            pending.finish();
        }
    }

    /// Puts the request's id on its answer, and the receipt of its entry, if it is to have one.
    fn signed<B>(
        &mut self,
        mut response: Response<B>,
        receipt: Option<HeaderValue>,
    ) -> Response<B> {
        if let Some(id) = self.request_id.take() {
            response.headers_mut().insert(REQUEST_ID, id);
        }
        if let Some(receipt) = receipt {
            response.headers_mut().insert(AUDIT_RECEIPT, receipt);
        }
        response
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        if !self.settled {
            // Nobody waits for an answer any more: what is dropped here is recorded as cancelled, unless
            // its outcome is known.
            let is_panic = std::thread::panicking();
            let outcome = if is_panic { Outcome::Failure } else { Outcome::Cancelled };
            drop(self.unanswered(outcome, |event| event));
        }
    }
}
