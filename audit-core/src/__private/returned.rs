//! What a returned value says about the outcome.
//!
//! The generated code cannot know the type that it holds, so it asks by method resolution:
//! `(&&&&&Returned(&value)).verdict()` finds the first of the traits below that fits, since each is
//! implemented one reference further in than the one above it. The generated code imports this
//! module's names, and only there.

use std::error::Error;
use std::fmt::Display;
use std::ops::Deref;

use crate::event::error_text;

/// A value that an audited function returned.
#[derive(Debug)]
pub struct Returned<'a, T: ?Sized>(pub &'a T);

/// How the call went, as far as the returned value tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Not an error.
    Success,
    /// An error.
    Failure {
        /// Its text, with its sources', if it has one.
        message: Option<String>,
    },
}

/// `Result` whose error is a `std::error::Error`.
pub trait OfError {
    /// How the call went.
    fn verdict(&self) -> Verdict;
}

impl<T, E: Error> OfError for &&&&Returned<'_, Result<T, E>> {
    fn verdict(&self) -> Verdict {
        verdict(self.0, |error| Some(error_text(error)))
    }
}

/// `Result` whose error points to a `std::error::Error`, as `Box<dyn Error>` does.
pub trait OfErrorPointer {
    /// How the call went.
    fn verdict(&self) -> Verdict;
}

impl<T, E: Deref<Target: Error>> OfErrorPointer for &&&Returned<'_, Result<T, E>> {
    fn verdict(&self) -> Verdict {
        verdict(self.0, |error| Some(error_text(&**error)))
    }
}

/// `Result` whose error can be shown.
pub trait OfDisplay {
    /// How the call went.
    fn verdict(&self) -> Verdict;
}

impl<T, E: Display> OfDisplay for &&Returned<'_, Result<T, E>> {
    fn verdict(&self) -> Verdict {
        verdict(self.0, |error| Some(error.to_string()))
    }
}

/// Any other `Result`.
pub trait OfResult {
    /// How the call went.
    fn verdict(&self) -> Verdict;
}

impl<T, E> OfResult for &Returned<'_, Result<T, E>> {
    fn verdict(&self) -> Verdict {
        verdict(self.0, |_| None)
    }
}

/// Any other value.
pub trait OfValue {
    /// How the call went.
    fn verdict(&self) -> Verdict;
}

impl<T: ?Sized> OfValue for Returned<'_, T> {
    fn verdict(&self) -> Verdict {
        Verdict::Success
    }
}

/// A return type that has a success value.
#[diagnostic::on_unimplemented(
    message = "`resource_id_from` takes the id from the success value of a `Result`",
    label = "this return type has no success value",
    note = "return `Result<_, _>`, or use `resource_id`"
)]
pub trait Fallible {
    /// The success value.
    type Success;

    /// The success value, if this is one.
    fn success(&self) -> Option<&Self::Success>;
}

impl<T, E> Fallible for Result<T, E> {
    type Success = T;

    fn success(&self) -> Option<&T> {
        self.as_ref().ok()
    }
}

fn verdict<T, E>(returned: &Result<T, E>, message: impl FnOnce(&E) -> Option<String>) -> Verdict {
    match returned {
        Ok(_) => Verdict::Success,
        Err(error) => Verdict::Failure { message: message(error) },
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error;
    use std::fmt;

    use super::*;

    #[derive(Debug)]
    struct Layer(&'static str, Option<Box<Layer>>);

    impl fmt::Display for Layer {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }
    }

    impl Error for Layer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            self.1.as_deref().map(|source| -> &(dyn Error + 'static) { source })
        }
    }

    fn layers(first: &'static str, sources: &[&'static str]) -> Layer {
        let source =
            sources.iter().rev().fold(None, |source, text| Some(Box::new(Layer(text, source))));
        Layer(first, source)
    }

    #[test]
    fn sources_are_joined_once() {
        assert_eq!(error_text(&layers("a", &[])), "a");
        assert_eq!(error_text(&layers("a", &["b", "c"])), "a: b: c");
        assert_eq!(error_text(&layers("a: b: c", &["b: c", "c"])), "a: b: c");
        assert_eq!(error_text(&layers("a: b", &["b", "c"])), "a: b: c");
        assert_eq!(error_text(&layers("invalid", &["id"])), "invalid: id");
        assert_eq!(error_text(&layers("a", &[""])), "a");
    }

    #[derive(Debug)]
    struct Endless;

    impl fmt::Display for Endless {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("again")
        }
    }

    impl Error for Endless {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(self)
        }
    }

    #[test]
    fn an_error_that_is_its_own_source_ends() {
        assert_eq!(error_text(&Endless), "again");
    }

    struct Opaque;

    // As the generated code asks.
    macro_rules! verdict {
        ($returned:expr) => {
            (&&&&&Returned($returned)).verdict()
        };
    }

    fn failed(message: Option<&str>) -> Verdict {
        Verdict::Failure { message: message.map(str::to_owned) }
    }

    #[test]
    fn each_type_finds_its_own_verdict() {
        let error = Err::<(), _>(layers("a", &["b"]));
        assert_eq!(verdict!(&error), failed(Some("a: b")));

        let boxed: Result<(), Box<dyn Error + Send + Sync>> = Err(Box::new(layers("a", &["b"])));
        assert_eq!(verdict!(&boxed), failed(Some("a: b")));

        let shown = Err::<(), _>("a");
        assert_eq!(verdict!(&shown), failed(Some("a")));

        let opaque = Err::<(), _>(Opaque);
        assert_eq!(verdict!(&opaque), failed(None));

        let fine = Ok::<_, Layer>(Opaque);
        assert_eq!(verdict!(&fine), Verdict::Success);
        assert_eq!(verdict!(&Some(1)), Verdict::Success);
        assert_eq!(verdict!("text"), Verdict::Success);
    }
}
