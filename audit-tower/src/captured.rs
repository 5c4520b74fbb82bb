//! What was asked for, where a policy wants it recorded: headers, and the body as far as it was read.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use audit_core::EventBuilder;
use http::request::Parts;
use http::{HeaderMap, HeaderName, header};
use serde_json::{Map, Value};

use crate::policy::{Asked, Policy, Rule, plain};

/// Longest value of a header in bytes.
const MAX_HEADER: usize = 1_024;

/// Names of members that are taken out of every body, where they stand within a name.
const SECRET: [&str; 12] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "token",
    "apikey",
    "privatekey",
    "credential",
    "authorization",
    "cookie",
    "cardnumber",
    "cvv",
];

/// And those that are whole names.
const SECRET_NAMES: [&str; 5] = ["pwd", "pin", "otp", "cvc", "pan"];

/// Headers that are there to hold secrets: of them it is recorded that they came.
const SECRET_HEADERS: [HeaderName; 3] =
    [header::AUTHORIZATION, header::PROXY_AUTHORIZATION, header::COOKIE];

/// What is kept of a request until it is known which rule is for it.
pub(crate) struct Captured {
    headers: HeaderMap,
    body: Arc<Mutex<Kept>>,
}

/// A body on its way in.
#[derive(Debug, Default)]
pub(crate) struct Kept {
    bytes: Vec<u8>,
    limit: usize,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum State {
    /// Its type is not one that can be looked into.
    #[default]
    Unseen,
    /// Not all of it has been read.
    Begun,
    TooLong,
    Whole,
}

impl Captured {
    /// What the rules may want of a request: nothing, mostly.
    pub(crate) fn of(policy: &Policy, asked: Asked<'_>, head: &Parts) -> Option<Self> {
        let mut captured: Option<Self> = None;
        for rule in policy.wanting(asked) {
            captured.get_or_insert_with(Self::nothing).widen(rule, head);
        }
        captured
    }

    fn nothing() -> Self {
        Self { headers: HeaderMap::new(), body: Arc::default() }
    }

    fn widen(&mut self, rule: &Rule, head: &Parts) {
        for name in rule.chosen_headers().chain([&header::CONTENT_TYPE]) {
            if !self.headers.contains_key(name) {
                for value in head.headers.get_all(name) {
                    // Copied: a clone would keep the connection's buffer.
                    let bytes = value.as_bytes();
                    let bytes = bytes.get(..MAX_HEADER).unwrap_or(bytes);
                    if let Ok(value) = http::HeaderValue::from_bytes(bytes) {
                        self.headers.append(name.clone(), value);
                    }
                }
            }
        }
        let mut body = lock(&self.body);
        body.limit = body.limit.max(rule.body);
    }

    /// The body of the request, watched on its way in, if a rule may want it.
    #[cfg(feature = "axum")]
    pub(crate) fn watch<A: 'static>(&self, mut body: A) -> A {
        if lock(&self.body).limit == 0 {
            return body;
        }
        let any: &mut dyn std::any::Any = &mut body;
        if let Some(body) = any.downcast_mut::<axum::body::Body>() {
            let kept = Arc::clone(&self.body);
            *body = axum::body::Body::new(watched::Watched::new(std::mem::take(body), kept));
        }
        body
    }

    #[cfg(not(feature = "axum"))]
    pub(crate) fn watch<A>(&self, body: A) -> A {
        body
    }

    /// Adds to an event what its rule wants.
    pub(crate) fn tell(&self, rule: &Rule, mut event: EventBuilder) -> EventBuilder {
        let mut headers = Map::new();
        for name in rule.chosen_headers() {
            let values = self.headers.get_all(name).iter().map(|value| match holds_secrets(name) {
                true => Value::Null,
                false => String::from_utf8_lossy(value.as_bytes()).into(),
            });
            let mut values: Vec<_> = values.collect();
            match values.pop() {
                Some(only) if values.is_empty() => drop(headers.insert(name.to_string(), only)),
                Some(last) => {
                    values.push(last);
                    headers.insert(name.to_string(), values.into());
                }
                None => {}
            }
        }
        if headers.keys().any(|name| SECRET_HEADERS.iter().any(|secret| secret.as_str() == name)) {
            event = event.redacted("/metadata/request_headers");
        }
        if !headers.is_empty() {
            let headers = Value::Object(headers);
            event =
                event.metadata("request_headers", headers).personal("/metadata/request_headers");
        }
        match self.body(rule) {
            None => event,
            Some(Err(why)) => event.metadata("request_body_missing", why),
            Some(Ok((body, is_redacted))) => {
                let event = event.metadata("request_body", body).personal("/metadata/request_body");
                if is_redacted { event.redacted("/metadata/request_body") } else { event }
            }
        }
    }

