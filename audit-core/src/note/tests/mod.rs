//! Texts that are signed: to the byte, against vectors and an implementation made elsewhere, and against whoever changes
//! something.
//!
//! `AUDIT_VECTORS` names the folder of vectors made elsewhere.

mod notes;
mod oracle;
mod policies;
mod vectors;
mod witness;

use chrono::DateTime;

use super::*;

const ORIGIN: &str = "billing.example/audit/standard";

/// Of the first byte, so that tests can name keys by numbers.
fn key(name: &str, kind: KeyKind, seed: u8) -> SignerKey {
    let byte = match kind {
        KeyKind::Ed25519 => 1,
        KeyKind::Cosignature => 4,
    };
    let parts = [&[byte], [seed; 32].as_slice()].concat();
    // The id is found by trying: a text with a wrong one is refused.
    let secret = ed25519_dalek::SigningKey::from_bytes(&[seed; 32]);
    let public = [&[byte], secret.verifying_key().as_bytes().as_slice()].concat();
    let hash = <sha2::Sha256 as sha2::Digest>::digest([name.as_bytes(), b"\n", &public].concat());
    let id = hex::encode(&hash[..4]);
    format!("PRIVATE+KEY+{name}+{id}+{}", STANDARD.encode(parts)).parse().unwrap()
}

fn at(seconds: i64) -> DateTime<chrono::Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap()
}

fn checkpoint(size: u64) -> Checkpoint {
    let root = crate::merkle::leaf_hash(&size.to_be_bytes());
    Checkpoint { origin: ORIGIN.to_owned(), size, root, extensions: Vec::new() }
}

fn note(size: u64) -> SignedNote {
    SignedNote::new(checkpoint(size).to_string()).unwrap()
}
