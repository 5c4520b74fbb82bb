//! What a log asks of a witness, and what is made of the answer.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::checkpoint::{Checkpoint, CheckpointError};
use super::key::VerifierKey;
use super::signed::{NoteError, SignedNote};
use super::{hash, number};
use crate::merkle::Hash;

/// Most hashes that may be sent.
const MAX_HASHES: usize = 63;

/// Most bytes of an answer that says something: that many signatures no witness has.
pub const MAX_ANSWER: u64 = 65_536;

/// A checkpoint for a witness, which cosigns it where it goes on from the last one that the witness has seen: the body of
/// `POST <submission prefix>/add-checkpoint` ([C2SP tlog-witness](https://c2sp.org/tlog-witness)).
///
/// Nothing is sent here: whoever has a connection sends [`Display`](fmt::Display), and gives the answer to [`answered`](Self::answered).
///
/// ```
/// use audit_core::merkle::Hash;
/// use audit_core::note::{AddCheckpoint, Answer, Checkpoint, KeyKind, SignedNote, SignerKey};
/// use chrono::Utc;
///
/// let log = SignerKey::generate("billing.example/audit/standard", KeyKind::Ed25519)?;
/// let origin = log.public().name().to_owned();
/// let checkpoint = Checkpoint { origin, size: 0, root: Hash::EMPTY_ROOT, extensions: Vec::new() };
/// let checkpoint = SignedNote::new(checkpoint.to_string())?.signed(&log, Utc::now());
/// let asked = AddCheckpoint { old: 0, proof: Vec::new(), checkpoint };
/// assert!(asked.to_string().starts_with("old 0\n\nbilling.example/audit/standard\n0\n"));
///
/// // At the other end:
/// let witness = SignerKey::generate("witness.example", KeyKind::Cosignature)?;
/// let read: AddCheckpoint = asked.to_string().parse()?;
/// let cosigned = SignedNote::new(read.checkpoint.text())?.signed(&witness, Utc::now());
/// let body = cosigned.signatures()[0].to_string() + "\n";
///
/// match asked.answered(200, body.as_bytes(), witness.public())? {
///     Answer::Cosigned(note) => assert_eq!(note.signatures().len(), 2),
///     Answer::Seen(size) => panic!("it wants a proof from {size}"),
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// How large the log was when the witness has seen it last: 0 where it never has, or that is not known.
    pub old: u64,
    /// That the log goes on from there: a consistency proof, lowest node first; none from 0.
    pub proof: Vec<Hash>,
    /// The checkpoint, signed by the log.
    pub checkpoint: SignedNote,
}

/// What a witness has answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The checkpoint, with the cosignatures of the witness below the signatures that it had.
    Cosigned(SignedNote),
    /// It has seen the log at this size: ask again, from there.
    Seen(u64),
}

/// A witness that does not cosign.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WitnessError {
    /// It does not know the log (404).
    #[error("it does not know this log: its operator must be given the log's name and key")]
    UnknownLog,
    /// It knows the log by another key (403).
    #[error("it does not believe the log's key: its operator must be given the new one")]
    UnknownKey,
    /// It has seen more than there is (409).
    #[error(
        "TRUNCATED: it has seen the log at the size {seen}, and this checkpoint is one of {size}"
    )]
    Ahead {
        /// What it has seen.
        seen: u64,
        /// What there is.
        size: u64,
    },
    /// It has seen another tree of this size (409), or one that does not lead to this (422).
    #[error("FORKED: it has seen another history of this log")]
    Forked,
    /// Whatever else it says.
    #[error("it answers with the status {0}, which says nothing of the checkpoint")]
    Status(u16),
    /// Its answer is none.
    #[error("its answer is none that a witness gives")]
    Answer,
    /// Its signature is missing or wrong.
    #[error("it answers with signatures that are not its own: {0}")]
    Note(#[from] NoteError),
    /// What it was asked for is no checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
}

