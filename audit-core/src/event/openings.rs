//! Personal values beside the canonical bytes: salted commitments and what opens them.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use sha2::digest::Output;
use sha2::{Digest, Sha256};

use super::jcs::{jcs, write_text};
use super::outline::Text;

/// Random bits before a personal value in its commitment, so that the value cannot be guessed.
pub(crate) type Salt = [u8; 16];

pub(crate) fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// base64url(SHA-256(salt || JCS(value))): what stands in the canonical bytes for a personal value.
pub(crate) fn commitment(salt: &[u8], jcs: &str) -> String {
    base64url(&Sha256::new().chain_update(salt).chain_update(jcs).finalize())
}

/// The opening of one commitment: where it stands, and the value that it stands for, which `Debug` does
/// not show.
#[derive(Clone, PartialEq)]
pub struct Opening {
    /// Pointer to the commitment in the event.
    pub pointer: String,
    /// The personal value.
    pub value: Value,
    /// What it opens, before it is written as text.
    digest: Output<Sha256>,
}

/// Openings that do not have the form in which they are stored.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("openings are not a JSON object from pointer to `[salt, value]`")]
pub struct OpeningsError;

impl fmt::Debug for Opening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opening").field("pointer", &self.pointer).finish_non_exhaustive()
    }
}

impl Opening {
    /// Whether this opens the commitment that stands at its pointer in `event`, and `event` names the
    /// place as personal.
    #[must_use]
    pub fn opens(&self, event: &Value) -> bool {
        let at = event.pointer(&self.pointer).and_then(Value::as_str);
        let named = event.get("personal").and_then(Value::as_array);
        self.is_of(at)
            && named.is_some_and(|named| named.iter().any(|p| p.as_str() == Some(&self.pointer)))
    }

    /// Whether this is the opening of a commitment.
    pub(super) fn is_of(&self, commitment: Option<&str>) -> bool {
        // A byte more than a commitment has: what a decoder thinks that it may need.
        let mut bytes = [0; 33];
        let decoded =
            commitment.and_then(|text| URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok());
        decoded.is_some_and(|size| bytes.get(..size) == Some(self.digest.as_slice()))
    }
}

/// Reads stored openings.
///
/// # Errors
/// [`OpeningsError`] where the text does not have their form.
pub fn open_all(openings: &str) -> Result<Vec<Opening>, OpeningsError> {
    let members: BTreeMap<Text<'_>, (Text<'_>, Value)> =
        serde_json::from_str(openings).map_err(|_| OpeningsError)?;
    members.into_iter().map(|(pointer, pair)| open(pointer.0.into_owned(), pair)).collect()
}

fn open(pointer: String, (salt, value): (Text<'_>, Value)) -> Result<Opening, OpeningsError> {
    // Room for what a decoder thinks that it may need.
    let mut bytes = [0; size_of::<Salt>() + 2];
    let decoded = URL_SAFE_NO_PAD.decode_slice(&*salt.0, &mut bytes).map_err(|_| OpeningsError)?;
    // Salt and value stand one behind the other in what is hashed. Were the salt's length not fixed,
    // the first digit of a number could pass for the end of a longer salt.
    let salt =
        Salt::try_from(bytes.get(..decoded).unwrap_or_default()).map_err(|_| OpeningsError)?;
    let mut hash = Sha256::new_with_prefix(salt);
    let value = match value {
        Value::String(text) => {
            write_text(&mut hash, &text);
            Value::String(text)
        }
        // A float and its text have the same bytes here: what is disclosed is what the bytes say.
        _ => {
            let text = jcs(&value);
            hash.update(&text);
            serde_json::from_str(&text).map_err(|_| OpeningsError)?
        }
    };
    Ok(Opening { pointer, value, digest: hash.finalize() })
}

/// The address among the openings as 16 bytes, in which IPv4 is mapped into IPv6 so that a network of
/// either kind is one range of byte strings.
pub(crate) fn ip_of(openings: &[Opening]) -> Option<[u8; 16]> {
    let opening = openings.iter().find(|opening| opening.pointer == "/request/ip")?;
    Some(octets(opening.value.as_str()?.parse().ok()?))
}

pub(crate) fn octets(ip: IpAddr) -> [u8; 16] {
    match ip {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    }
}
