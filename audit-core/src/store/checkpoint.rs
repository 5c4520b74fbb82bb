//! What was signed of a log, kept beside it.

use chrono::{DateTime, Utc};

use super::{StoreError, StoreErrorKind};
use crate::merkle::Hash;

/// A checkpoint of a log as it was signed and published, kept in the log's own database: to hand out with proofs, and
/// to compare with.
///
/// It proves nothing by itself. Whoever can change the database can change it, too; only its note does, to somebody who
/// has the keys from elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    /// How many entries the log had.
    pub size: u64,
    /// The root of the tree over them.
    pub root: Hash,
    /// The signed note, as text: [`SignedNote`](crate::note::SignedNote).
    pub note: String,
    /// When it was signed, by the signer's clock, in microseconds.
    pub signed_at: DateTime<Utc>,
}

impl SignedCheckpoint {
    /// Whether it says more than the one of this size that is there already, of which this is the root and the note.
    ///
    /// # Errors
    /// [`Rejected`](StoreErrorKind::Rejected) where that one has another root: a log has one at each size.
    pub fn adds_to(&self, there: Option<(Hash, &str)>) -> Result<bool, StoreError> {
        match there {
            Some((root, _)) if root != self.root => {
                let (size, other) = (self.size, self.root);
                let what = format!("at {size} entries the root {root} is kept, and not {other}");
                Err(StoreError::new(StoreErrorKind::Rejected, what))
            }
            there => Ok(there.is_none_or(|(_, note)| note != self.note)),
        }
    }
}
