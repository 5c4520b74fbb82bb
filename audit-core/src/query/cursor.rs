//! Where a page ends.

use std::collections::BTreeMap;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Serialize, Serializer};

/// A place in each log, between two entries. A page of a search goes on with what is before it, a
/// [`Follower`](crate::follow::Follower) with what is behind it. Opaque to those who pass it around as text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor {
    pub(crate) places: BTreeMap<i64, u64>,
}

/// A text that is no cursor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no cursor: pass on the `next` of a page as it is")]
pub struct CursorError;

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let parts: Vec<_> =
            self.places.iter().map(|(log, place)| format!("{log}:{place}")).collect();
        f.write_str(&URL_SAFE_NO_PAD.encode(parts.join(",")))
    }
}

impl Serialize for Cursor {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl FromStr for Cursor {
    type Err = CursorError;

    fn from_str(text: &str) -> Result<Self, CursorError> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| CursorError)?;
        let parts = String::from_utf8(bytes).map_err(|_| CursorError)?;
        let position = |part: &str| {
            let (log, place) = part.split_once(':')?;
            Some((log.parse().ok()?, place.parse().ok()?))
        };
        let places = parts.split(',').map(position).collect::<Option<_>>().ok_or(CursorError)?;
        Ok(Self { places })
    }
}
