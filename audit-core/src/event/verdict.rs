//! How an operation ended, told from what it returned.

use std::convert::Infallible;
use std::error::Error;
use std::sync::Arc;

use super::failure::ErrorInfo;
use super::words::Outcome;

/// What a returned value says about the outcome.
///
/// ```
/// use audit_core::{ErrorInfo, Outcome, Verdict};
/// let verdict = Verdict::denied(ErrorInfo::new("only approvers may").code("role.missing"));
/// assert_eq!(verdict.outcome(), Outcome::Denied);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    pub(crate) outcome: Outcome,
    pub(crate) error: Option<ErrorInfo>,
}

impl Verdict {
    /// It did what was asked.
    #[must_use]
    pub fn success() -> Self {
        Self { outcome: Outcome::Success, error: None }
    }

    /// It did not succeed.
    #[must_use]
    pub fn failure(error: ErrorInfo) -> Self {
        Self { outcome: Outcome::Failure, error: Some(error) }
    }

    /// The actor was not allowed to.
    #[must_use]
    pub fn denied(error: ErrorInfo) -> Self {
        Self { outcome: Outcome::Denied, error: Some(error) }
    }

    /// How it ended.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.outcome
    }
}

/// A return type of the application's own that says how the operation ended.
///
/// `#[audited]` asks it of what a function returns; without it, all but `Err` and `None` is a success. What
/// [`audited`](fn@crate::audited) wraps must have it. Of a `Result` only the error is asked ([`AuditError`]): whatever is in `Ok` is a success, as
/// `Ok(None)` is.
///
/// ```
/// use audit_core::{Classify, ErrorInfo, Verdict, audited};
///
/// enum Decision { Approved, Refused(String) }
///
/// impl Classify for Decision {
///     fn classify(&self) -> Verdict {
///         match self {
///             Self::Approved => Verdict::success(),
///             Self::Refused(why) => Verdict::denied(ErrorInfo::new(why)),
///         }
///     }
/// }
///
/// #[audited(action = "loan.decide")]
/// async fn decide(score: u32) -> Decision {
///     if score > 600 { Decision::Approved } else { Decision::Refused(format!("score {score}")) }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say how the operation ended",
    label = "this does not say how the operation ended",
    note = "implement `audit_core::Classify` for it, or `audit_core::AuditError` for the error in a `Result`",
    note = "or name a function that tells it from the value: `audit_core::audited_by(event, future, |value| ..)`"
)]
pub trait Classify {
    /// How the operation ended that returned this.
    fn classify(&self) -> Verdict;
}

/// An error of the application's own that says what stands of it in the entry: whether it is a denial, and
/// under which code.
///
/// Without it `#[audited]` takes the text of an error, with those of its sources, and the outcome `failure`.
/// What stands in the entry must not be a secret.
///
/// ```
/// use audit_core::{AuditError, ErrorInfo, Verdict};
///
/// #[derive(Debug, thiserror::Error)]
/// enum AppError {
///     #[error("only approvers may approve")]
///     NotAllowed,
///     #[error("the database does not answer")]
///     Database(#[source] std::io::Error),
/// }
///
/// impl AuditError for AppError {
///     fn verdict(&self) -> Verdict {
///         match self {
///             Self::NotAllowed => Verdict::denied(ErrorInfo::of(self).code("role.missing")),
///             Self::Database(_) => Verdict::failure(ErrorInfo::of(self).code("database")),
///         }
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "the error `{Self}` does not say what stands of it in the audit log",
    label = "`audit_core::AuditError` is not implemented for this error",
    note = "implement it, or name a function that tells the outcome: `audit_core::audited_by(event, future, |result| ..)`"
)]
pub trait AuditError {
    /// How the operation ended that failed with this.
    fn verdict(&self) -> Verdict;
}

impl<T, E: AuditError> Classify for Result<T, E> {
    fn classify(&self) -> Verdict {
        match self {
            Ok(_) => Verdict::success(),
            Err(error) => error.verdict(),
        }
    }
}

impl<T> Classify for Option<T> {
    fn classify(&self) -> Verdict {
        match self {
            Some(_) => Verdict::success(),
            None => Verdict::failure(ErrorInfo::untold().kind("none")),
        }
    }
}

macro_rules! always_successes {
    ($($value:ty)+) => {
        $(impl Classify for $value {
            fn classify(&self) -> Verdict {
                Verdict::success()
            }
        })+
    };
}

always_successes! { () bool char u8 u16 u32 u64 u128 usize i8 i16 i32 i64 i128 isize f32 f64 String &str }

impl<T> Classify for Vec<T> {
    fn classify(&self) -> Verdict {
        Verdict::success()
    }
}

macro_rules! errors {
    ($($error:ty)+) => {
        $(impl AuditError for $error {
            fn verdict(&self) -> Verdict {
                Verdict::failure(ErrorInfo::of(self))
            }
        })+
    };
}

errors! {
    std::io::Error std::fmt::Error std::num::ParseIntError std::num::ParseFloatError std::num::TryFromIntError
    std::str::Utf8Error std::string::FromUtf8Error Infallible serde_json::Error tokio::time::error::Elapsed
    tokio::task::JoinError
}
#[cfg(any(feature = "sqlite", feature = "postgres"))]
errors! { sqlx::Error }

macro_rules! error_pointers {
    ($($error:ty)+) => {
        $(impl<'e> AuditError for Box<$error> {
            fn verdict(&self) -> Verdict {
                Verdict::failure(ErrorInfo::of(&**self))
            }
        })+
    };
}

error_pointers! { dyn Error + 'e dyn Error + Send + 'e dyn Error + Send + Sync + 'e }

macro_rules! own_error_pointers {
    ($($pointer:ident)+) => {
        $(impl<E: AuditError> AuditError for $pointer<E> {
            fn verdict(&self) -> Verdict {
                E::verdict(self)
            }
        })+
    };
}

own_error_pointers! { Box Arc }

macro_rules! error_texts {
    ($($text:ty)+) => {
        $(impl AuditError for $text {
            fn verdict(&self) -> Verdict {
                Verdict::failure(ErrorInfo::new(self.to_owned()))
            }
        })+
    };
}

error_texts! { String &str }
