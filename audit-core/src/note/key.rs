//! Keys with a name: who signs, and who is believed.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, Utc};
use ed25519_dalek::{SECRET_KEY_LENGTH, Signature, Signer as _, SigningKey, VerifyingKey};
use rand::rand_core::TryRng as _;
use rand::rngs::SysRng;
use sha2::{Digest as _, Sha256};

use super::is_name;
use super::signed::NoteSignature;

/// What stands before a secret key.
const PRIVATE: &str = "PRIVATE+KEY+";

/// What a key's signature says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyKind {
    /// Ed25519 over the text (`0x01`): that of a log.
    Ed25519,
    /// Ed25519 over the text and a time (`0x04`): that of a witness, or of a second key that dates what the first has signed.
    Cosignature,
}

impl KeyKind {
    const fn byte(self) -> u8 {
        match self {
            Self::Ed25519 => 0x01,
            Self::Cosignature => 0x04,
        }
    }

    fn of(byte: u8) -> Option<Self> {
        [Self::Ed25519, Self::Cosignature].into_iter().find(|kind| kind.byte() == byte)
    }
}

/// A text that is no key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// It is not built like one.
    #[error("a key is written `name+id+base64`, a secret one `PRIVATE+KEY+name+id+base64`")]
    Form,
    /// Its name cannot stand in a note.
    #[error("the name of a key has no spaces, control characters or `+`, and is not empty")]
    Name,
    /// It is not of a kind that is known here.
    #[error(
        "the key is neither for signatures (01) nor for cosignatures (04), which are those known here"
    )]
    Kind,
    /// Name and key do not hash to the id that stands between them.
    #[error("the id is not that of this name and key: one of them was changed, or mistyped")]
    Id,
    /// It stands twice where each stands once.
    #[error("the key stands there twice")]
    Twice,
    /// The bytes are no Ed25519 key.
    #[error("the bytes are no Ed25519 key")]
    Key,
}

/// A public key with a name, written `name+id+base64(kind || key)` ("vkey").
///
/// ```
/// use audit_core::note::{KeyKind, SignerKey, VerifierKey};
/// let secret = SignerKey::generate("billing.example/audit/standard", KeyKind::Ed25519)?;
/// let key: VerifierKey = secret.public().to_string().parse()?;
/// assert_eq!(key.name(), "billing.example/audit/standard");
/// # Ok::<(), audit_core::note::KeyError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    kind: KeyKind,
    id: [u8; 4],
    key: VerifyingKey,
}

impl VerifierKey {
    fn new(name: &str, kind: KeyKind, key: VerifyingKey) -> Result<Self, KeyError> {
        if !is_name(name) {
            return Err(KeyError::Name);
        }
        let hash = Sha256::new().chain_update(name).chain_update([b'\n', kind.byte()]);
        let mut id = [0; 4];
        let digest = hash.chain_update(key.as_bytes()).finalize();
        id.iter_mut().zip(digest).for_each(|(to, from)| *to = from);
        Ok(Self { name: name.to_owned(), kind, id, key })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What its signatures say.
    #[must_use]
    pub fn kind(&self) -> KeyKind {
        self.kind
    }

    /// The first four bytes of SHA-256(name || 0x0a || kind || key), by which a signature names it.
    #[must_use]
    pub fn id(&self) -> [u8; 4] {
        self.id
    }

    /// The 32 bytes of the key itself.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        self.key.as_bytes()
    }

    /// Whether a signature is right; if it is that of a cosignature, when it was made.
    ///
    /// # Errors
    /// Nothing is said of why it is wrong.
    pub(super) fn verify(
        &self,
        text: &str,
        signature: &[u8],
    ) -> Result<Option<DateTime<Utc>>, WrongSignature> {
        let (message, signature, at) = match self.kind {
            KeyKind::Ed25519 => (text.to_owned(), signature, None),
            KeyKind::Cosignature => {
                let (time, signature) = signature.split_at_checked(8).ok_or(WrongSignature)?;
                let time = time.try_into().map_err(|_| WrongSignature)?;
                let time = i64::try_from(u64::from_be_bytes(time)).map_err(|_| WrongSignature)?;
                let at = DateTime::from_timestamp(time, 0).ok_or(WrongSignature)?;
                (cosigned(text, time), signature, Some(at))
            }
        };
        let signature = Signature::from_slice(signature).map_err(|_| WrongSignature)?;
        self.key.verify_strict(message.as_bytes(), &signature).map_err(|_| WrongSignature)?;
        Ok(at)
    }
}

