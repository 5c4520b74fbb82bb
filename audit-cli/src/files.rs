//! Texts that come from files and go into files.

use std::fs;
use std::path::Path;

use audit_core::note::{Checkpoint, Policy, SignedNote};

use crate::output::Failure;

pub(crate) fn policy(path: &Path) -> Result<Policy, Failure> {
    read(path)?.parse().map_err(|why| Failure::File(path.to_owned(), Box::new(why)))
}

pub(crate) fn note(path: &Path) -> Result<SignedNote, Failure> {
    read(path)?.parse().map_err(|why| Failure::File(path.to_owned(), Box::new(why)))
}

/// A checkpoint, if the policy accepts it.
pub(crate) fn checkpoint(path: &Path, policy: &Policy) -> Result<Checkpoint, Failure> {
    let trusted = policy.check(&note(path)?);
    let trusted = trusted.map_err(|why| Failure::File(path.to_owned(), Box::new(why)))?;
    Ok(trusted.checkpoint)
}

/// Puts a text in the place of what the file held, so that nobody ever reads half of it.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let next = path.with_extension("next");
    let written = fs::write(&next, text).and_then(|()| fs::rename(&next, path));
    written.map_err(|why| Failure::File(path.to_owned(), Box::new(why)))
}

fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|why| Failure::File(path.to_owned(), Box::new(why)))
}