    /// The body, if there is one and the rule wants it, and whether something was taken out of it; or why it is
    /// not there.
    fn body(&self, rule: &Rule) -> Option<Result<(Value, bool), &'static str>> {
        let body = lock(&self.body);
        if rule.body == 0 {
            return None;
        }
        match body.state {
            State::Unseen => return Some(Err("its type is not axum's `Body`")),
            State::Begun => return Some(Err("it was not read to its end")),
            State::TooLong => return Some(Err("it is longer than the policy allows")),
            State::Whole if body.bytes.is_empty() => return None,
            State::Whole if body.bytes.len() > rule.body => {
                return Some(Err("it is longer than the policy allows"));
            }
            State::Whole => {}
        }
        let kind = self.headers.get(header::CONTENT_TYPE).map(|kind| kind.as_bytes());
        let kind = kind.and_then(|kind| str::from_utf8(kind).ok()).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let mut value = if kind == "application/json" || kind.ends_with("+json") {
            match serde_json::from_slice(&body.bytes) {
                Ok(value) => value,
                Err(_) => return Some(Err("it is no JSON")),
            }
        } else if kind == "application/x-www-form-urlencoded" {
            form(&body.bytes)
        } else {
            return Some(Err("it is neither JSON nor a form"));
        };
        let is_redacted = redact(&mut value, &rule.redacted_names());
        Some(Ok((value, is_redacted)))
    }
}

fn holds_secrets(name: &HeaderName) -> bool {
    SECRET_HEADERS.contains(name)
}

/// The fields of a form; one that comes several times as an array.
fn form(bytes: &[u8]) -> Value {
    let mut members: Map<String, Value> = Map::new();
    for (name, value) in form_urlencoded::parse(bytes) {
        let value = Value::from(value);
        match members.get_mut(&*name) {
            None => drop(members.insert(name.into_owned(), value)),
            Some(Value::Array(values)) => values.push(value),
            Some(first) => *first = Value::Array(vec![first.take(), value]),
        }
    }
    Value::Object(members)
}

/// Takes members out by their names; says whether there were any.
fn redact(value: &mut Value, names: &[String]) -> bool {
    match value {
        Value::Array(items) => items.iter_mut().fold(false, |any, item| redact(item, names) | any),
        Value::Object(members) => {
            let before = members.len();
            members.retain(|name, _| !is_secret(&plain(name), names));
            let any = members.len() < before;
            members.values_mut().fold(any, |any, item| redact(item, names) | any)
        }
        _ => false,
    }
}

fn is_secret(name: &str, names: &[String]) -> bool {
    SECRET.iter().any(|secret| name.contains(secret))
        || SECRET_NAMES.contains(&name)
        || names.iter().any(|own| own == name)
}

fn lock(kept: &Mutex<Kept>) -> MutexGuard<'_, Kept> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(feature = "axum")]
mod watched {
    //! A body that is kept while it is read.

    use std::pin::Pin;
    use std::sync::{Arc, Mutex};
    use std::task::{Context, Poll, ready};

    use axum::body::{Body, HttpBody};
    use bytes::Bytes;
    use http_body::{Frame, SizeHint};

    use super::{Kept, State, lock};

    pub(super) struct Watched {
        body: Body,
        kept: Arc<Mutex<Kept>>,
    }

    impl Watched {
        pub(super) fn new(body: Body, kept: Arc<Mutex<Kept>>) -> Self {
            lock(&kept).state = if body.is_end_stream() { State::Whole } else { State::Begun };
            Self { body, kept }
        }
    }

    impl Kept {
        fn add(&mut self, data: &Bytes) {
            if self.bytes.len() + data.len() > self.limit {
                (self.bytes, self.state) = (Vec::new(), State::TooLong);
            } else if self.state == State::Begun {
                self.bytes.extend_from_slice(data);
            }
        }

        fn end(&mut self) {
            if self.state == State::Begun {
                self.state = State::Whole;
            }
        }
    }

    impl HttpBody for Watched {
        type Data = Bytes;
        type Error = axum::Error;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
            let frame = ready!(Pin::new(&mut self.body).poll_frame(cx));
            let mut kept = lock(&self.kept);
            if let Some(Ok(frame)) = &frame
                && let Some(data) = frame.data_ref()
            {
                kept.add(data);
            }
            if frame.is_none() || self.body.is_end_stream() {
                kept.end();
            }
            drop(kept);
            Poll::Ready(frame)
        }

        fn is_end_stream(&self) -> bool {
            self.body.is_end_stream()
        }

        fn size_hint(&self) -> SizeHint {
            self.body.size_hint()
        }
    }
}

#[cfg(test)]
mod tests;
