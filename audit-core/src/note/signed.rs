//! A text with signatures below it.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};

use super::is_name;
use super::key::{SignerKey, VerifierKey};

/// Most bytes of a note.
pub const MAX_NOTE: usize = 1_000_000;

/// Most signatures of a note.
pub const MAX_SIGNATURES: usize = 100;

/// How each signature's line begins.
const DASH: &str = "\u{2014} ";

/// Something that is no note, or that nobody who is believed has signed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NoteError {
    /// It is too large.
    #[error("a note has at most {MAX_NOTE} bytes and {MAX_SIGNATURES} signatures")]
    TooLarge,
    /// It is no text of lines.
    #[error("a note is UTF-8 without control characters, and its text ends with a newline")]
    Text,
    /// There are no signatures where they should be.
    #[error("a note ends with an empty line and signatures of the form `\u{2014} name base64`")]
    Signatures,
    /// Nobody has signed it who is believed.
    #[error("no key that is trusted here has signed this")]
    Unsigned,
    /// A key that is believed has not signed this.
    #[error("the signature of {0} is not for this text: one of both was changed")]
    Wrong(String),
}

/// One signature: whose, and what. Written `\u{2014} name base64(id || signature)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteSignature {
    pub(super) name: String,
    pub(super) id: [u8; 4],
    pub(super) signature: Vec<u8>,
}

impl NoteSignature {
    /// The name of the key.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn is_by(&self, key: &VerifierKey) -> bool {
        (&*self.name, self.id) == (key.name(), key.id())
    }

    fn is_by_the_key_of(&self, other: &Self) -> bool {
        (&self.name, self.id) == (&other.name, other.id)
    }
}

impl fmt::Display for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let signature = [self.id.as_slice(), &self.signature].concat();
        write!(f, "{DASH}{} {}", self.name, STANDARD.encode(signature))
    }
}

impl FromStr for NoteSignature {
    type Err = NoteError;

    fn from_str(line: &str) -> Result<Self, NoteError> {
        let parts = line.strip_prefix(DASH).and_then(|line| line.split_once(' '));
        let (name, signature) = parts.ok_or(NoteError::Signatures)?;
        let bytes = STANDARD.decode(signature).map_err(|_| NoteError::Signatures)?;
        let (id, signature) = bytes.split_first_chunk().ok_or(NoteError::Signatures)?;
        if !is_name(name) || signature.is_empty() {
            return Err(NoteError::Signatures);
        }
        Ok(Self { name: name.to_owned(), id: *id, signature: signature.to_vec() })
    }
}

/// A text and the signatures below it, none of which has been checked.
///
/// ```
/// use audit_core::note::{KeyKind, SignedNote, SignerKey};
/// use chrono::Utc;
///
/// let key = SignerKey::generate("billing.example/audit", KeyKind::Ed25519)?;
/// let note = SignedNote::new("a text\n")?.signed(&key, Utc::now());
/// let read: SignedNote = note.to_string().parse()?;
/// assert_eq!(read.verified(&[key.public().clone()])?.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedNote {
    text: String,
    signatures: Vec<NoteSignature>,
}

/// A signature that was checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signed<'a> {
    /// Who has signed.
    pub by: &'a VerifierKey,
    /// When, if it is a cosignature.
    pub at: Option<DateTime<Utc>>,
}

impl SignedNote {
    /// A text that nobody has signed yet.
    ///
    /// # Errors
    /// [`NoteError::Text`] where it cannot be signed.
    pub fn new(text: impl Into<String>) -> Result<Self, NoteError> {
        let text = text.into();
        if text.len() > MAX_NOTE {
            return Err(NoteError::TooLarge);
        }
        if !text.ends_with('\n') || text.bytes().any(|b| b < 0x20 && b != b'\n') {
            return Err(NoteError::Text);
        }
        Ok(Self { text, signatures: Vec::new() })
    }

    /// Adds a signature; the time is part of what a cosignature says.
    #[must_use]
    pub fn signed(mut self, key: &SignerKey, now: DateTime<Utc>) -> Self {
        self.signatures.push(key.sign(&self.text, now));
        self
    }

    /// Adds a signature that was made elsewhere.
    #[must_use]
    pub fn with(mut self, signature: NoteSignature) -> Self {
        self.signatures.push(signature);
        self
    }

    /// The text. Believe nothing of it that was not [`verified`](Self::verified).
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// All signatures, as they came.
    #[must_use]
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// With the signatures of another note of the same text by keys that have not signed this one, as far as there is room.
    #[must_use]
    pub(crate) fn joined(mut self, other: &Self) -> Self {
        let mut bytes = self.to_string().len();
        for signature in other.signatures.iter().filter(|_| other.text == self.text) {
            bytes = bytes.saturating_add(signature.to_string().len() + 1);
            let has_room = bytes <= MAX_NOTE && self.signatures.len() < MAX_SIGNATURES;
            if has_room && !self.signatures.iter().any(|own| own.is_by_the_key_of(signature)) {
                self.signatures.push(signature.clone());
            }
        }
        self
    }

    /// Whether this has a signature that another note of the same text lacks. A key that dates what it signs says no more by another
    /// time; one that does not, which is that of the name in the first line, has one signature of a text, and any other is none.
    pub(crate) fn adds_to(&self, other: &Self) -> bool {
        let own = self.text.lines().next().unwrap_or_default();
        let has = |signature: &NoteSignature| {
            let by_it = |there: &NoteSignature| there.is_by_the_key_of(signature);
            let is_same = |there: &NoteSignature| signature.name != own || there == signature;
            other.signatures.iter().any(|there| by_it(there) && is_same(there))
        };
        other.text != self.text || !self.signatures.iter().all(has)
    }

    /// Who of these keys has signed. Signatures of others say nothing.
    ///
    /// # Errors
    /// [`NoteError::Wrong`] where the signature of one of them is not for this text, [`NoteError::Unsigned`] where none
    /// of them has signed.
    pub fn verified<'a>(&self, keys: &'a [VerifierKey]) -> Result<Vec<Signed<'a>>, NoteError> {
        let mut signed = Vec::new();
        for signature in &self.signatures {
            for by in keys.iter().filter(|key| signature.is_by(key)) {
                let at = by.verify(&self.text, &signature.signature);
                let at = at.map_err(|_| NoteError::Wrong(by.name().to_owned()))?;
                signed.push(Signed { by, at });
            }
        }
        if signed.is_empty() { Err(NoteError::Unsigned) } else { Ok(signed) }
    }
}

impl fmt::Display for SignedNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| writeln!(f, "{signature}"))
    }
}

impl FromStr for SignedNote {
    type Err = NoteError;

    fn from_str(note: &str) -> Result<Self, NoteError> {
        if note.len() > MAX_NOTE {
            return Err(NoteError::TooLarge);
        }
        let end = note.rfind("\n\n").ok_or(NoteError::Signatures)?;
        let (text, below) = note.split_at_checked(end + 1).ok_or(NoteError::Signatures)?;
        let mut parsed = Self::new(text)?;
        let below = below.strip_prefix('\n').and_then(|below| below.strip_suffix('\n'));
        for line in below.ok_or(NoteError::Signatures)?.split('\n') {
            if parsed.signatures.len() >= MAX_SIGNATURES {
                return Err(NoteError::TooLarge);
            }
            parsed.signatures.push(line.parse()?);
        }
        Ok(parsed)
    }
}

impl TryFrom<&[u8]> for SignedNote {
    type Error = NoteError;

    fn try_from(note: &[u8]) -> Result<Self, NoteError> {
        std::str::from_utf8(note).map_err(|_| NoteError::Text)?.parse()
    }
}
