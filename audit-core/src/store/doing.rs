//! What is being done with a database: what errors of it say.

use std::fmt;
use std::sync::Arc;

use super::{StoreError, StoreErrorKind};

/// What an error of the database means to those who use a log, and what to do about it. The kind that is
/// given is the answer where the database refuses the data.
pub(super) type Meaning = fn(&sqlx::Error, StoreErrorKind) -> (StoreErrorKind, &'static str);

/// Something that is being done with a database.
#[derive(Debug, Clone)]
pub(super) struct Doing {
    what: String,
    database: Arc<str>,
    meaning: Meaning,
}

impl Doing {
    pub(super) fn new(what: impl Into<String>, database: &Arc<str>, meaning: Meaning) -> Self {
        Self { what: what.into(), database: Arc::clone(database), meaning }
    }

    /// The error for a failed statement in which no data of the caller's can be at fault: where a
    /// constraint or a trigger refuses it, the tables are not what they were.
    pub(super) fn failed(&self, error: sqlx::Error) -> StoreError {
        self.refused_as(StoreErrorKind::Damaged, error)
    }

    /// The error for a failed statement that carries data of the caller's: where a constraint or a
    /// trigger refuses it, that data is refused.
    pub(super) fn rejected(&self, error: sqlx::Error) -> StoreError {
        self.refused_as(StoreErrorKind::Rejected, error)
    }

    /// The error for something that should not be found in the tables.
    pub(super) fn damaged(&self, what: &str) -> StoreError {
        StoreError::new(StoreErrorKind::Damaged, format!("{self}: {what}"))
    }

    /// The error for a database that this version cannot use; `what` says what to do.
    pub(super) fn incompatible(&self, what: &str) -> StoreError {
        StoreError::new(StoreErrorKind::Incompatible, format!("{self}: {what}"))
    }

    /// The error for a server that does not answer.
    #[cfg(feature = "postgres")]
    pub(super) fn late(&self) -> StoreError {
        StoreError::new(StoreErrorKind::Unavailable, format!("{self}: the server does not answer"))
    }

    /// Says of an error made elsewhere what was being done.
    pub(super) fn because(&self, error: StoreError) -> StoreError {
        StoreError::new(error.kind(), self.to_string()).caused_by(error)
    }

    fn refused_as(&self, refused: StoreErrorKind, error: sqlx::Error) -> StoreError {
        let (kind, advice) = (self.meaning)(&error, refused);
        StoreError::new(kind, format!("{self}{advice}")).caused_by(error)
    }
}

impl fmt::Display for Doing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in {}", self.what, self.database)
    }
}
