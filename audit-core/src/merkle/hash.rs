//! A node of the tree, and the two ways to make one.

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

/// A SHA-256 value: a leaf hash, an inner node, or a root.
///
/// Written (by `Display` and `Debug`) as 64 lower-case hexadecimal digits, ordered by its bytes.
///
/// ```
/// use audit_core::merkle::{Hash, leaf_hash};
///
/// let hash = leaf_hash(b"an event");
/// let written = hash.to_string();
/// assert_eq!(written.len(), 64);
/// assert_eq!(written.parse::<Hash>()?, hash);
/// # Ok::<(), audit_core::merkle::HashError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash([u8; 32]);

impl Hash {
    /// The root of a tree without leaves, SHA-256 of no bytes (RFC 6962 section 2.1).
    pub const EMPTY_ROOT: Self = Self([
        0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9,
        0x24, 0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52,
        0xb8, 0x55,
    ]);

    /// The 32 bytes, as they stand in tiles, proofs, and database columns.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// The hash of a leaf: SHA-256 of a zero byte and the entry's bytes (RFC 6962 section 2.1).
///
/// The zero byte keeps an entry from posing as an inner node, see [`node_hash`].
#[must_use]
pub fn leaf_hash(bytes: &[u8]) -> Hash {
    let digest = Sha256::new().chain_update([0x00]).chain_update(bytes);
    Hash(digest.finalize().into())
}

/// The hash of an inner node: SHA-256 of a one byte and both children (RFC 6962 section 2.1).
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let digest = Sha256::new().chain_update([0x01]).chain_update(left.0).chain_update(right.0);
    Hash(digest.finalize().into())
}

/// Hashes one after the other, as in a tile or a frontier column.
pub(super) fn concat(hashes: &[Hash]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.0).collect()
}

/// The reverse of [`concat`], or `None` where the bytes end within a hash.
pub(super) fn split(bytes: &[u8]) -> Option<Vec<Hash>> {
    let (hashes, rest) = bytes.as_chunks();
    rest.is_empty().then(|| hashes.iter().copied().map(Hash).collect())
}

/// What is wrong with bytes or a text that should be a [`Hash`](struct@Hash).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// The bytes are too few or too many.
    #[error("not a hash: expected 32 bytes, found {found}")]
    Length {
        /// How many bytes there were.
        found: usize,
    },
    /// The text is not hexadecimal, or of the wrong length.
    #[error("not a hash: expected 64 hexadecimal digits: {reason}")]
    Text {
        /// What the decoder stopped at.
        reason: String,
    },
}

impl From<[u8; 32]> for Hash {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

impl TryFrom<&[u8]> for Hash {
    type Error = HashError;

    fn try_from(bytes: &[u8]) -> Result<Self, HashError> {
        let found = bytes.len();
        let bytes = bytes.try_into().map_err(|_| HashError::Length { found })?;
        Ok(Self(bytes))
    }
}

impl FromStr for Hash {
    type Err = HashError;

    /// Reads 64 hexadecimal digits of either case and nothing else.
    fn from_str(text: &str) -> Result<Self, HashError> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text, &mut bytes)
            .map_err(|error| HashError::Text { reason: error.to_string() })?;
        Ok(Self(bytes))
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_empty_root_is_the_hash_of_no_bytes() {
        assert_eq!(Hash::EMPTY_ROOT, Hash(Sha256::digest([]).into()));
    }

    #[test]
    fn leaf_hashes_are_the_written_constants() {
        assert_eq!(
            leaf_hash(b"").to_string(),
            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"
        );
        assert_eq!(
            leaf_hash(b"event 0").to_string(),
            "a344deda6399e079700f18caccc174ed11ef1b1d164271e3a95d82c734466977"
        );
    }

    #[test]
    fn an_entry_that_spells_two_hashes_is_not_their_parent() {
        let (left, right) = (leaf_hash(b"l"), leaf_hash(b"r"));
        assert_ne!(leaf_hash(&concat(&[left, right])), node_hash(&left, &right));
    }

    #[test]
    fn a_text_of_either_case_is_read_and_lower_case_is_written() {
        let hash = Hash::EMPTY_ROOT;
        assert_eq!(hash.to_string().to_uppercase().parse(), Ok(hash));
        assert_eq!(format!("{hash:?}"), format!("{hash}"));
    }

    #[test]
    fn other_texts_are_refused_with_what_was_expected() {
        let whole = Hash::EMPTY_ROOT.to_string();
        let (odd, long) = (whole.get(1..).unwrap(), format!("{whole}00"));
        for text in ["", "e3", odd, &long, &"g".repeat(64), &"é".repeat(32)] {
            let refused = text.parse::<Hash>().unwrap_err().to_string();
            assert!(refused.contains("expected 64 hexadecimal digits"), "{refused}");
        }
    }

    #[test]
    fn bytes_of_another_length_are_refused() {
        assert_eq!(Hash::try_from([7; 32].as_slice()), Ok(Hash([7; 32])));
        for found in [0, 12, 31, 33] {
            let refused = Hash::try_from(vec![7; found].as_slice());
            assert_eq!(refused, Err(HashError::Length { found }));
        }
    }
}
