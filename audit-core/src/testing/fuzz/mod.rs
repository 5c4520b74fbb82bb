//! What every parser must bear: a function for each, which takes any bytes, and panics where the parser panics, or reads what it would not
//! write like that.
//!
//! The tests here give them what was changed by chance, `cargo xtask fuzz` what a fuzzer comes to that sees which code it
//! reaches.
#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "these are tests, which a feature brings into the library"
)]

mod seeds;
mod bundles;
#[cfg(test)]
mod tests;

use std::fmt::Display;
use std::str::FromStr;

use serde_json::Value;
use uuid::Uuid;

use crate::bundle::verify;
use crate::event::{AUDIT_CLASS, Columns, DEFAULT_CLASS, EncodedEvent, Stamp, jcs, open_all};
use crate::export::Column;
use crate::merkle::leaf_hash;
use crate::note::{
    AddCheckpoint, Checkpoint, Policy, Proof, Revoked, SignedNote, SignerKey, VerifierKey,
};
use crate::prove::Disclosure;
use crate::query::{Cursor, Query};
use crate::signer::Keys;
use crate::store::{Entry, Leaf, Row};

/// A parser under test.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// What it parses.
    pub name: &'static str,
    /// Gives it any bytes.
    pub run: fn(&[u8]),
    /// Bytes that it takes, from which to begin.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// All of them.
pub const TARGETS: [Target; 13] = [
    Target { name: "note", run: note, seeds: seeds::notes },
    Target { name: "checkpoint", run: checkpoint, seeds: seeds::checkpoints },
    Target { name: "proof", run: proof, seeds: seeds::proofs },
    Target { name: "policy", run: policy, seeds: seeds::policies },
    Target { name: "revoked", run: revoked, seeds: seeds::revoked },
    Target { name: "key", run: key, seeds: seeds::keys },
    Target { name: "witness", run: witness, seeds: seeds::witness },
    Target { name: "event", run: event, seeds: seeds::events },
    Target { name: "bundle", run: bundle, seeds: bundles::bundles },
    Target { name: "disclosure", run: disclosure, seeds: bundles::disclosures },
    Target { name: "query", run: query, seeds: seeds::queries },
    Target { name: "cursor", run: cursor, seeds: seeds::cursors },
    Target { name: "columns", run: columns, seeds: seeds::columns },
];

/// What is read must be written as it was.
fn read<T: FromStr + Display>(text: &str) -> Option<T> {
    let read: T = text.parse().ok()?;
    assert_eq!(read.to_string(), text, "read, and written in another way");
    Some(read)
}

fn note(bytes: &[u8]) {
    let note = SignedNote::try_from(bytes);
    let text = std::str::from_utf8(bytes);
    assert_eq!(note.is_ok(), text.is_ok_and(|text| text.parse::<SignedNote>().is_ok()));
    if let Ok(note) = note {
        assert_eq!(note.to_string().as_bytes(), bytes);
        // Whoever it is by: nobody but the keys of the seeds is believed, and those only of what they have signed.
        let believed = note.verified(&seeds::TRUSTED).is_ok();
        assert!(!believed || seeds::NOTES.iter().any(|signed| signed.text() == note.text()));
        if let Ok(trusted) = seeds::POLICY.check(&note) {
            assert_eq!(trusted.checkpoint.to_string(), note.text());
        }
    }
}

fn checkpoint(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        read::<Checkpoint>(text);
    }
}

fn proof(bytes: &[u8]) {
    if let Some(proof) = std::str::from_utf8(bytes).ok().and_then(read::<Proof>) {
        // It may be one of the seeds, of another leaf than this.
        assert!(proof.verify(leaf_hash(bytes), &seeds::POLICY).is_err());
    }
}

fn policy(bytes: &[u8]) {
    let Ok(policy) = std::str::from_utf8(bytes).unwrap_or_default().parse::<Policy>() else {
        return;
    };
    // Comments and spaces go; what is left means the same.
    assert_eq!(policy.to_string().parse::<Policy>().unwrap(), policy);
    for note in seeds::NOTES.iter() {
        let _ = policy.check(note);
    }
}

