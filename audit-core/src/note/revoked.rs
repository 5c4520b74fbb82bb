//! Keys that are no longer good for all that they sign.

use std::fmt;
use std::str::FromStr;

use super::key::{KeyError, KeyKind, VerifierKey};
use super::number;
use super::policy::PolicyError;

/// Most lines of such a text.
const MAX_LINES: usize = 10_000;

/// Keys of logs that were revoked, each with the size of its log up to which its signatures count: a text of lines
/// `revoked vkey size`; empty lines, and such that begin with `#`, say nothing.
///
/// It stands beside a [`Policy`](super::Policy), and not in it: a policy has no word for it. So a policy need not name these keys, and tools
/// that know policies only believe nothing of what they have signed alone; who has this as well believes it up to that size.
///
/// ```
/// use audit_core::note::{KeyKind, Revoked, SignerKey};
/// let key = SignerKey::generate("billing.example/audit/standard", KeyKind::Ed25519)?;
/// let revoked: Revoked = format!("revoked {} 4711\n", key.public()).parse()?;
/// assert_eq!(revoked.size(key.public()), Some(4_711));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Revoked(Vec<(VerifierKey, u64)>);

impl Revoked {
    /// Up to which size of its log a key is good, if it was revoked.
    #[must_use]
    pub fn size(&self, key: &VerifierKey) -> Option<u64> {
        self.0.iter().find(|(other, _)| other.as_bytes() == key.as_bytes()).map(|(_, size)| *size)
    }

    /// The keys, each with its size.
    pub fn iter(&self) -> impl Iterator<Item = (&VerifierKey, u64)> {
        self.0.iter().map(|(key, size)| (key, *size))
    }

    /// Whether no key was revoked.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Revokes one key more. Of two sizes the smaller one counts.
    #[must_use]
    pub fn with(mut self, key: VerifierKey, size: u64) -> Self {
        match self.0.iter_mut().find(|(other, _)| other.as_bytes() == key.as_bytes()) {
            Some((_, before)) => *before = size.min(*before),
            None => self.0.push((key, size)),
        }
        self
    }
}

impl fmt::Display for Revoked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|(key, size)| writeln!(f, "revoked {key} {size}"))
    }
}

impl FromStr for Revoked {
    type Err = PolicyError;

    fn from_str(text: &str) -> Result<Self, PolicyError> {
        let mut revoked = Self::default();
        for (line, number) in text.split('\n').zip(1..) {
            let refused = |why: String| PolicyError { line: number, why };
            if number > MAX_LINES {
                return Err(refused("there are at most 10,000 lines".to_owned()));
            }
            let words: Vec<_> = line.split([' ', '\t']).filter(|word| !word.is_empty()).collect();
            if words.first().is_none_or(|word| word.starts_with('#')) {
                continue;
            }
            let (key, size) = read(&words).map_err(refused)?;
            if revoked.size(&key).is_some() {
                return Err(refused("this key stands there already".to_owned()));
            }
            revoked.0.push((key, size));
        }
        Ok(revoked)
    }
}

fn read(words: &[&str]) -> Result<(VerifierKey, u64), String> {
    let &["revoked", key, size] = words else {
        return Err("expected `revoked`, a key, and the size up to which it is good".to_owned());
    };
    let key: VerifierKey = key.parse().map_err(|error: KeyError| error.to_string())?;
    if key.kind() != KeyKind::Ed25519 {
        return Err("only the key of a log (01) is good up to a size".to_owned());
    }
    let size = number(size).ok_or("a size is a decimal number without leading zeroes")?;
    Ok((key, size))
}
