//! The headers that are looked at, and those that must stand alone.

use http::{HeaderMap, HeaderName, HeaderValue, header};

/// The header that carries the request's id, in both directions.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

// Compared with each header: a constant would be made, and dropped, each time.
static SENT_ID: HeaderName = REQUEST_ID;
static TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// What a header says is not believed: it is there in two values, of which one is not the sender's, or not in its form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Unusable;

/// The one value of a header, if it is there.
pub(crate) type Only<'a> = Result<Option<&'a HeaderValue>, Unusable>;

/// What is looked for in the headers of each request: in one pass over all of them, as they are few.
#[derive(Debug)]
pub(crate) struct Told<'a> {
    pub(crate) request_id: Only<'a>,
    pub(crate) correlation_id: Only<'a>,
    pub(crate) traceparent: Only<'a>,
    pub(crate) host: Only<'a>,
    /// The first of them.
    pub(crate) user_agent: Option<&'a HeaderValue>,
}

impl<'a> Told<'a> {
    pub(crate) fn by(headers: &'a HeaderMap, correlation_id: &HeaderName) -> Self {
        let mut told = Self {
            request_id: Ok(None),
            correlation_id: Ok(None),
            traceparent: Ok(None),
            host: Ok(None),
            user_agent: None,
        };
        for (name, value) in headers {
            // Not one or the other: an application may send its request ids as correlation ids.
            if *name == SENT_ID {
                add(&mut told.request_id, value);
            }
            if name == correlation_id {
                add(&mut told.correlation_id, value);
            }
            if *name == TRACEPARENT {
                add(&mut told.traceparent, value);
            }
            if *name == header::HOST {
                add(&mut told.host, value);
            }
            if *name == header::USER_AGENT {
                told.user_agent.get_or_insert(value);
            }
        }
        told
    }
}

fn add<'a>(only: &mut Only<'a>, value: &'a HeaderValue) {
    *only = match only {
        Ok(None) => Ok(Some(value)),
        _ => Err(Unusable),
    };
}

/// The one value of a header.
pub(crate) fn only<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Only<'a> {
    let mut lines = headers.get_all(name).iter();
    match (lines.next(), lines.next()) {
        (line, None) => Ok(line),
        (_, Some(_)) => Err(Unusable),
    }
}
