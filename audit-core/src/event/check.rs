//! Whether something that was encoded elsewhere is what our encoder makes.

use serde_json::Value;

use super::encode::EncodedEvent;
use super::jcs::write_json;
use super::openings::{Opening, OpeningsError, open_all};
use super::seal::MAX_CANONICAL;
use super::text::is_reserved;
use super::{AUDIT_CLASS, DEFAULT_CLASS};

/// An encoded event that does not fit together.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncodingError {
    /// The bytes are no JSON, or JSON that can be written in another way.
    #[error("the bytes are not canonical JSON (RFC 8785)")]
    NotCanonical,
    /// The bytes are too many.
    #[error("the event takes {0} bytes, more than {MAX_CANONICAL}")]
    TooLarge(usize),
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
        if self.canon.len() > MAX_CANONICAL {
            return Err(EncodingError::TooLarge(self.canon.len()));
        }
        let event: Value =
            serde_json::from_str(&self.canon).map_err(|_| EncodingError::NotCanonical)?;
        let mut again = String::with_capacity(self.canon.len());
        write_json(&mut again, &event);
        if again != self.canon {
            return Err(EncodingError::NotCanonical);
        }
        let text = |member| event.get(member).and_then(Value::as_str);
        if text("id").and_then(|id| id.parse().ok()) != Some(self.id) {
            return Err(EncodingError::Beside("id"));
        }
        let class = match text("action") {
            Some(action) if is_reserved(action) => AUDIT_CLASS,
            _ => text("retention").unwrap_or(DEFAULT_CLASS),
        };
        if class != self.class {
            return Err(EncodingError::Beside("class"));
        }
        let openings = self.openings.as_deref().map(open_all).transpose()?.unwrap_or_default();
        match openings.iter().find(|opening| !opening.opens(&event)) {
            Some(closed) => Err(EncodingError::Closed(closed.pointer.clone())),
            None => Ok(openings),
        }
    }
}
