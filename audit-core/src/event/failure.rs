//! Why an operation did not succeed.

use std::error::Error;
use std::fmt;

use super::text::{Altered, MAX_MESSAGE, MAX_STACK, MAX_WORD, line, paragraph, shown};

/// What went wrong: a text (personal), and optionally a code, a kind and a stack trace (personal).
///
/// ```
/// use audit_core::ErrorInfo;
/// let error = ErrorInfo::new("the card was refused").code("card.refused").kind("payment");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ErrorInfo {
    pub(crate) code: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) kind: Option<String>,
    pub(crate) stack: Option<String>,
    pub(crate) altered: Altered,
}

/// Without what is personal.
impl fmt::Debug for ErrorInfo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ErrorInfo")
            .field("code", &self.code)
            .field("kind", &self.kind)
            .finish_non_exhaustive()
    }
}

impl ErrorInfo {
    /// An error with its text.
    #[must_use]
    pub fn new(message: impl Into<String>) -> Self {
        let mut error = Self::untold();
        error.message = Some(paragraph(message, MAX_MESSAGE, "/error/message", &mut error.altered));
        error
    }

    /// An error with its text and those of its sources, each once: see [`error_text`].
    #[must_use]
    pub fn of(error: &(impl Error + ?Sized)) -> Self {
        Self::new(error_text(error))
    }

    /// An error that has no text.
    #[must_use]
    pub fn untold() -> Self {
        Self { code: None, message: None, kind: None, stack: None, altered: Vec::new() }
    }

    /// A stable code that programs can compare.
    #[must_use]
    pub fn code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(line(code, MAX_WORD, "/error/code", &mut self.altered));
        self
    }

    /// What kind of error: `panic`, `timeout`, the name of a type.
    #[must_use]
    pub fn kind(mut self, kind: impl Into<String>) -> Self {
        self.kind = Some(line(kind, MAX_WORD, "/error/kind", &mut self.altered));
        self
    }

    /// Where in the code.
    #[must_use]
    pub fn stack(mut self, stack: impl Into<String>) -> Self {
        self.stack = Some(paragraph(stack, MAX_STACK, "/error/stack", &mut self.altered));
        self
    }
}

/// The longest chain of error sources that is followed, against one that never ends.
const MAX_SOURCES: usize = 32;

/// An error's text and those of its sources, in one line and each once: many errors end with the text of
/// their source.
///
/// ```
/// let error = std::io::Error::other("the disk is full");
/// assert_eq!(audit_core::event::error_text(&error), "the disk is full");
/// ```
#[must_use]
pub fn error_text(error: &(impl Error + ?Sized)) -> String {
    let mut joined = shown(error);
    let mut source = error.source();
    for _ in 0..MAX_SOURCES {
        let Some(error) = source else { break };
        let text = shown(error);
        if !ends_with(&joined, &text) {
            joined.push_str(": ");
            joined.push_str(&text);
        }
        source = error.source();
    }
    joined
}

/// Whether a text ends with another, which does not begin inside a word.
fn ends_with(text: &str, end: &str) -> bool {
    text.strip_suffix(end)
        .is_some_and(|before| end.is_empty() || !before.ends_with(char::is_alphanumeric))
}
