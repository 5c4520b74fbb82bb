//! What can be wrong with a store.

use std::error::Error;

use crate::event::error_text;

/// A store that could not do what it was asked to.
///
/// The text says what was being done; [`source`](Error::source) is the database's own error.
#[derive(Debug, thiserror::Error)]
#[error("{doing}")]
pub struct StoreError {
    kind: StoreErrorKind,
    doing: String,
    source: Option<Box<dyn Error + Send + Sync>>,
}

/// Who must act on a [`StoreError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// Nobody, perhaps: the database is busy, out of reach, full or read-only. Trying again can help.
    Unavailable,
    /// Nobody, perhaps: another transaction holds the only write lock of the database for too long. It may
    /// be one of the caller's own.
    Locked,
    /// The author of the data, or of a rule in the database: this data is refused, again and again.
    Rejected,
    /// The security officer: the log is not what it was.
    Damaged,
    /// The security officer: the log is quarantined or frozen, and takes no entries.
    Closed,
    /// The operator: the database does not let this user in, or not do this.
    Denied,
    /// The operator: this is no database, or one of another version of this library.
    Incompatible,
}

impl StoreError {
    /// An error with a text that says what was being done, and where.
    #[must_use]
    pub fn new(kind: StoreErrorKind, doing: impl Into<String>) -> Self {
        Self { kind, doing: doing.into(), source: None }
    }

    /// The same, with what caused it.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Who must act.
    #[must_use]
    pub fn kind(&self) -> StoreErrorKind {
        self.kind
    }
}

/// What a store answered, or what is wrong with its content: that is for a finding. Errors are left for
/// what has nothing to do with the content.
pub(crate) fn content<T>(answer: Result<T, StoreError>) -> Result<Result<T, String>, StoreError> {
    match answer {
        Err(error) if error.kind() == StoreErrorKind::Damaged => Ok(Err(error_text(&error))),
        answer => answer.map(Ok),
    }
}
