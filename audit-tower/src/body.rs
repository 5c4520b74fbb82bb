//! The body of an answer, watched where its event waits for its end.

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use audit_core::recorder::{Inside, Pending, panicked};
use audit_core::{ErrorInfo, Outcome, Severity};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::classify::{GrpcStatus, UNKNOWN, judge_grpc, told_by_grpc};

pin_project! {
    /// The body of a service within [`AuditService`](crate::AuditService), or a problem document in its place.
    #[derive(Debug)]
    #[project = Projected]
    pub struct AuditBody<B> {
        // Dropped before the event is, so that what the body does when it is dropped is within it.
        #[pin]
        body: Option<B>,
        problem: Option<Bytes>,
        inside: Option<Inside>,
        ending: Option<Ending>,
    }

    impl<B> PinnedDrop for AuditBody<B> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if let Some(inside) = this.inside {
                inside.enter(|| this.body.set(None));
            }
        }
    }
}

/// What trailers have to say of how it went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Trailers {
    /// Nothing more: somebody else has told.
    Ignored,
    /// What they like.
    Heard,
    /// The status of gRPC, without which it did not go well.
    Awaited,
}

/// An event that is finished when the body ends.
#[derive(Debug)]
struct Ending {
    pending: Option<Pending>,
    trailers: Trailers,
    /// Bytes that are to come yet, where it was announced how many there are, to those who do not ask for more.
    left: Option<u64>,
    /// Whether it is dropped in good order by those who have no use for it: it knows its length, no status comes behind it, and
    /// nothing was asked of it.
    is_whole: bool,
}

impl<B> AuditBody<B> {
    /// The body as it is; audited functions that it calls are `inside`.
    pub(crate) fn plain(body: B, inside: Option<Inside>) -> Self {
        Self { body: Some(body), problem: None, inside, ending: None }
    }

    /// The body, of so many bytes if that was announced, with the event that it ends.
    pub(crate) fn watched(
        body: B,
        inside: Option<Inside>,
        pending: Pending,
        trailers: Trailers,
        length: Option<u64>,
    ) -> Self
    where
        B: Body,
    {
        let is_whole = body.size_hint().exact().is_some() && trailers != Trailers::Awaited;
        let ending = Some(Ending { pending: Some(pending), trailers, left: length, is_whole });
        Self { body: Some(body), problem: None, inside, ending }
    }

    /// Something else.
    pub(crate) fn problem(document: Bytes) -> Self {
        Self { body: None, problem: Some(document), inside: None, ending: None }
    }
}

impl Ending {
    /// Counts what is sent, and hears what trailers tell.
    fn hear(&mut self, frame: &Frame<Bytes>) {
        let length = frame.data_ref().and_then(|data| u64::try_from(data.len()).ok());
        self.left = self.left.map(|left| left.saturating_sub(length.unwrap_or_default()));
        if let Some(trailers) = frame.trailers_ref() {
            self.judge(told_by_grpc(trailers));
        }
    }

    fn judge(&mut self, told: Option<GrpcStatus>) {
        if told.is_some() && self.trailers != Trailers::Ignored {
            self.trailers = Trailers::Heard;
            self.pending = self.pending.take().map(|pending| {
                let said = pending.outcome();
                pending.with(|event| judge_grpc(event, said, told))
            });
        }
    }

    fn end(&mut self) {
        if self.trailers == Trailers::Awaited {
            self.judge(Some(UNKNOWN));
        }
        if let Some(pending) = self.pending.take() {
            pending.finish();
        }
    }

    fn fail(&mut self) {
        if let Some(pending) = self.pending.take() {
            // The error's own text is the transport's or the application's; neither is for the log.
            let error = ErrorInfo::new("the body of the answer broke off").kind("body");
            let said = pending.outcome();
            pending
                .with(|event| match said {
                    Some(Outcome::Denied) => event.at_least(Severity::Error),
                    _ => event.outcome(Outcome::Failure).at_least(Severity::Error).error(error),
                })
                .finish();
        }
    }

    fn panicked(&mut self, panic: &(dyn Any + Send)) {
        if let Some(pending) = self.pending.take() {
            stopped(pending, panic);
        }
    }
}

/// Finishes the event of a body that panicked. A denial stays one.
fn stopped(pending: Pending, panic: &(dyn Any + Send)) {
    let said = pending.outcome();
    pending
        .with(|event| match said {
            Some(Outcome::Denied) => panicked(event, panic).outcome(Outcome::Denied),
            _ => panicked(event, panic),
        })
        .finish();
}

impl Drop for Ending {
    fn drop(&mut self) {
        let Some(pending) = self.pending.take() else {
            return;
        };
        if std::thread::panicking() {
            stopped(pending, &());
        } else if self.left != Some(0)
            && !self.is_whole
            && pending.outcome() == Some(Outcome::Success)
        {
            pending.with(|event| event.outcome(Outcome::Cancelled)).finish();
        } else {
            pending.finish();
        }
    }
}

impl<B: Body<Data = Bytes>> Body for AuditBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        let Projected { body, problem, inside, ending } = self.project();
        let Some(mut body) = body.as_pin_mut() else {
            return Poll::Ready(problem.take().map(|document| Ok(Frame::data(document))));
        };
        let mut poll = || body.as_mut().poll_frame(cx);
        let poll = || match inside {
            Some(inside) => inside.enter(poll),
            None => poll(),
        };
        let Some(ending) = ending else {
            return poll();
        };
        ending.is_whole = false;
        let frame = match catch_unwind(AssertUnwindSafe(poll)) {
            Ok(polled) => ready!(polled),
            Err(panic) => {
                ending.panicked(&*panic);
                resume_unwind(panic)
            }
        };
        if let Some(Ok(frame)) = &frame {
            ending.hear(frame);
        }
        match &frame {
            // Nothing comes behind trailers, and servers do not ask for it.
            Some(Ok(frame)) if frame.is_trailers() => ending.end(),
            Some(Ok(_)) if !body.is_end_stream() => {}
            Some(Err(_)) => ending.fail(),
            // Short of what was announced, it is broken off by the server.
            _ if ending.left.is_some_and(|left| left > 0) => ending.fail(),
            _ => ending.end(),
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.body {
            Some(body) => body.is_end_stream(),
            None => self.problem.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match (&self.body, &self.problem) {
            (Some(body), _) => body.size_hint(),
            (None, Some(document)) => {
                SizeHint::with_exact(document.len().try_into().unwrap_or(u64::MAX))
            }
            (None, None) => SizeHint::with_exact(0),
        }
    }
}
