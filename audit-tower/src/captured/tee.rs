//! A body that is kept while it is read.

use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, ready};

use axum::body::{Body, HttpBody};
use axum::{BoxError, Error};
use bytes::Bytes;
use http_body::{Frame, SizeHint};

use super::{Kept, State, lock};

pub(super) struct Tee {
    body: Body,
    kept: Arc<Mutex<Kept>>,
}

impl Tee {
    pub(super) fn new(body: Body, kept: Arc<Mutex<Kept>>) -> Self {
        let mut state = lock(&kept);
        let is_longer = usize::try_from(body.size_hint().lower()).map_or(true, |n| n > state.limit);
        state.state = match is_longer {
            true => State::TooLong,
            false if body.is_end_stream() => State::Whole,
            false => State::Begun,
        };
        drop(state);
        Self { body, kept }
    }
}

impl Kept {
    fn add(&mut self, data: &Bytes) {
        if self.state != State::Begun {
            return;
        }
        if self.bytes.len() + data.len() > self.limit {
            (self.bytes, self.state) = (Vec::new(), State::TooLong);
        } else {
            self.bytes.extend_from_slice(data);
        }
    }

    fn end(&mut self) {
        if self.state == State::Begun {
            self.state = State::Whole;
        }
    }
}

impl HttpBody for Tee {
    type Data = Bytes;
    // What was within axum's own error, which is put around it once more: whoever looks for a reason in it, such as a limit
    // that was passed, finds it as deep as without this.
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
        let mut kept = lock(&self.kept);
        if let Some(Ok(frame)) = &frame
            && let Some(data) = frame.data_ref()
        {
            kept.add(data);
        }
        match &frame {
            None => kept.end(),
            Some(Ok(_)) if self.body.is_end_stream() => kept.end(),
            Some(_) => {}
        }
        drop(kept);
        Poll::Ready(frame.map(|frame| frame.map_err(Error::into_inner)))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