impl WitnessError {
    /// Whether it speaks against the log, and not only for a witness that does not work.
    #[must_use]
    pub fn is_finding(&self) -> bool {
        matches!(self, Self::Ahead { .. } | Self::Forked)
    }
}

impl AddCheckpoint {
    /// What an answer by HTTP means: its status, and its body, of which [`MAX_ANSWER`] bytes are enough. Of signatures only those
    /// of the key that is expected are taken.
    ///
    /// # Errors
    /// [`WitnessError`] where the witness has not cosigned.
    pub fn answered(
        &self,
        status: u16,
        body: &[u8],
        witness: &VerifierKey,
    ) -> Result<Answer, WitnessError> {
        match status {
            200 => self.cosigned(body, witness),
            403 => Err(WitnessError::UnknownKey),
            404 => Err(WitnessError::UnknownLog),
            409 => self.conflict(body),
            422 => Err(WitnessError::Forked),
            other => Err(WitnessError::Status(other)),
        }
    }

    fn cosigned(&self, body: &[u8], witness: &VerifierKey) -> Result<Answer, WitnessError> {
        let lines = std::str::from_utf8(body).map_err(|_| WitnessError::Answer)?;
        let note: SignedNote = format!("{}\n{lines}", self.checkpoint.text()).parse()?;
        // An empty line would have moved the end of the text.
        if note.text() != self.checkpoint.text() {
            return Err(WitnessError::Answer);
        }
        note.verified(std::slice::from_ref(witness))?;
        let by_it = note.signatures().iter().filter(|signature| signature.is_by(witness)).cloned();
        Ok(Answer::Cosigned(by_it.take(1).fold(self.checkpoint.clone(), SignedNote::with)))
    }

    fn conflict(&self, body: &[u8]) -> Result<Answer, WitnessError> {
        let Checkpoint { size, .. } = self.checkpoint.text().parse()?;
        let body = std::str::from_utf8(body).map_err(|_| WitnessError::Answer)?;
        let seen = body.strip_suffix('\n').and_then(number);
        match seen {
            // From the size that it has seen itself, all that is left to differ in is the root.
            Some(seen) if seen == self.old && seen == size => Err(WitnessError::Forked),
            Some(seen) if seen == self.old => Err(WitnessError::Answer),
            Some(seen) if seen > size => Err(WitnessError::Ahead { seen, size }),
            Some(seen) => Ok(Answer::Seen(seen)),
            // What it answers to another root of the size that it was asked for is not laid down.
            None if self.old == size && size > 0 => Err(WitnessError::Forked),
            None => Err(WitnessError::Answer),
        }
    }
}

/// A text that asks nothing of a witness.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddCheckpointError {
    /// It is not built like this.
    #[error(
        "it begins with `old N`, then come at most {MAX_HASHES} hashes, an empty line, and the checkpoint"
    )]
    Form,
    /// Its checkpoint is no note.
    #[error(transparent)]
    Note(#[from] NoteError),
}

impl fmt::Display for AddCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "old {}", self.old)?;
        for hash in &self.proof {
            writeln!(f, "{}", STANDARD.encode(hash.as_bytes()))?;
        }
        write!(f, "\n{}", self.checkpoint)
    }
}

impl FromStr for AddCheckpoint {
    type Err = AddCheckpointError;

    fn from_str(text: &str) -> Result<Self, AddCheckpointError> {
        let (asked, checkpoint) = text.split_once("\n\n").ok_or(AddCheckpointError::Form)?;
        let mut lines = asked.split('\n');
        let old = lines.next().and_then(|line| number(line.strip_prefix("old ")?));
        let old = old.ok_or(AddCheckpointError::Form)?;
        let mut proof = Vec::new();
        for line in lines {
            let hash = hash(line).filter(|_| proof.len() < MAX_HASHES);
            proof.push(hash.ok_or(AddCheckpointError::Form)?);
        }
        Ok(Self { old, proof, checkpoint: checkpoint.parse()? })
    }
}
