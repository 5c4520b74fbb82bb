//! What is in a bundle.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::BundleError;
use crate::merkle::{Frontier, Hash};
use crate::note;

/// Name of the member.
pub(super) const MANIFEST: &str = "bundle.json";

/// The version of the format that is written and read.
const VERSION: u32 = 1;

/// What is in a bundle. Members stand in the order of their names, so that there is one way to write it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    pub(super) logs: Vec<Log>,
    v: u32,
}

/// Which entries of a log, and how they are bound to its checkpoint.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Log {
    /// That the log of the checkpoint begins with the tree that ends with the last entry here: a consistency proof.
    after: Vec<String>,
    /// The peaks of the tree before the first entry.
    before: Vec<String>,
    pub(super) end: u64,
    pub(super) first: u64,
    pub(super) origin: String,
}

impl Log {
    pub(super) fn new(origin: &str, before: &Frontier, end: u64, after: &[Hash]) -> Self {
        let texts =
            |hashes: &[Hash]| hashes.iter().map(|hash| STANDARD.encode(hash.as_bytes())).collect();
        Self {
            after: texts(after),
            before: texts(before.peaks()),
            end,
            first: before.size(),
            origin: origin.to_owned(),
        }
    }

    /// The tree before the first entry.
    pub(super) fn before(&self) -> Result<Frontier, BundleError> {
        let bytes: Vec<u8> =
            hashes(&self.before)?.iter().flat_map(Hash::as_bytes).copied().collect();
        let wrong = |error| BundleError::form(MANIFEST, format!("{}: {error}", self.origin));
        Frontier::from_bytes(self.first, &bytes).map_err(wrong)
    }

    pub(super) fn after(&self) -> Result<Vec<Hash>, BundleError> {
        hashes(&self.after)
    }
}

fn hashes(texts: &[String]) -> Result<Vec<Hash>, BundleError> {
    let hash = |text: &String| note::hash(text);
    let wrong = || BundleError::form(MANIFEST, "a hash is not 32 bytes in base64");
    texts.iter().map(|text| hash(text).ok_or_else(wrong)).collect()
}

impl Manifest {
    pub(super) fn new(logs: Vec<Log>) -> Self {
        Self { logs, v: VERSION }
    }

    pub(super) fn text(&self) -> Result<String, serde_json::Error> {
        Ok(serde_json::to_string(self)? + "\n")
    }

    pub(super) fn parse(content: &[u8]) -> Result<Self, BundleError> {
        let wrong = |why: String| BundleError::form(MANIFEST, why);
        let manifest: Self =
            serde_json::from_slice(content).map_err(|error| wrong(error.to_string()))?;
        if manifest.v != VERSION {
            return Err(wrong(format!(
                "is of version {}; only {VERSION} is known here",
                manifest.v
            )));
        }
        if manifest.text().map_err(|error| wrong(error.to_string()))?.as_bytes() != content {
            return Err(wrong("is not spelled as bundles spell it".to_owned()));
        }
        let mut origins = BTreeSet::new();
        if let Some(log) = manifest.logs.iter().find(|log| !origins.insert(&*log.origin)) {
            return Err(wrong(format!("names {} twice", log.origin)));
        }
        if manifest.logs.is_empty() {
            return Err(wrong("names no log".to_owned()));
        }
        Ok(manifest)
    }
}
