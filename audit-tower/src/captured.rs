//! What was asked for, where a policy wants it recorded: headers, and the body as far as it was read.

mod redact;
#[cfg(feature = "axum")]
mod tee;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use audit_core::EventBuilder;
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use serde_json::{Map, Value};

use self::redact::{Names, is_opaque, is_secret};
use crate::policy::{Asked, Policy, Rule};
use crate::session::Session;

/// Longest value of a header in bytes.
const MAX_HEADER: usize = 1_024;

/// Bytes of all headers that are kept of a request; more are left out.
const MAX_HEADERS: usize = 4_096;

/// Pointer to where the headers stand, in whole.
const HEADERS: &str = "/metadata/request_headers";

/// And the body.
const BODY: &str = "/metadata/request_body";

/// What is kept of a request until it is known which rule is for it.
#[derive(Default)]
pub(crate) struct Captured {
    headers: HeaderMap,
    /// Whether one of the headers that were chosen is not here as it came.
    is_cut: bool,
    media_type: String,
    is_compressed: bool,
    body: Arc<Mutex<Kept>>,
}

/// A body on its way in.
#[derive(Default)]
struct Kept {
    bytes: Vec<u8>,
    limit: usize,
    state: State,
}

#[cfg_attr(not(feature = "axum"), expect(dead_code, reason = "only axum's bodies are watched"))]
#[derive(Clone, Copy, PartialEq, Eq, Default)]
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
    pub(crate) fn of(
        policy: &Policy,
        asked: Asked<'_>,
        head: &Parts,
        session: Option<&Session>,
    ) -> Option<Box<Self>> {
        if !policy.is_curious() {
            return None;
        }
        let mut captured: Option<Box<Self>> = None;
        for rule in policy.wanting(asked) {
            captured.get_or_insert_default().widen(rule, head, session);
        }
        captured
    }

    fn widen(&mut self, rule: &Rule, head: &Parts, session: Option<&Session>) {
        for name in rule.chosen_headers() {
            if !self.headers.contains_key(name) {
                let is_session = session.is_some_and(|session| session.is_in(name));
                let values = head.headers.get_all(name).iter();
                values.for_each(|value| self.keep(name, value, is_session));
            }
        }
        self.media_type = media_type(&head.headers);
        self.is_compressed = head.headers.contains_key(header::CONTENT_ENCODING);
        let mut body = lock(&self.body);
        body.limit = body.limit.max(rule.body);
    }

    /// Copies a header: a clone would keep the connection's buffer. It may be known that it is secret, whatever it looks like.
    fn keep(&mut self, name: &HeaderName, value: &HeaderValue, is_known: bool) {
        let bytes = value.as_bytes();
        let short = bytes.get(..MAX_HEADER).unwrap_or(bytes);
        let kept: usize = self.headers.values().map(HeaderValue::len).sum();
        self.is_cut |= short.len() < bytes.len() || kept + short.len() > MAX_HEADERS;
        if kept + short.len() <= MAX_HEADERS
            && let Ok(mut copy) = HeaderValue::from_bytes(short)
        {
            let names = Names::default();
            let text = String::from_utf8_lossy(bytes);
            let is_secret = is_secret(name.as_str(), &names)
                || ["://", "?", "eyJ"].iter().any(|sign| text.contains(sign))
                    && is_opaque(&text, &names)
                || has_query(&text);
            copy.set_sensitive(value.is_sensitive() || is_known || is_secret);
            self.headers.append(name.clone(), copy);
        }
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
            *body = axum::body::Body::new(tee::Tee::new(std::mem::take(body), kept));
        }
        body
    }

    #[cfg(not(feature = "axum"))]
    pub(crate) fn watch<A>(&self, body: A) -> A {
        body
    }

    /// Adds to an event what its rule wants.
    pub(crate) fn tell(&self, rule: &Rule, event: EventBuilder) -> EventBuilder {
        let event = self.tell_headers(rule, event);
        match self.body(rule) {
            None => event,
            Some(Err(why)) => event.metadata("request_body_missing", why),
            Some(Ok((body, is_redacted))) => {
                let event = event.metadata("request_body", body).personal(BODY);
                if is_redacted { event.redacted(BODY) } else { event }
            }
        }
    }

    fn tell_headers(&self, rule: &Rule, event: EventBuilder) -> EventBuilder {
        let (mut headers, mut is_redacted) = (Map::new(), false);
        for name in rule.chosen_headers() {
            let values = self.headers.get_all(name).iter().map(|value| {
                is_redacted |= value.is_sensitive();
                match value.is_sensitive() {
                    true => Value::Null,
                    false => String::from_utf8_lossy(value.as_bytes()).into(),
                }
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
        let event = if self.is_cut { event.metadata("request_headers_cut", true) } else { event };
        if headers.is_empty() {
            return event;
        }
        let event = event.metadata("request_headers", headers).personal(HEADERS);
        if is_redacted { event.redacted(HEADERS) } else { event }
    }

    /// The body, if there is one and the rule wants it, and whether something was taken out of it; or why it is
    /// not there. As a text: a tree may take a hundred times the room of what a client has sent, and be deeper than an
    /// event.
    fn body(&self, rule: &Rule) -> Option<Result<(String, bool), &'static str>> {
        const TOO_LONG: &str = "it is longer than the policy allows";
        let body = lock(&self.body);
        if rule.body == 0 {
            return None;
        }
        match body.state {
            State::Unseen => return Some(Err("its type is not axum's `Body`")),
            State::Begun => return Some(Err("it was not read to its end")),
            State::TooLong => return Some(Err(TOO_LONG)),
            State::Whole if body.bytes.is_empty() => return None,
            State::Whole if body.bytes.len() > rule.body => return Some(Err(TOO_LONG)),
            State::Whole => {}
        }
        if self.is_compressed {
            return Some(Err("it is compressed"));
        }
        let mut value = match self.media_type.as_str() {
            "application/json" => match serde_json::from_slice(&body.bytes) {
                Ok(value) => value,
                // The application may have made more of it.
                Err(_) => return Some(Err("it cannot be read as JSON")),
            },
            "application/x-www-form-urlencoded" => form(&body.bytes),
            _ => return Some(Err("it is neither JSON nor a form")),
        };
        drop(body);
        let is_redacted = redact::redact(&mut value, &Names::new(rule.redacted_names()));
        let text = value.to_string();
        // Numbers may be written out.
        Some(if text.len() > rule.body { Err(TOO_LONG) } else { Ok((text, is_redacted)) })
    }
}

/// Whether a header may be an address with a query, which may hold a secret under any name or none.
fn has_query(text: &str) -> bool {
    text.split_once('?')
        .is_some_and(|(path, query)| !path.trim().is_empty() && !query.trim().is_empty())
}

/// How to read a body: its type, without what is behind a semicolon, in lower case.
fn media_type(headers: &HeaderMap) -> String {
    let kind = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    let kind = kind.and_then(|kind| str::from_utf8(kind).ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.get(..MAX_HEADER).unwrap_or(kind).to_ascii_lowercase()
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

fn lock(kept: &Mutex<Kept>) -> MutexGuard<'_, Kept> {
    kept.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
