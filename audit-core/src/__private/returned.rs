//! What a returned value says about the outcome.
//!
//! The generated code cannot know the type that it holds, so it asks by method resolution:
//! `(&&&&&&&Returned(&value)).audit_verdict()` finds the first of the traits below that fits, since each is
//! implemented one reference further in than the one above it. The generated code imports this
//! module's names, and only there.

use std::error::Error;
use std::fmt::Display;
use std::ops::Deref;

use crate::event::{Classify, ErrorInfo, Verdict, shown};

/// A value that an audited function returned.
#[derive(Debug)]
pub struct Returned<'a, T: ?Sized>(pub &'a T);

/// A value that says itself how the call went: one of the user's, or a `Result` with such an error.
pub trait OfClassified {
    /// How the call went.
    fn audit_verdict(&self) -> Verdict;
}

impl<T: Classify> OfClassified for &&&&&&Returned<'_, T> {
    fn audit_verdict(&self) -> Verdict {
        self.0.classify()
    }
}

/// `Result` whose error is a `std::error::Error`.
pub trait OfError {
    /// How the call went.
    fn audit_verdict(&self) -> Verdict;
}

impl<T, E: Error> OfError for &&&&&Returned<'_, Result<T, E>> {
    fn audit_verdict(&self) -> Verdict {
        verdict(self.0, |error| ErrorInfo::of(error))
    }
}

/// `Result` whose error points to a `std::error::Error`, as `Box<dyn Error>` does.
pub trait OfErrorPointer {
    /// How the call went.
    fn audit_verdict(&self) -> Verdict;
}

impl<T, E: Deref<Target: Error>> OfErrorPointer for &&&&Returned<'_, Result<T, E>> {
    fn audit_verdict(&self) -> Verdict {
        verdict(self.0, |error| ErrorInfo::of(&**error))
    }
}

/// `Result` whose error can be shown.
pub trait OfDisplay {
    /// How the call went.
    fn audit_verdict(&self) -> Verdict;
}

impl<T, E: Display> OfDisplay for &&&Returned<'_, Result<T, E>> {
    fn audit_verdict(&self) -> Verdict {
        verdict(self.0, |error| ErrorInfo::new(shown(error)))
    }
}

/// Any other `Result`.
pub trait OfResult {
    /// How the call went.
    fn audit_verdict(&self) -> Verdict;
}

impl<T, E> OfResult for &&Returned<'_, Result<T, E>> {
    fn audit_verdict(&self) -> Verdict {
        verdict(self.0, |_| ErrorInfo::untold())
    }
}

/// A future, which has not even begun: an error in how the attribute is used.
pub trait OfFuture {
    /// The future.
    type Future;

    /// Never asked. The bound is the method's own: that of the trait would only be passed over.
    fn audit_verdict(&self) -> Verdict
    where
        Self::Future: SeenAsFuture;
}

impl<T: Future> OfFuture for &Returned<'_, T> {
    type Future = T;

    fn audit_verdict(&self) -> Verdict
    where
        T: SeenAsFuture,
    {
        Verdict::success()
    }
}

/// What no future is.
#[diagnostic::on_unimplemented(
    message = "this function returns a future, which `#[audited]` cannot see by the name of its type",
    label = "the call would be recorded before its future has run",
    note = "make it an `async fn`, or return `impl Future<Output = ..>`, `Pin<Box<dyn Future<Output = ..>>>` or \
            `BoxFuture<'_, ..>`"
)]
pub trait SeenAsFuture {}

/// Any other value.
pub trait OfValue {
    /// How the call went.
    fn audit_verdict(&self) -> Verdict;
}

impl<T: ?Sized> OfValue for Returned<'_, T> {
    fn audit_verdict(&self) -> Verdict {
        Verdict::success()
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

fn verdict<T, E>(returned: &Result<T, E>, error: impl FnOnce(&E) -> ErrorInfo) -> Verdict {
    match returned {
        Ok(_) => Verdict::success(),
        Err(failed) => Verdict::failure(error(failed)),
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error;
    use std::fmt;

    use super::*;
    use crate::event::{AuditError, error_text};

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

    #[derive(Debug)]
    struct NotAllowed;

    impl fmt::Display for NotAllowed {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("not allowed")
        }
    }

    impl Error for NotAllowed {}

    impl AuditError for NotAllowed {
        fn verdict(&self) -> Verdict {
            Verdict::denied(ErrorInfo::of(self).code("role.missing"))
        }
    }

    struct Page(u16);

    impl Classify for Page {
        fn classify(&self) -> Verdict {
            match self.0 {
                200 => Verdict::success(),
                status => Verdict::failure(ErrorInfo::new(status.to_string())),
            }
        }
    }

    // As the generated code asks.
    macro_rules! verdict {
        ($returned:expr) => {
            (&&&&&&&Returned($returned)).audit_verdict()
        };
    }

    fn failed(message: &str) -> Verdict {
        Verdict::failure(ErrorInfo::new(message))
    }

    #[test]
    fn each_type_finds_its_own_verdict() {
        let error = Err::<(), _>(layers("a", &["b"]));
        assert_eq!(verdict!(&error), failed("a: b"));

        let boxed: Result<(), Box<dyn Error + Send + Sync>> = Err(Box::new(layers("a", &["b"])));
        assert_eq!(verdict!(&boxed), failed("a: b"));

        let shared: Result<(), std::sync::Arc<Layer>> = Err(layers("a", &["b"]).into());
        assert_eq!(verdict!(&shared), failed("a: b"));

        let shown = Err::<(), _>(std::borrow::Cow::Borrowed("a"));
        assert_eq!(verdict!(&shown), failed("a"));

        let opaque = Err::<(), _>(Opaque);
        assert_eq!(verdict!(&opaque), Verdict::failure(ErrorInfo::untold()));

        let fine = Ok::<_, Layer>(Opaque);
        assert_eq!(verdict!(&fine), Verdict::success());
        assert_eq!(verdict!(&Some(1)), Verdict::success());
        assert_eq!(verdict!(&None::<Opaque>), Verdict::failure(ErrorInfo::untold().kind("none")));
        assert_eq!(verdict!("text"), Verdict::success());
        assert_eq!(verdict!(&Opaque), Verdict::success());

        let denied = Verdict::denied(ErrorInfo::new("not allowed").code("role.missing"));
        assert_eq!(verdict!(&Err::<Opaque, _>(NotAllowed)), denied);
        assert_eq!(verdict!(&Err::<Opaque, _>(Box::new(NotAllowed))), denied);
        assert_eq!(verdict!(&Err::<Opaque, _>(std::sync::Arc::new(NotAllowed))), denied);
        assert_eq!(verdict!(&Ok::<Opaque, NotAllowed>(Opaque)), Verdict::success());
        assert_eq!(verdict!(&Page(200)), Verdict::success());
        assert_eq!(verdict!(&Page(404)), failed("404"));
    }
}
