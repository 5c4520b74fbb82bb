//! Texts that come from files and go into files.

use std::error::Error;
use std::fs::{self, File};
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use audit_core::note::{Checkpoint, Policy, Revoked, SignedNote};

use crate::output::Failure;

/// No text of this kind is so large.
const MAX_TEXT: u64 = 4 << 20;

const TOO_LARGE: &str = "it is larger than any note, proof or policy";

/// A policy, and what was revoked of it, if there is such a file beside it.
pub(crate) fn policy(path: &Path) -> Result<Policy, Failure> {
    let policy: Policy = parsed(path)?;
    let beside = revoked_beside(path);
    Ok(if is_there(&beside) { policy.revoking(parsed::<Revoked>(&beside)?) } else { policy })
}

/// Whether there is anything by this name. What cannot be looked at is there: whoever reads it is told why he cannot.
pub(crate) fn is_there(path: &Path) -> bool {
    !fs::symlink_metadata(path).is_err_and(|why| why.kind() == ErrorKind::NotFound)
}

/// Where the keys stand that were revoked of a policy.
pub(crate) fn revoked_beside(policy: &Path) -> PathBuf {
    let mut name = policy.as_os_str().to_owned();
    name.push(".revoked");
    name.into()
}

pub(crate) fn note(path: &Path) -> Result<SignedNote, Failure> {
    parsed(path)
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

pub(crate) fn parsed<T: FromStr<Err: Error + Send + Sync + 'static>>(
    path: &Path,
) -> Result<T, Failure> {
    let failed = |why: Box<dyn Error + Send + Sync>| Failure::File(path.to_owned(), why);
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(MAX_TEXT).read_to_string(&mut text));
    match read {
        Ok(read) if u64::try_from(read) == Ok(MAX_TEXT) => Err(failed(TOO_LARGE.into())),
        Ok(_) => text.parse().map_err(|why| failed(Box::new(why))),
        Err(why) => Err(failed(Box::new(why))),
    }
}
