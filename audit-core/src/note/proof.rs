//! That an entry is in a log, as a text that stands for itself.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::signed::{NoteError, SignedNote};
use super::{Policy, Refused, Trusted, hash, number};
use crate::merkle::{Hash, ProofError, verify_inclusion};

/// How it begins.
const HEADER: &str = "c2sp.org/tlog-proof@v1";

/// Most hashes of a proof in a tree whose size is a 64-bit number.
const MAX_HASHES: usize = 64;

/// An inclusion proof with the checkpoint that it leads to: all that it takes, beside the entry and the keys that are
/// trusted, to tell that the entry is in the log. The file extension is `.tlog-proof`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// Something for the application, which nobody vouches for.
    pub extra: Option<Vec<u8>>,
    /// The index of the entry.
    pub index: u64,
    /// From the leaf's sibling upwards.
    pub hashes: Vec<Hash>,
    /// The signed checkpoint.
    pub checkpoint: SignedNote,
}

/// A text that is no proof.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofTextError {
    /// It is not built like one.
    #[error(
        "a proof begins with `{HEADER}` and `index N`, then come at most {MAX_HASHES} hashes, an empty line, and the checkpoint"
    )]
    Form,
    /// Its checkpoint is no note.
    #[error(transparent)]
    Note(#[from] NoteError),
}

impl Proof {
    /// Checks that a leaf is in the log, at [`index`](Self::index), according to a checkpoint that the policy accepts.
    ///
    /// # Errors
    /// [`Refused`] where the policy does not accept the checkpoint, or the proof does not lead from the leaf to it.
    pub fn verify(&self, leaf: Hash, policy: &Policy) -> Result<Trusted, Refused> {
        let trusted = policy.check(&self.checkpoint)?;
        let (size, root) = (trusted.checkpoint.size, trusted.checkpoint.root);
        let proven: Result<(), ProofError> =
            verify_inclusion(leaf, self.index, size, &self.hashes, root);
        proven.map(|()| trusted).map_err(Refused::Proof)
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{HEADER}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", STANDARD.encode(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        for hash in &self.hashes {
            writeln!(f, "{}", STANDARD.encode(hash.as_bytes()))?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}

impl FromStr for Proof {
    type Err = ProofTextError;

    fn from_str(text: &str) -> Result<Self, ProofTextError> {
        let (proof, checkpoint) = text.split_once("\n\n").ok_or(ProofTextError::Form)?;
        let mut lines = proof.split('\n').peekable();
        if lines.next() != Some(HEADER) {
            return Err(ProofTextError::Form);
        }
        let extra = match lines.next_if(|line| line.starts_with("extra ")) {
            Some(line) => {
                let extra = line.strip_prefix("extra ").and_then(|text| STANDARD.decode(text).ok());
                Some(extra.ok_or(ProofTextError::Form)?)
            }
            None => None,
        };
        let index = lines.next().and_then(|line| number(line.strip_prefix("index ")?));
        let index = index.ok_or(ProofTextError::Form)?;
        let mut hashes = Vec::new();
        for line in lines {
            hashes.push(
                hash(line).filter(|_| hashes.len() < MAX_HASHES).ok_or(ProofTextError::Form)?,
            );
        }
        Ok(Self { extra, index, hashes, checkpoint: checkpoint.parse()? })
    }
}