fn revoked(bytes: &[u8]) {
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    if let Ok(revoked) = text.parse::<Revoked>() {
        assert_eq!(revoked.to_string().parse::<Revoked>().unwrap(), revoked);
        assert!(revoked.iter().all(|(key, size)| revoked.size(key) == Some(size)));
    }
}

fn key(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    read::<VerifierKey>(text);
    if let Ok(secret) = text.parse::<SignerKey>() {
        assert_eq!(secret.to_secret_text(), text);
        let told = format!("{secret:?}");
        assert!(!told.contains(text));
    }
    if let Ok(keys) = Keys::parse(text, Revoked::default()) {
        let again = Keys::parse(&keys.to_secret_text(), Revoked::default()).unwrap();
        assert!(again.logs().eq(keys.logs()) && again.cosigners().eq(keys.cosigners()));
    }
}

fn witness(bytes: &[u8]) {
    if let Ok(text) = std::str::from_utf8(bytes) {
        read::<AddCheckpoint>(text);
    }
    // The same as an answer, after the two bytes of its status.
    let (status, body) = bytes.split_at(bytes.len().min(2));
    let status = status.iter().fold(0, |status, byte| status << 8 | u16::from(*byte));
    let (asked, key) = &*seeds::ASKED;
    for status in [status, 200, 409] {
        let _ = asked.answered(status, body, key);
    }
}

fn bundle(bytes: &[u8]) {
    for log in verify(bytes, &seeds::POLICY).into_iter().flatten() {
        assert_eq!(log.trusted.checkpoint.to_string(), bundles::LOG.note.text());
    }
}

fn disclosure(bytes: &[u8]) {
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    if let Some(Ok(shown)) = read::<Disclosure>(text).map(|read| read.verify(&seeds::POLICY)) {
        assert!(bundles::SHOWN.contains(&shown.event));
    }
}

fn query(bytes: &[u8]) {
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    if let Ok(query) = text.parse::<Query>() {
        // Times that count back from now are written as they were.
        let written = query.to_string();
        assert_eq!(written.parse::<Query>().unwrap().to_string(), written);
        let _ = (query.check(), query.matches("a.example/audit/standard", &seeds::EVENT));
    }
}

fn cursor(bytes: &[u8]) {
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    if let Ok(cursor) = text.parse::<Cursor>() {
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
    }
}

fn columns(bytes: &[u8]) {
    let text = std::str::from_utf8(bytes).unwrap_or_default();
    for column in Column::list(text).into_iter().flatten() {
        assert_eq!(column.to_string().parse(), Ok(column));
    }
}

/// A row of a store: the bytes, and behind a byte that no text has, the openings.
fn event(bytes: &[u8]) {
    let mut parts = bytes.splitn(2, |byte| *byte == 0xff);
    let (canon, openings) = (parts.next().unwrap_or_default(), parts.next());
    let openings = openings.map(|openings| String::from_utf8_lossy(openings).into_owned());
    let columns = Columns::of(canon);
    let _ = Stamp::of(canon);
    let _ = openings.as_deref().map(open_all);
    let row = Row {
        index: 0,
        segment: None,
        recorded_at: Some(chrono::DateTime::UNIX_EPOCH),
        leaf: Some(leaf_hash(canon)),
        canon: canon.to_owned(),
        columns: None,
        openings: openings.clone(),
        ip: None,
    };
    let shown = Entry::new("a.example/audit/standard", row).unwrap().event();
    let Ok(canon) = String::from_utf8(canon.to_owned()) else {
        return;
    };
    let of = |member: &str| shown.get(member).and_then(Value::as_str);
    let id = of("id").and_then(|id| Uuid::parse_str(id).ok()).unwrap_or_default();
    let is_own = of("action").is_some_and(|action| action.starts_with("audit."));
    let class = if is_own { AUDIT_CLASS } else { of("retention").unwrap_or(DEFAULT_CLASS) };
    let event = EncodedEvent { id, class: class.to_owned(), canon, openings };
    if let Ok(leaf) = Leaf::new(event) {
        assert_eq!(leaf.columns, columns.unwrap());
        // Strict: there is no other way to write the same.
        let again: Value = serde_json::from_str(&leaf.event.canon).unwrap();
        assert_eq!(jcs(&again), leaf.event.canon);
    }
}
