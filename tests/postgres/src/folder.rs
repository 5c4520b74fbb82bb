//! The server's folder: its data, its socket, its log.

use std::env;
use std::fs::{DirBuilder, File, read_dir, remove_dir_all, symlink_metadata};
use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, chown};
use std::path::{Path, PathBuf};

use crate::programs::Programs;
use crate::user::User;
use crate::{ServerError, processes};

const PREFIX: &str = "audit-pg-";

/// The path of a socket may have 107 bytes at most; our part of it is the rest.
const LONGEST_BASE: usize = 64;

/// Is removed when dropped.
pub(crate) struct Folder {
    path: PathBuf,
    /// On the folder itself. The system releases it with the owner's end, however that came.
    pub(crate) lock: File,
}

impl Folder {
    pub(crate) fn new(user: User) -> Result<Self, ServerError> {
        let base = base(user);
        create(&base, user)
            .map_err(ServerError::system(format!("make a folder in {}", base.display())))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn data(&self) -> PathBuf {
        data(&self.path)
    }

    pub(crate) fn log(&self) -> PathBuf {
        self.path.join("log")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed now is removed by the next start.
        let _ = remove_dir_all(&self.path);
    }
}

fn data(folder: &Path) -> PathBuf {
    folder.join("data")
}

/// The folder for temporary files, where a socket's path stays short, needs no quotes, and the user may enter. Root's
/// own may be closed to others.
fn base(user: User) -> PathBuf {
    let fits = |path: &PathBuf| {
        let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
        let text = path.to_str().unwrap_or_default();
        text.starts_with('/') && text.len() <= LONGEST_BASE && text.chars().all(plain)
    };
    // Without links, as the system tells where a process works.
    let resolved = |path: PathBuf| path.canonicalize().unwrap_or(path);
    let own = (!user.other).then(env::temp_dir).map(resolved);
    own.filter(fits).unwrap_or_else(|| resolved(PathBuf::from("/tmp")))
}

fn create(base: &Path, user: User) -> io::Result<Folder> {
    // A name that nobody had before: whoever held a folder that was swept away must not meet another one there.
    let random = RandomState::new().build_hasher().finish();
    let path = base.join(format!("{PREFIX}{random:016x}"));
    DirBuilder::new().mode(0o700).create(&path)?;
    let folder = Folder { lock: File::open(&path)?, path };
    folder.lock.lock()?;
    chown(&folder.path, Some(user.uid), Some(user.gid))?;
    Ok(folder)
}

/// Ends the servers that have lost their owner, and removes their folders. What does not go is left: it harms nobody.
pub(crate) fn sweep(programs: &Programs) {
    let entries = read_dir(base(programs.user)).into_iter().flatten().flatten();
    for entry in entries {
        let path = entry.path();
        let named = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        let ours = symlink_metadata(&path).is_ok_and(|found| found.uid() == programs.user.uid);
        let Some(folder) = (named && ours).then(|| File::open(&path).ok()).flatten() else {
            continue;
        };
        // No data yet: its owner is about to take the lock.
        if folder.try_lock().is_ok()
            && data(&path).is_dir()
            && processes::end(programs, &data(&path), "QUIT").is_ok()
        {
            let _ = remove_dir_all(&path);
        }
    }
}
