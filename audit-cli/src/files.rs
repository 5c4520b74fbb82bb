//! Texts that come from files and go into files.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

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

/// The files that a path means: all checkpoints of a folder, or itself.
pub(crate) fn checkpoints(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    if !path.is_dir() {
        return Ok(vec![path.to_owned()]);
    }
    let failed = |why| Failure::File(path.to_owned(), Box::new(why));
    let mut files = Vec::new();
    for file in fs::read_dir(path).map_err(failed)? {
        let file = file.map_err(failed)?.path();
        if file.extension().is_some_and(|extension| extension == "checkpoint") {
            files.push(file);
        }
    }
    files.sort();
    Ok(files)
}

/// Puts a text in the place of what the file held, so that nobody ever reads half of it.
pub(crate) fn write(path: &Path, text: &str) -> Result<(), Failure> {
    let next = path.with_extension("next");
    let written = || {
        let mut file = File::create(&next)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&next, path)
    };
    written().map_err(|why| Failure::File(path.to_owned(), Box::new(why)))
}

fn read(path: &Path) -> Result<String, Failure> {
    fs::read_to_string(path).map_err(|why| Failure::File(path.to_owned(), Box::new(why)))
}
