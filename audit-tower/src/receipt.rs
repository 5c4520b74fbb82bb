//! The receipt of a request's entry, on its answer.

use std::fmt::Write as _;

use audit_core::Receipt;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderName, HeaderValue};
use uuid::Uuid;

/// The header that carries the receipt of a request's entry, where the layer gives [`receipts`](crate::AuditLayer::receipts).
///
/// A dictionary of RFC 9651: `event` (the event's id, a string); and of an entry that was committed before the answer left, `log` (its
/// name, a string, or a display string where it is not of ASCII alone), `index` (an integer; not while the entry waits in the spool) and
/// `leaf` (its leaf hash, a byte sequence).
///
/// ```text
/// Audit-Receipt: event="0197b7a4-5c1e-7cc3-98c4-dc0c0c07398f"
/// Audit-Receipt: event="0197..", log="billing.example/audit/standard", index=17, leaf=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=:
/// ```
pub const AUDIT_RECEIPT: HeaderName = HeaderName::from_static("audit-receipt");

/// Of an event that is on its way.
pub(crate) fn of_event(id: Uuid) -> HeaderValue {
    value(format!("event=\"{}\"", id.hyphenated()))
}

/// Of an entry that is in its log, or safe in the spool.
pub(crate) fn of_entry(receipt: &Receipt) -> HeaderValue {
    let Receipt { event_id, log, index, leaf_hash } = receipt;
    let index = index.map(|index| format!(", index={index}")).unwrap_or_default();
    let leaf = STANDARD.encode(leaf_hash.as_bytes());
    value(format!("event=\"{}\", log={}{index}, leaf=:{leaf}:", event_id.hyphenated(), string(log)))
}

/// A string, or a display string where it has other characters than those of ASCII that can be seen.
fn string(text: &str) -> String {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    }
    let mut string = "%\"".to_owned();
    for byte in text.bytes() {
        match byte {
            b'%' | b'"' | ..b' ' | 0x7f.. => {
                // Writing into a string does not fail.
                let _ = write!(string, "%{byte:02x}");
            }
            plain => string.push(char::from(plain)),
        }
    }
    string + "\""
}

fn value(text: String) -> HeaderValue {
    // It is made of ASCII that can be seen.
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""))
}

#[cfg(test)]
mod tests {
    use super::string;

    #[test]
    fn the_name_of_a_log_is_a_string_that_can_stand_in_a_header() {
        for (log, written) in [
            ("billing.example/audit/standard", "\"billing.example/audit/standard\""),
            ("a\"b\\c", r#""a\"b\\c""#),
            ("häuser/100%\"", "%\"h%c3%a4user/100%25%22\""),
        ] {
            assert_eq!(string(log), written);
        }
    }
}
