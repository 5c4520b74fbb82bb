//! Headers that must stand alone.

use http::{HeaderMap, HeaderName, HeaderValue};

/// What a header says is not believed: it is there in two values, of which one is not the sender's, or not in its form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unusable;

/// The one value of a header.
pub(crate) fn only<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> Result<Option<&'a HeaderValue>, Unusable> {
    let mut lines = headers.get_all(name).iter();
    match (lines.next(), lines.next()) {
        (line, None) => Ok(line),
        (_, Some(_)) => Err(Unusable),
    }
}
