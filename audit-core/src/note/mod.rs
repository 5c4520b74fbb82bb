//! Signed notes, and what a log says in them: checkpoints, proofs, and whom one trusts.
//!
//! All of these are texts that people made elsewhere, byte for byte, so that their tools can check a log of ours:
//!
//! | | | format |
//! |---|---|---|
//! | [`SignedNote`] | a text and signatures below it | [C2SP signed-note](https://c2sp.org/signed-note) |
//! | [`SignerKey`], [`VerifierKey`] | Ed25519 keys with a name, as one line | the same, and [tlog-cosignature](https://c2sp.org/tlog-cosignature) |
//! | [`Checkpoint`] | size and root of a log | [C2SP tlog-checkpoint](https://c2sp.org/tlog-checkpoint) |
//! | [`Proof`] | that an entry is in a log | [C2SP tlog-proof](https://c2sp.org/tlog-proof) |
//! | [`AddCheckpoint`] | that a witness is to cosign a checkpoint | [C2SP tlog-witness](https://c2sp.org/tlog-witness) |
//! | [`Policy`] | the logs and the witnesses that are believed | [C2SP tlog-policy](https://c2sp.org/tlog-policy) |
//! | [`Revoked`] | the keys that are believed up to a size only | our own |
//!
//! Parsers take what comes from outside: they allocate no more than a few times what they are given, never panic, and take
//! one spelling only, so that whatever was parsed is written again to the byte.

mod key;
mod signed;
mod checkpoint;
mod proof;
mod witness;
mod revoked;
mod policy;
#[cfg(test)]
mod tests;

pub use checkpoint::{Checkpoint, CheckpointError};
pub use key::{KeyError, KeyKind, SignerKey, VerifierKey};
pub use policy::{Policy, PolicyError, Refused, Trusted};
pub use proof::{Proof, ProofTextError};
pub use revoked::Revoked;
pub use signed::{MAX_NOTE, MAX_SIGNATURES, NoteError, NoteSignature, Signed, SignedNote};
pub use witness::{AddCheckpoint, AddCheckpointError, Answer, MAX_ANSWER, WitnessError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::merkle::Hash;

/// A hash as base64; none where the text is not that of one.
pub(crate) fn hash(text: &str) -> Option<Hash> {
    let bytes: [u8; 32] = STANDARD.decode(text).ok()?.try_into().ok()?;
    Some(Hash::from(bytes))
}

/// A number in the only way in which it may be written: decimal, without leading zeroes.
fn number(text: &str) -> Option<u64> {
    let number: u64 = text.parse().ok()?;
    (number.to_string() == text).then_some(number)
}

/// Whether a key may have this name: no spaces, no `+`, nothing that cannot stand in a note.
pub(crate) fn is_name(name: &str) -> bool {
    let fits = |c: char| !c.is_whitespace() && c >= ' ' && c != '+';
    !name.is_empty() && name.chars().all(fits)
}
