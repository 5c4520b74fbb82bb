//! JSON in its canonical form: RFC 8785 (JCS), without floats.
//!
//! RFC 8785 writes numbers as IEEE doubles, which is where 9007199254740993 becomes ...992 in an edit
//! that nobody can see. So no number that a double cannot hold exactly is ever written as a number:
//! floats, and integers beyond 2^53 - 1, stand as decimal strings.

use serde_json::{Number, Value};
use sha2::{Digest as _, Sha256};

/// The largest integer that stands as a number: 2^53 - 1.
pub(crate) const MAX_SAFE_INTEGER: u64 = (1 << 53) - 1;

/// Where canonical text goes: into a string, into a hash, or only into a count.
pub(crate) trait Out {
    fn push(&mut self, text: &str);
}

impl Out for String {
    fn push(&mut self, text: &str) {
        self.push_str(text);
    }
}

impl Out for Sha256 {
    fn push(&mut self, text: &str) {
        self.update(text);
    }
}

/// Counts bytes instead of keeping them.
impl Out for usize {
    fn push(&mut self, text: &str) {
        *self = self.saturating_add(text.len());
    }
}

/// Writes a string literal: RFC 8785, section 3.2.2.2.
pub(crate) fn write_text(out: &mut impl Out, text: &str) {
    out.push("\"");
    let mut rest = text;
    // All that is escaped is ASCII, and no byte of a longer character is.
    while let Some(at) = rest.bytes().position(|b| b < b' ' || b == b'"' || b == b'\\') {
        let (plain, special) = rest.split_at(at);
        out.push(plain);
        let mut chars = special.chars();
        if let Some(c) = chars.next() {
            match c {
                '"' => out.push("\\\""),
                '\\' => out.push("\\\\"),
                '\u{8}' => out.push("\\b"),
                '\t' => out.push("\\t"),
                '\n' => out.push("\\n"),
                '\u{c}' => out.push("\\f"),
                '\r' => out.push("\\r"),
                other => out.push(&format!("\\u{:04x}", u32::from(other))),
            }
        }
        rest = chars.as_str();
    }
    out.push(rest);
    out.push("\"");
}

/// Writes an integer, as a decimal string where a double could not hold it.
pub(crate) fn write_integer(out: &mut impl Out, value: u64) {
    if value <= MAX_SAFE_INTEGER {
        out.push(&value.to_string());
    } else {
        write_text(out, &value.to_string());
    }
}

fn write_number(out: &mut impl Out, number: &Number) {
    // The digits are those of the value: a feature of `serde_json` that any crate of the build may turn
    // on keeps a number as it was spelled, `-0` among them.
    match (number.as_u64(), number.as_i64()) {
        (Some(value), _) => write_integer(out, value),
        (None, Some(value)) if value.unsigned_abs() <= MAX_SAFE_INTEGER => {
            out.push(&value.to_string())
        }
        (None, Some(_) | None) => write_text(out, &number.to_string()),
    }
}

/// A value in its canonical form.
pub(crate) fn jcs(value: &Value) -> String {
    let mut text = String::new();
    write_json(&mut text, value);
    text
}

/// Writes any value.
pub(crate) fn write_json(out: &mut impl Out, value: &Value) {
    match value {
        Value::Null => out.push("null"),
        Value::Bool(true) => out.push("true"),
        Value::Bool(false) => out.push("false"),
        Value::Number(number) => write_number(out, number),
        Value::String(text) => write_text(out, text),
        Value::Array(items) => write_array(out, items, write_json),
        Value::Object(members) => {
            write_members(out, members, |out, _, value| write_json(out, value))
        }
    }
}

/// Writes an array, each item by `write`.
pub(crate) fn write_array<O: Out, T>(
    out: &mut O,
    items: impl IntoIterator<Item = T>,
    mut write: impl FnMut(&mut O, T),
) {
    out.push("[");
    for (i, item) in items.into_iter().enumerate() {
        if i > 0 {
            out.push(",");
        }
        write(out, item);
    }
    out.push("]");
}

/// Writes an object, each value by `write`, its members sorted by the UTF-16 units of their names
/// (RFC 8785, section 3.2.3). Never trusts a map's own order: a feature of `serde_json` that any crate
/// of the build may turn on changes it.
pub(crate) fn write_members<'a, O: Out, T>(
    out: &mut O,
    members: impl IntoIterator<Item = (&'a String, T)>,
    mut write: impl FnMut(&mut O, &str, T),
) {
    let mut members: Vec<_> = members.into_iter().collect();
    members.sort_unstable_by(|(a, _), (b, _)| a.encode_utf16().cmp(b.encode_utf16()));
    out.push("{");
    for (i, (name, value)) in members.into_iter().enumerate() {
        if i > 0 {
            out.push(",");
        }
        write_text(out, name);
        out.push(":");
        write(out, name, value);
    }
    out.push("}");
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn canonical(value: &Value) -> String {
        let out = jcs(value);
        let mut count = 0_usize;
        write_json(&mut count, value);
        assert_eq!(count, out.len(), "the counting pass and the writing pass differ");
        out
    }

    #[test]
    fn members_are_sorted_by_utf16_units_and_not_by_bytes() {
        // U+1F600 is D83D DE00 in UTF-16 and so comes before U+FB33, though its code point is larger.
        let value = json!({"\u{fb33}": 1, "\u{1f600}": 2, "b": 3, "a": 4});
        assert_eq!(canonical(&value), "{\"a\":4,\"b\":3,\"\u{1f600}\":2,\"\u{fb33}\":1}");
    }

    #[test]
    fn what_a_double_cannot_hold_stands_as_a_decimal_string() {
        let value = json!([
            9_007_199_254_740_991_u64,
            9_007_199_254_740_992_u64,
            -9_007_199_254_740_991_i64,
            -9_007_199_254_740_993_i64,
            u64::MAX,
            1.5
        ]);
        assert_eq!(
            canonical(&value),
            "[9007199254740991,\"9007199254740992\",-9007199254740991,\"-9007199254740993\",\"18446744073709551615\",\"1.5\"]"
        );
    }

    #[test]
    fn strings_are_escaped_as_little_as_the_rfc_allows() {
        assert_eq!(
            canonical(&json!("\u{8}\t\n\u{c}\r\u{1f}\"\\/\u{7f}é\u{2028}")),
            "\"\\b\\t\\n\\f\\r\\u001f\\\"\\\\/\u{7f}é\u{2028}\""
        );
    }
}