/// A signature that is not that of its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WrongSignature;

/// What a cosignature signs.
fn cosigned(text: &str, time: i64) -> String {
    format!("cosignature/v1\ntime {time}\n{text}")
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let key = [&[self.kind.byte()], self.key.as_bytes().as_slice()].concat();
        write!(f, "{}+{}+{}", self.name, hex::encode(self.id), STANDARD.encode(key))
    }
}

impl fmt::Debug for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifierKey({self})")
    }
}

impl FromStr for VerifierKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let (name, kind, key) = parts(text)?;
        let key = VerifyingKey::from_bytes(&key).map_err(|_| KeyError::Key)?;
        let key = Self::new(name, kind, key)?;
        // The id is in it; and a key that is spelled in another way is none.
        if key.to_string() == text { Ok(key) } else { Err(KeyError::Id) }
    }
}

/// A secret key with a name, written `PRIVATE+KEY+name+id+base64(kind || seed)` ("skey").
///
/// `Debug` shows its public key.
#[derive(Clone)]
pub struct SignerKey {
    public: VerifierKey,
    secret: SigningKey,
}

impl SignerKey {
    /// A new key, from the system's random numbers.
    ///
    /// # Errors
    /// [`KeyError::Name`] where it cannot have this name, [`KeyError::Key`] where the system gives no random numbers.
    pub fn generate(name: &str, kind: KeyKind) -> Result<Self, KeyError> {
        let mut seed = [0; SECRET_KEY_LENGTH];
        SysRng.try_fill_bytes(&mut seed).map_err(|_| KeyError::Key)?;
        Self::new(name, kind, SigningKey::from_bytes(&seed))
    }

    fn new(name: &str, kind: KeyKind, secret: SigningKey) -> Result<Self, KeyError> {
        Ok(Self { public: VerifierKey::new(name, kind, secret.verifying_key())?, secret })
    }

    /// The public key.
    #[must_use]
    pub fn public(&self) -> &VerifierKey {
        &self.public
    }

    /// The text of the secret key: keep it where nobody else reads.
    #[must_use]
    pub fn to_secret_text(&self) -> String {
        let VerifierKey { name, kind, id, .. } = &self.public;
        let key = [&[kind.byte()], self.secret.as_bytes().as_slice()].concat();
        format!("{PRIVATE}{name}+{}+{}", hex::encode(id), STANDARD.encode(key))
    }

    /// Signs a text. The time is part of what a cosignature says, to the second.
    pub(super) fn sign(&self, text: &str, now: DateTime<Utc>) -> NoteSignature {
        let signature = match self.public.kind {
            KeyKind::Ed25519 => self.secret.sign(text.as_bytes()).to_bytes().to_vec(),
            KeyKind::Cosignature => {
                let time = now.timestamp().max(0);
                let signature = self.secret.sign(cosigned(text, time).as_bytes());
                [time.to_be_bytes().as_slice(), &signature.to_bytes()].concat()
            }
        };
        NoteSignature { name: self.public.name.clone(), id: self.public.id, signature }
    }
}

impl fmt::Debug for SignerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SignerKey({}, secret)", self.public)
    }
}

impl FromStr for SignerKey {
    type Err = KeyError;

    fn from_str(text: &str) -> Result<Self, KeyError> {
        let (name, kind, seed) = parts(text.strip_prefix(PRIVATE).ok_or(KeyError::Form)?)?;
        let key = Self::new(name, kind, SigningKey::from_bytes(&seed))?;
        if key.to_secret_text() == text { Ok(key) } else { Err(KeyError::Id) }
    }
}

/// Name, kind and 32 bytes of a key; its id is not looked at.
fn parts(text: &str) -> Result<(&str, KeyKind, [u8; 32]), KeyError> {
    let mut parts = text.splitn(3, '+');
    let (Some(name), Some(_id), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(KeyError::Form);
    };
    let key = STANDARD.decode(key).map_err(|_| KeyError::Form)?;
    let (kind, key) = key.split_first().ok_or(KeyError::Form)?;
    let kind = KeyKind::of(*kind).ok_or(KeyError::Kind)?;
    Ok((name, kind, key.try_into().map_err(|_| KeyError::Key)?))
}
