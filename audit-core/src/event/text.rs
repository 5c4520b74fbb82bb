//! Texts and names that come from outside: what is cut, what is scrubbed, what is refused.

use std::fmt::{Display, Write as _};

use super::EventError;

/// Longest identifier (of an actor, a resource, a request, an operation) in bytes.
pub const MAX_ID: usize = 256;
/// Longest name (of an actor, a resource, a service, a role, a host) in bytes.
pub const MAX_NAME: usize = 256;
/// Longest tag, label key or category in bytes.
pub const MAX_WORD: usize = 64;
/// Longest message, reason or error message in bytes.
pub const MAX_MESSAGE: usize = 4_096;
/// Longest stack trace in bytes.
pub const MAX_STACK: usize = 16_384;
/// Longest user agent in bytes.
pub const MAX_USER_AGENT: usize = 512;
/// Longest action name in bytes.
pub const MAX_ACTION: usize = 128;
/// Most tags, labels, roles or links of an `on_behalf_of` chain in one event; more are left out.
pub const MAX_ITEMS: usize = 32;

/// Pointers to the members that do not stand as they came: cut at their limit, or with unprintable
/// characters replaced by U+FFFD. They end in the event's `truncated`.
pub(crate) type Altered = Vec<&'static str>;

/// What a value looks like; one that fails to show itself, as far as it came: with `to_string` that is a panic, and whoever is recorded must
/// not panic for it.
pub(crate) fn shown(value: &(impl Display + ?Sized)) -> String {
    let mut text = String::new();
    let _ = write!(text, "{value}");
    text
}

/// Scrubs and cuts a one-line text, and notes under `pointer` if that changed it.
pub(crate) fn line(
    text: impl Into<String>,
    limit: usize,
    pointer: &'static str,
    altered: &mut Altered,
) -> String {
    cleaned(text.into(), limit, false, pointer, altered)
}

/// The same for a text that may have line breaks and tabs.
pub(crate) fn paragraph(
    text: impl Into<String>,
    limit: usize,
    pointer: &'static str,
    altered: &mut Altered,
) -> String {
    cleaned(text.into(), limit, true, pointer, altered)
}

fn cleaned(
    mut text: String,
    limit: usize,
    breaks: bool,
    pointer: &'static str,
    altered: &mut Altered,
) -> String {
    let mut changed = false;
    if text.len() > limit {
        text.truncate(text.floor_char_boundary(limit));
        // What was cut off must not be kept in the queue.
        text.shrink_to_fit();
        changed = true;
    }
    if let Some(scrubbed) = scrubbed(&text, breaks) {
        text = scrubbed;
        // A control character is one byte, its replacement three.
        text.truncate(text.floor_char_boundary(limit));
        changed = true;
    }
    if changed {
        note(altered, pointer);
    }
    text
}

/// Notes that what is at a pointer does not stand as it came.
pub(crate) fn note(altered: &mut Altered, pointer: &'static str) {
    if !altered.contains(&pointer) {
        altered.push(pointer);
    }
}

/// The text with its control characters (C0, DEL, C1: what terminals obey and databases refuse)
/// replaced by U+FFFD; nothing where there is none.
pub(crate) fn scrubbed(text: &str, breaks: bool) -> Option<String> {
    if is_printable(text.as_bytes()) {
        return None;
    }
    let bad = |c: char| c.is_control() && !(breaks && matches!(c, '\n' | '\r' | '\t'));
    text.contains(bad).then(|| text.replace(bad, "\u{fffd}"))
}

/// Whether a text is of those that nearly all are: of ASCII, and without control characters.
pub(crate) fn is_printable(text: &[u8]) -> bool {
    // Without a way out half-way, all are looked at in one step.
    let are_printable =
        |bytes: &[u8; 16]| bytes.iter().fold(true, |all, byte| all & matches!(byte, b' '..=b'~'));
    match text.last_chunk() {
        // Those that fill no chunk of their own are looked at with the ones before them.
        Some(last) => text.as_chunks().0.iter().all(are_printable) && are_printable(last),
        None => {
            let mut few = [b' '; 16];
            few.iter_mut().zip(text).for_each(|(room, byte)| *room = *byte);
            are_printable(&few)
        }
    }
}

/// Checks the name of an action: `[a-z][a-z0-9_]*`, in segments with dots between them.
pub(crate) fn check_action(name: &str) -> Result<(), EventError> {
    let why = if name.len() > MAX_ACTION {
        "it is longer than 128 bytes"
    } else if !is_dotted(name) {
        "segments are `[a-z][a-z0-9_]*` with dots between them, as in `invoice.approve`"
    } else if is_reserved(name) {
        "`audit` is reserved for the log's own events"
    } else {
        return Ok(());
    };
    Err(EventError::Action { name: line(name, MAX_ACTION, "", &mut Vec::new()), why })
}

/// What is said of an action that a closed catalogue does not have.
pub(crate) fn unknown_action(name: &str) -> EventError {
    EventError::UnknownAction { name: line(name, MAX_ACTION, "", &mut Vec::new()) }
}

/// Checks the name of a retention class: one segment, and not the never-pruned class.
pub(crate) fn check_retention(class: &str) -> Result<(), EventError> {
    if is_segment(class) && class.len() <= MAX_WORD && !is_reserved(class) {
        return Ok(());
    }
    Err(EventError::Retention { class: line(class, MAX_WORD, "", &mut Vec::new()) })
}

/// Whether an action is one of the log's own.
pub(crate) fn is_reserved(name: &str) -> bool {
    name == "audit" || name.starts_with("audit.")
}

/// Whether a name is of segments with dots between them. In one pass, as each event's is looked at.
fn is_dotted(name: &str) -> bool {
    let mut begins = true;
    for byte in name.bytes() {
        begins = match byte {
            b'a'..=b'z' => false,
            b'0'..=b'9' | b'_' if !begins => false,
            b'.' if !begins => true,
            _ => return false,
        };
    }
    !begins
}

fn is_segment(segment: &str) -> bool {
    segment.starts_with(|c: char| c.is_ascii_lowercase())
        && segment.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_cut_between_characters_and_the_cut_is_noted_once() {
        let mut altered = Vec::new();
        assert_eq!(line("äöü", 5, "/x", &mut altered), "äö");
        assert_eq!(line("äöü", 5, "/x", &mut altered), "äö");
        assert_eq!(altered, ["/x"]);
    }

    #[test]
    fn control_characters_are_replaced_and_never_lengthen_a_text_past_its_limit() {
        let mut altered = Vec::new();
        assert_eq!(
            line("a\0\u{1b}[31m\u{9b}b", 64, "/x", &mut altered),
            "a\u{fffd}\u{fffd}[31m\u{fffd}b"
        );
        assert!(line("\0".repeat(64), 64, "/x", &mut altered).len() <= 64);
        assert_eq!(paragraph("a\n\tb\0", 64, "/y", &mut altered), "a\n\tb\u{fffd}");
        assert_eq!(altered, ["/x", "/y"]);
    }

    #[test]
    fn an_action_is_lower_case_segments_outside_the_reserved_name() {
        for good in ["login", "invoice.approve", "a1_b.c2", "auditor.read"] {
            assert_eq!(check_action(good), Ok(()), "{good}");
        }
        for bad in [
            "",
            ".",
            "a.",
            ".a",
            "a..b",
            "Invoice.approve",
            "1a",
            "_a",
            "a._b",
            "a.1b",
            "a b",
            "audit",
            "audit.gap",
            "ä",
        ] {
            assert!(check_action(bad).is_err(), "{bad}");
        }
        assert!(check_action(&"a".repeat(129)).is_err());
    }
}
