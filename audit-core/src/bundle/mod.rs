//! Entries in one file, for people who have no database: what they say, and that they are what was signed.
//!
//! A bundle holds a range of entries of a log, or of several, to the byte; what binds them to a signed checkpoint, whole and
//! in order; and if that was asked for, the personal values in them. It is a tar archive, whose members `docs/format.md` describes so
//! that it can be checked with SHA-256 alone.

mod tar;
mod manifest;
mod disclosed;
mod write;
mod verify;
#[cfg(test)]
mod tests;

use std::io;
use std::ops::Range;

pub use verify::{policy_in, verify};
pub use write::{Part, WriteError, write};

use crate::event::EncodingError;
use crate::merkle::ProofError;
use crate::note::{Refused, Trusted};

/// Name of the member that says who is believed.
const POLICY: &str = "policy";

/// Most lines of a member.
const MAX_LINES: usize = 1_000;

/// What a bundle holds of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundled {
    /// The checkpoint, and which witnesses have seen it.
    pub trusted: Trusted,
    /// Which entries.
    pub entries: Range<u64>,
    /// How many personal values are disclosed.
    pub openings: u64,
}

/// A bundle that is none, or that does not hold what was signed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// It cannot be read.
    #[error("the bundle cannot be read")]
    Read(#[from] io::Error),
    /// It is not built like one: cut off, put together anew, or not of this format.
    #[error("this is no whole bundle: {0}")]
    Form(String),
    /// Its checkpoint is not believed.
    #[error("the checkpoint of {log} is not believed")]
    Checkpoint {
        /// The log's name.
        log: String,
        /// Why.
        source: Refused,
    },
    /// Its entries are not those of the log that was signed.
    #[error(
        "the entries of {log} are not those that were signed: some were changed, removed, added or moved"
    )]
    Entries {
        /// The log's name.
        log: String,
        /// Where they lead to.
        source: ProofError,
    },
    /// An entry is none, or there is more than one way to read it.
    #[error("entry {index} of {log}")]
    Entry {
        /// The log's name.
        log: String,
        /// The index of the entry.
        index: u64,
        /// What is wrong.
        source: EncodingError,
    },
}

impl BundleError {
    /// Whether the bundle could be read, and is not what it should be.
    #[must_use]
    pub const fn is_finding(&self) -> bool {
        !matches!(self, Self::Read(_) | Self::Form(_))
    }

    fn form(member: &str, why: impl AsRef<str>) -> Self {
        Self::Form(format!("`{member}` {}", why.as_ref()))
    }

    fn archive(why: &str) -> Self {
        Self::Form(why.to_owned())
    }
}

fn checkpoint(log: usize) -> String {
    format!("{log}/checkpoint")
}

fn entries(log: usize, first: u64) -> String {
    format!("{log}/entries/{first:020}.jsonl")
}

fn openings(log: usize, first: u64) -> String {
    format!("{log}/openings/{first:020}.jsonl")
}
