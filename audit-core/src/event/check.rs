//! Whether something that was encoded elsewhere is what our encoder makes.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::Value;

use super::encode::EncodedEvent;
use super::jcs::jcs;
use super::openings::{Opening, OpeningsError, open_all};
use super::payload::{MAX_DEPTH, is_shallow};
use super::seal::MAX_CANONICAL;
use super::text::{check_action, check_retention, is_reserved};
use super::{AUDIT_CLASS, DEFAULT_CLASS};

/// An encoded event that does not fit together.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncodingError {
    /// The bytes are no JSON, or JSON that can be written in another way.
    #[error("the bytes are not canonical JSON (RFC 8785)")]
    NotCanonical,
    /// The bytes are too many.
    #[error("the event or its openings take {0} bytes, more than {MAX_CANONICAL}")]
    TooLarge(usize),
    /// A member is not as it is written.
    #[error("the member `{0}` has not the form of the format")]
    Member(&'static str),
    /// The event is nested too deeply.
    #[error("the event is nested more deeply than {MAX_DEPTH} levels")]
    TooDeep,
    /// What stands beside the bytes is not what they say.
    #[error("the `{0}` beside the bytes is not theirs")]
    Beside(&'static str),
    /// The openings cannot be read.
    #[error(transparent)]
    Openings(#[from] OpeningsError),
    /// An opening does not open anything.
    #[error("the opening of `{0}` does not open what the bytes commit to")]
    Closed(String),
}

impl EncodedEvent {
    /// Checks that the bytes are canonical, that id and class are theirs, and that the openings, which it
    /// answers with, open what they commit to.
    pub(crate) fn check(&self) -> Result<Vec<Opening>, EncodingError> {
        let size = self.canon.len().max(self.openings.as_ref().map_or(0, String::len));
        if size > MAX_CANONICAL {
            return Err(EncodingError::TooLarge(size));
        }
        let event = canonical(self.canon.as_bytes())?;
        let text = |member| event.get(member).and_then(Value::as_str);
        if text("id") != Some(&*self.id.hyphenated().to_string()) {
            return Err(EncodingError::Beside("id"));
        }
        let (action, retention) = (text("action").unwrap_or_default(), text("retention"));
        let own = is_reserved(action);
        let in_words = |at: &str| {
            let at: Option<DateTime<Utc>> = at.parse().ok();
            at.map(|at| at.to_rfc3339_opts(SecondsFormat::Micros, true))
        };
        let occurred_at = text("occurred_at");
        for (member, is_right) in [
            ("action", own || check_action(action).is_ok()),
            ("retention", retention.is_none_or(|class| check_retention(class).is_ok())),
            ("occurred_at", occurred_at.and_then(in_words).as_deref() == occurred_at),
        ] {
            if !is_right {
                return Err(EncodingError::Member(member));
            }
        }
        if !is_shallow(&event, MAX_DEPTH) {
            return Err(EncodingError::TooDeep);
        }
        let class = if own { AUDIT_CLASS } else { retention.unwrap_or(DEFAULT_CLASS) };
        if class != self.class {
            return Err(EncodingError::Beside("class"));
        }
        let opened = self.openings.as_deref().map(|openings| opened(&event, openings));
        Ok(opened.transpose()?.unwrap_or_default())
    }
}

/// What canonical bytes say, if they are that: JSON that can be written in no other way.
pub(crate) fn canonical(canon: &[u8]) -> Result<Value, EncodingError> {
    let event: Value = serde_json::from_slice(canon).map_err(|_| EncodingError::NotCanonical)?;
    if jcs(&event).as_bytes() == canon { Ok(event) } else { Err(EncodingError::NotCanonical) }
}

/// Openings as they are stored, if all of them open what an event commits to.
pub(crate) fn opened(event: &Value, openings: &str) -> Result<Vec<Opening>, EncodingError> {
    let openings = open_all(openings)?;
    match openings.iter().find(|opening| !opening.opens(event)) {
        Some(closed) => Err(EncodingError::Closed(closed.pointer.clone())),
        None => Ok(openings),
    }
}
