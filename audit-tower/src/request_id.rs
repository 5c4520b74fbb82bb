//! The id of a request: taken from the client where it is sane, else made.

use http::{HeaderMap, HeaderName, HeaderValue};

/// The header that carries the request's id, in both directions.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longest id that is taken from a client, in bytes.
const MAX_LENGTH: usize = 128;

pub(crate) struct RequestId {
    pub(crate) value: HeaderValue,
    /// The client sent an id that was not taken.
    pub(crate) refused: bool,
}

/// An inbound id is input like any other: only a short one of harmless characters is taken over.
pub(crate) fn request_id(headers: &HeaderMap) -> RequestId {
    let sent = headers.get(REQUEST_ID);
    match sent.and_then(|sent| sane(sent.as_bytes())) {
        Some(value) => RequestId { value, refused: false },
        None => {
            let made = uuid::Builder::from_random_bytes(rand::random()).into_uuid();
            let made = made.hyphenated().to_string();
            // Hex digits and hyphens always are a header's value.
            let value = made.parse().unwrap_or_else(|_| HeaderValue::from_static("unknown"));
            RequestId { value, refused: sent.is_some() }
        }
    }
}

/// A copy, as the header's value would keep the whole read buffer of its connection alive.
fn sane(id: &[u8]) -> Option<HeaderValue> {
    let harmless = |b: &u8| b.is_ascii_alphanumeric() || b"-_.:/+=@".contains(b);
    let is_sane = (1..=MAX_LENGTH).contains(&id.len()) && id.iter().all(harmless);
    is_sane.then(|| HeaderValue::from_bytes(id).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(id: &str) -> RequestId {
        let mut headers = HeaderMap::new();
        headers.insert(REQUEST_ID, HeaderValue::from_bytes(id.as_bytes()).unwrap());
        request_id(&headers)
    }

    #[test]
    fn a_sane_id_is_taken_over() {
        for id in
            ["7", "req-1", "0af7651916cd43dd8448eb211c80319c", "a.b:c/d+e=f@g_h", &"x".repeat(128)]
        {
            let taken = sent(id);
            assert_eq!((taken.value.as_bytes(), taken.refused), (id.as_bytes(), false));
        }
    }

    #[test]
    fn any_other_id_is_replaced_and_that_is_said() {
        for id in ["", "a b", "ä", "a\"b", "a\tb", &"x".repeat(129)] {
            let made = sent(id);
            assert!(made.refused && made.value.len() == 36, "{id:?} became {:?}", made.value);
        }
        assert!(!request_id(&HeaderMap::new()).refused);
    }
}
