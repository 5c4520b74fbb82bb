//! What was signed of a log, kept beside it.

use chrono::{DateTime, Utc};

use super::{StoreError, StoreErrorKind};
use crate::merkle::Hash;
use crate::note::SignedNote;

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
    /// What is to be kept beside the one of this size that is there already, of which this is the root and the note: this one, with the
    /// signatures that only the other has. Nothing where this has none that the other lacks; the time of a cosignature is no
    /// difference.
    ///
    /// # Errors
    /// [`Rejected`](StoreErrorKind::Rejected) where that one has another root: a log has one at each size.
    pub fn added_to(&self, there: Option<(Hash, &str)>) -> Result<Option<Self>, StoreError> {
        let Some((root, there)) = there else {
            return Ok(Some(self.clone()));
        };
        if root != self.root {
            let (size, other) = (self.size, self.root);
            let what = format!("at {size} entries the root {root} is kept, and not {other}");
            return Err(StoreError::new(StoreErrorKind::Rejected, what));
        }
        // Who can write there can put anything there; it is in no note's way.
        let notes = (self.note.parse::<SignedNote>(), there.parse::<SignedNote>());
        Ok(match notes {
            (Ok(note), Ok(there)) => note
                .adds_to(&there)
                .then(|| Self { note: note.joined(&there).to_string(), ..self.clone() }),
            _ => (self.note != there).then(|| self.clone()),
        })
    }
}

/// That a checkpoint was handed to somebody outside, so that whoever looks for it knows where.
///
/// It is a list and no proof: what stands there does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Anchor {
    /// Where it was brought: a folder, a URL. No secret stands in it.
    pub place: String,
    /// How many entries the log had.
    pub size: u64,
    /// The root of the tree over them.
    pub root: Hash,
    /// When it was brought there, in microseconds.
    pub at: DateTime<Utc>,
}
