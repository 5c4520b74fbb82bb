//! Headers that must stand alone.

use http::{HeaderMap, HeaderValue};

/// A header that nobody believes who finds it there in two values: one of them is not the sender's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Contradiction;

/// The one value of a header.
pub(crate) fn only<'a>(
    headers: &'a HeaderMap,
    name: &str,
) -> Result<Option<&'a HeaderValue>, Contradiction> {
    let mut lines = headers.get_all(name).iter();
    match (lines.next(), lines.next()) {
        (line, None) => Ok(line),
        (_, Some(_)) => Err(Contradiction),
    }
}
