//! Texts that mostly are short, such as ids: those need no memory of their own.

use std::fmt::{self, Display, Write};
use std::ops::Deref;

/// The longest text that has room in place: a UUID has 36 bytes.
const NEAR: usize = 38;

/// A text, in place if it is short.
#[derive(Clone)]
pub(crate) enum Short {
    Near { bytes: [u8; NEAR], used: u8 },
    Far(String),
}

impl Short {
    /// What a value looks like.
    pub(crate) fn of(value: &(impl Display + ?Sized)) -> Self {
        let mut text = Self::Near { bytes: [0; NEAR], used: 0 };
        // A value that fails to show itself is shown as far as it came.
        let _ = write!(text, "{value}");
        text
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Near { bytes, used } => bytes.get(..usize::from(*used)).unwrap_or_default(),
            Self::Far(text) => text.as_bytes(),
        }
    }
}

impl Write for Short {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        match self {
            Self::Far(text) => text.push_str(more),
            Self::Near { bytes, used } => {
                let (start, end) = (usize::from(*used), usize::from(*used) + more.len());
                match (bytes.get_mut(start..end), u8::try_from(end)) {
                    (Some(room), Ok(end)) => {
                        room.copy_from_slice(more.as_bytes());
                        *used = end;
                    }
                    _ => *self = Self::Far([&**self, more].concat()),
                }
            }
        }
        Ok(())
    }
}

impl Deref for Short {
    type Target = str;

    fn deref(&self) -> &str {
        match self {
            // Whole texts were written there, and no others.
            Self::Near { .. } => str::from_utf8(self.bytes()).unwrap_or_default(),
            Self::Far(text) => text,
        }
    }
}

impl PartialEq for Short {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Short {}

impl fmt::Debug for Short {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&**self, f)
    }
}

impl From<Short> for String {
    fn from(text: Short) -> Self {
        match text {
            Short::Far(text) => text,
            Short::Near { .. } => (*text).to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_the_same_wherever_it_stands() {
        for length in [0, 1, NEAR - 1, NEAR, NEAR + 1, 300] {
            let text = "ä".repeat(length / 2) + &"x".repeat(length % 2);
            let mut parts = Short::of("");
            text.chars().for_each(|c| parts.write_char(c).unwrap());
            assert_eq!((&*parts, &*Short::of(&text)), (&*text, &*text));
            assert_eq!((parts == Short::of(&text), String::from(parts)), (true, text));
        }
    }

    #[test]
    fn only_a_long_text_takes_memory_of_its_own() {
        let is_near = |length| matches!(Short::of(&"x".repeat(length)), Short::Near { .. });
        assert!(is_near(NEAR) && !is_near(NEAR + 1));
    }
}
