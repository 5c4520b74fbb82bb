//! Texts that come from files and go into files.

use std::error::Error;
use std::fs::{self, File};
use std::io::{ErrorKind, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use audit_core::note::{Checkpoint, Policy, Revoked, SignedNote};
use audit_core::store::LogId;

use crate::output::Failure;

/// Longest name of a file, without its extension.
const MAX_NAME: usize = 200;

/// No text of this kind is so large.
const MAX_TEXT: u64 = 4 << 20;

const TOO_LARGE: &str = "it is larger than any note, proof or policy";

/// A policy, and what was revoked of it, if there is such a file beside it.
pub(crate) fn policy(path: &Path) -> Result<Policy, Failure> {
    let policy: Policy = parsed(path)?;
    Ok(policy.revoking(revoked(path)?))
}

/// What was revoked of a policy: nothing, where no file beside it says so.
pub(crate) fn revoked(policy: &Path) -> Result<Revoked, Failure> {
    let beside = revoked_beside(policy);
    if is_there(&beside) { parsed(&beside) } else { Ok(Revoked::default()) }
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
    ending_with("checkpoint", path)
}

/// The files of a folder that have this extension.
pub(crate) fn ending_with(extension: &str, path: &Path) -> Result<Vec<PathBuf>, Failure> {
    let failed = |why| Failure::File(path.to_owned(), Box::new(why));
    let mut files = Vec::new();
    for file in fs::read_dir(path).map_err(failed)? {
        let file = file.map_err(failed)?.path();
        if file.extension().is_some_and(|there| there == extension) {
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
        // It may be left of one that was killed. Others who write to the folder may have put a link there, which is not followed.
        if is_there(&next) {
            fs::remove_file(&next)?;
        }
        let mut file = File::create_new(&next)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&next, path)
    };
    written().map_err(|why| Failure::File(path.to_owned(), Box::new(why)))
}

/// Writes a checkpoint into a folder, where none is there that tells of more.
pub(crate) fn publish(into: &Path, policy: &Policy, note: &SignedNote) -> Result<(), Failure> {
    let path = into.join(checkpoint_name(origin(note)));
    match goes_back(&path, policy, note) {
        true => Err(Failure::GoesBack(path)),
        false => write(&path, &note.to_string()),
    }
}

/// Whether what is published already says that there was more, or something else.
fn goes_back(path: &Path, policy: &Policy, note: &SignedNote) -> bool {
    let (Ok(before), Ok(now)) = (checkpoint(path, policy), note.text().parse::<Checkpoint>())
    else {
        // A file of others, or a broken one, says nothing. One that is ours, by a key that is gone, cannot be told from it.
        return false;
    };
    before.size > now.size || (before.size == now.size && before.root != now.root)
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

/// The name of the log that a checkpoint is of.
pub(crate) fn origin(note: &SignedNote) -> &str {
    note.text().lines().next().unwrap_or_default()
}

/// A log's name as that of a file: no two logs have the same.
pub(crate) fn checkpoint_name(origin: &str) -> String {
    let mut name = String::new();
    for byte in origin.bytes() {
        match byte {
            b'a'..=b'z' | b'0'..=b'9' | b'.' | b'_' => name.push(byte.into()),
            b'/' => name.push('-'),
            other => name.push_str(&format!("%{other:02x}")),
        }
    }
    if name.len() > MAX_NAME {
        name = format!("%log-{:016x}", LogId::of(origin).0);
    }
    format!("{name}.checkpoint")
}

#[cfg(test)]
mod tests {
    use super::checkpoint_name;

    #[test]
    fn logs_have_files_of_their_own_that_stay_in_the_folder() {
        assert_eq!(
            checkpoint_name("a.example/audit/standard"),
            "a.example-audit-standard.checkpoint"
        );
        let long = ["x".repeat(300), "y".repeat(300)];
        let names =
            ["a/b", "A/b", "a-b", "a%2db", "../a", "ä", &long[0], &long[1]].map(checkpoint_name);
        let mut distinct = names.to_vec();
        distinct.sort();
        distinct.dedup();
        assert_eq!(distinct.len(), names.len());
        assert!(names.iter().all(|name| !name.contains('/') && name.len() < 255));
    }
}
