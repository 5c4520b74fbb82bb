//! The trace that a request is part of: W3C Trace Context, `traceparent`.

use crate::headers::{Only, Unusable};

/// The ids of a trace, as in the header: 32 and 16 lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Trace<'a> {
    pub(crate) trace_id: &'a str,
    pub(crate) span_id: &'a str,
}

/// What the header says; nothing where there is none, and an error where it cannot be read.
pub(crate) fn trace(traceparent: Only<'_>) -> Result<Option<Trace<'_>>, Unusable> {
    let Some(line) = traceparent? else {
        return Ok(None);
    };
    line.to_str().ok().and_then(parse).map(Some).ok_or(Unusable)
}

/// `version-trace_id-parent_id-flags`; what later versions append is passed over.
fn parse(line: &str) -> Option<Trace<'_>> {
    let mut parts = line.split('-');
    let version = hex(parts.next()?, 2)?;
    let trace_id = hex(parts.next()?, 32)?;
    let span_id = hex(parts.next()?, 16)?;
    hex(parts.next()?, 2)?;
    let is_known = match version {
        "00" => parts.next().is_none(),
        version => version != "ff",
    };
    let is_there = |id: &str| id.bytes().any(|byte| byte != b'0');
    (is_known && is_there(trace_id) && is_there(span_id)).then_some(Trace { trace_id, span_id })
}

fn hex(text: &str, length: usize) -> Option<&str> {
    let is_hex = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    (text.len() == length && text.bytes().all(is_hex)).then_some(text)
}

#[cfg(test)]
mod tests {
    use http::{HeaderMap, HeaderName};

    use super::*;
    use crate::headers::only;

    const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
    const SPAN: &str = "b7ad6b7169203331";

    #[test]
    fn the_ids_are_read_from_this_version_and_from_later_ones() {
        for line in [
            format!("00-{TRACE}-{SPAN}-01"),
            format!("00-{TRACE}-{SPAN}-00"),
            format!("cc-{TRACE}-{SPAN}-01"),
            format!("cc-{TRACE}-{SPAN}-01-what-may-come"),
        ] {
            assert_eq!(parse(&line), Some(Trace { trace_id: TRACE, span_id: SPAN }), "{line}");
        }
    }

    #[test]
    fn what_the_recommendation_refuses_is_none() {
        for line in [
            String::new(),
            format!("ff-{TRACE}-{SPAN}-01"),
            format!("00-{TRACE}-{SPAN}-01-more"),
            format!("00-{TRACE}-{SPAN}-1"),
            format!("00-{TRACE}-{SPAN}"),
            format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
            format!("00-{}-{SPAN}-01", "0".repeat(32)),
            format!("00-{TRACE}-{}-01", "0".repeat(16)),
            format!("00-{TRACE}0-{SPAN}-01"),
            format!("0-{TRACE}-{SPAN}-01"),
            format!(" 00-{TRACE}-{SPAN}-01"),
            format!("00_{TRACE}_{SPAN}_01"),
        ] {
            assert_eq!(parse(&line), None, "{line}");
        }
    }

    #[test]
    fn a_header_that_stands_twice_is_not_believed() {
        let trace = |headers: &HeaderMap| {
            trace(only(headers, &HeaderName::from_static("traceparent")))
                .map(|trace| trace.is_some())
        };
        let line = http::HeaderValue::from_str(&format!("00-{TRACE}-{SPAN}-01")).unwrap();
        let mut headers = HeaderMap::new();
        assert_eq!(trace(&headers), Ok(false));
        headers.append("traceparent", line.clone());
        assert_eq!(trace(&headers), Ok(true));
        headers.append("traceparent", line);
        assert_eq!(trace(&headers), Err(Unusable));
    }
}
