//! What is wrong with an attribute, and how it is told.
//!
//! All mistakes are collected and reported in one compile: whoever writes an attribute should not
//! have to build once per mistake.

use std::fmt::Display;

use proc_macro2::TokenStream;
use quote::ToTokens;

/// The longest action name, in bytes.
const MAX_ACTION: usize = 128;

/// The longest prefix of actions, in bytes: a dot and a letter must have room behind it.
const MAX_PREFIX: usize = MAX_ACTION - 2;

/// The longest resource type, in bytes.
const MAX_RESOURCE: usize = 64;

/// The longest category, in bytes.
const MAX_WORD: usize = 64;

/// The first segment of the actions that the log records about itself.
const RESERVED: &str = "audit";

/// The mistakes found so far.
#[derive(Default)]
pub(crate) struct Errors(Option<syn::Error>);

impl Errors {
    /// Keeps a mistake, shown under exactly these tokens.
    pub(crate) fn at(&mut self, tokens: impl ToTokens, message: impl Display) {
        self.push(syn::Error::new_spanned(tokens, message));
    }

    /// Keeps a mistake that has its place already.
    pub(crate) fn push(&mut self, error: syn::Error) {
        match &mut self.0 {
            Some(earlier) => earlier.combine(error),
            None => self.0 = Some(error),
        }
    }

    /// One `compile_error!` per mistake, or `None` if there was none.
    pub(crate) fn into_compile_errors(self) -> Option<TokenStream> {
        self.0.map(|errors| errors.into_compile_error())
    }
}

/// Checks the name of an action; the error is a sentence for the user.
pub(crate) fn check_action(name: &str) -> Result<(), String> {
    if name.split('.').next() == Some(RESERVED) {
        return Err(format!(
            "the action `{name}` is one of the log's own: choose a name that does not begin with \
             `{RESERVED}`"
        ));
    }
    check_name("action", name, MAX_ACTION, "invoice.approve")
}

/// Checks what the names of several actions begin with; the error is a sentence for the user.
pub(crate) fn check_prefix(prefix: &str) -> Result<(), String> {
    if prefix.split('.').next() == Some(RESERVED) {
        return Err(format!(
            "actions that begin with `{RESERVED}` are the log's own: choose another prefix"
        ));
    }
    check_name("prefix", prefix, MAX_PREFIX, "invoice")
}

/// Checks what stands behind the prefix, or the name of an action where there is none.
pub(crate) fn check_part(name: &str) -> Result<(), String> {
    check_name("action", name, MAX_ACTION, "approve")
}

/// Checks a category; the error is a sentence for the user.
pub(crate) fn check_category(text: &str) -> Result<(), String> {
    check_word("category", text)
}

/// Checks a tag; the error is a sentence for the user.
pub(crate) fn check_tag(text: &str) -> Result<(), String> {
    check_word("tag", text)
}

/// Checks the name of a label or of a member of the metadata; the error is a sentence for the user.
pub(crate) fn check_key(text: &str) -> Result<(), String> {
    check_word("name", text)
}

/// Checks a retention class; the error is a sentence for the user.
pub(crate) fn check_retention(class: &str) -> Result<(), String> {
    if class == RESERVED {
        return Err(format!("the retention class `{RESERVED}` is the log's own: choose another"));
    }
    if class.contains('.') {
        return Err(format!("the retention class `{class}` has a dot: write it without"));
    }
    check_name("retention class", class, MAX_WORD, "finance")
}

/// Checks a text that passes for most that people write.
pub(crate) fn check_any(_: &str) -> Result<(), String> {
    Ok(())
}

fn check_word(what: &str, text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err(format!("the {what} is empty: name one, or remove this"));
    }
    if text.len() > MAX_WORD {
        return Err(format!(
            "the {what} is {} bytes long: shorten it to at most {MAX_WORD}",
            text.len()
        ));
    }
    if text.contains(char::is_control) {
        return Err(format!(
            "the {what} `{}` has a control character: remove it",
            text.escape_debug()
        ));
    }
    Ok(())
}

/// Checks the type of a resource; the error is a sentence for the user.
pub(crate) fn check_resource(name: &str) -> Result<(), String> {
    check_name("resource", name, MAX_RESOURCE, "invoice")
}

fn check_name(what: &str, name: &str, longest: usize, example: &str) -> Result<(), String> {
    if name.len() > longest {
        return Err(format!(
            "the {what} is {} bytes long: shorten it to at most {longest}",
            name.len()
        ));
    }
    if name.split('.').all(is_segment) {
        return Ok(());
    }
    Err(format!(
        "`{}` is not a name for the {what}: write parts separated by dots, each a lower-case letter \
         and then lower-case letters, digits or `_`, as in `{example}`",
        name.escape_debug()
    ))
}

fn is_segment(segment: &str) -> bool {
    segment.starts_with(|first: char| first.is_ascii_lowercase())
        && segment.chars().all(|c| matches!(c, 'a'..='z' | '0'..='9' | '_'))
}

#[cfg(test)]
mod tests {
    use super::{check_action, check_category, check_part, check_prefix, check_resource};

    #[test]
    fn names_of_lower_case_segments_pass() {
        let longest = "a".repeat(128);
        for name in ["a", "invoice.approve", "a1_.b_2.c", "auditor.add", "x.audit", &longest] {
            assert_eq!(check_action(name), Ok(()), "{name}");
        }
        assert_eq!(check_resource(&"r".repeat(64)), Ok(()));
        assert_eq!(check_resource("billing.invoice"), Ok(()));
        assert_eq!(check_resource("audit"), Ok(()));
        assert_eq!(check_prefix("billing.invoice"), Ok(()));
        assert_eq!(check_prefix(&"a".repeat(126)), Ok(()));
        assert_eq!(check_part("audit"), Ok(()));
    }

    #[test]
    fn a_category_is_a_short_text_of_any_letters() {
        assert_eq!(check_category("Érd & Co."), Ok(()));
        assert_eq!(check_category(&"é".repeat(32)), Ok(()));
        for text in ["", "a\nb", "a\u{9b}", &"a".repeat(65)] {
            assert!(check_category(text).is_err(), "{text}");
        }
    }

    #[test]
    fn other_names_are_refused() {
        let too_long = "a".repeat(129);
        for name in [
            "",
            ".",
            "a.",
            ".a",
            "a..b",
            "A",
            "a.B",
            "1a",
            "_a",
            "a.1",
            "a-b",
            "a b",
            "é",
            "a\n",
            "audit",
            "audit.start",
            &too_long,
        ] {
            assert!(check_action(name).is_err(), "{name}");
        }
        for name in ["", "a.", "audit", "audit.log", &"a".repeat(127)] {
            assert!(check_prefix(name).is_err(), "{name}");
        }
        assert!(check_part("In Full").is_err());
        assert!(check_resource("Invoice").is_err());
        assert!(check_resource(&"r".repeat(65)).is_err());
    }
}
