//! The folder in which a signer keeps its keys and its state.

use std::fs::{self, File, Metadata, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};

use super::State;
use super::keys::Keys;
use crate::event::random;
use crate::note::{KeyError, PolicyError, Revoked};

const KEYS: &str = "keys";
const REVOKED: &str = "revoked";
const ID: &str = "id";
const STATE: &str = "state.json";
const NEXT: &str = "next";
const LOCK: &str = "lock";

/// A folder that only one signer uses at a time.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    /// Held as long as this is; none by who only looks.
    _lock: Option<File>,
}

/// A signer's folder that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FolderError {
    /// Something could not be read or written.
    #[error("cannot use `{}` of the signer's folder", .path.display())]
    Io {
        /// What.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// It is in use.
    #[error("another signer uses `{}`: only one may sign", .0.display())]
    InUse(PathBuf),
    /// Others may read the secret keys.
    #[error("`{}` can be read by others: `chmod 600` it, and think of whether these keys are still secret", .0.display())]
    Readable(PathBuf),
    /// Others may write there.
    #[error("others can write to `{}`: `chmod go-w` it, and think of whether what is there is what was", .0.display())]
    Writable(PathBuf),
    /// A line of the keys is none.
    #[error("line {line} of `{}`: {why}", .path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// What is wrong.
        why: KeyError,
    },
    /// What was revoked cannot be read.
    #[error("`{}`", .path.display())]
    Revoked {
        /// The file.
        path: PathBuf,
        /// Where, and what is wrong.
        source: PolicyError,
    },
    /// The state is none.
    #[error("`{}` is no state of a signer: bring back what was there; without it nothing is signed", .0.display())]
    State(PathBuf),
    /// Somebody has changed the state meanwhile.
    #[error("`{}` was changed by somebody else: nothing was signed", .0.display())]
    Changed(PathBuf),
}

impl Folder {
    pub(super) fn open(path: &Path) -> Result<Self, FolderError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| FolderError::Io { path, source }
        };
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.recursive(true).create(path).map_err(failed(path))?;
        let metadata = fs::metadata(path).map_err(failed(path))?;
        if others_may(&metadata, 0o022) {
            return Err(FolderError::Writable(path.to_owned()));
        }
        let at = path.join(LOCK);
        let mut options = OpenOptions::new();
        let lock =
            options.create(true).truncate(false).write(true).open(&at).map_err(failed(&at))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: Some(lock) }),
            Err(TryLockError::WouldBlock) => Err(FolderError::InUse(path.to_owned())),
            Err(TryLockError::Error(source)) => Err(failed(&at)(source)),
        }
    }

    /// Only to look into it. Files are replaced as a whole, so what is seen was there.
    pub(super) fn look(path: &Path) -> Result<Self, FolderError> {
        let folder = Self { path: path.to_owned(), _lock: None };
        fs::metadata(path).map_err(|source| folder.io("", source))?;
        Ok(folder)
    }

    pub(super) fn keys(&self) -> Result<Keys, FolderError> {
        let path = self.path.join(REVOKED);
        let revoked: Revoked = match self.read(REVOKED)? {
            Some(text) => text.parse().map_err(|source| FolderError::Revoked { path, source })?,
            None => Revoked::default(),
        };
        let path = self.path.join(KEYS);
        let text = self.read(KEYS)?.unwrap_or_default();
        Keys::parse(&text, revoked).map_err(|(line, why)| FolderError::Key { path, line, why })
    }

    /// What was revoked is known before the key is gone.
    pub(super) fn keep(&self, keys: &Keys) -> Result<(), FolderError> {
        if !keys.revoked().is_empty() {
            self.replace(REVOKED, keys.revoked().to_string().as_bytes())?;
        }
        self.replace(KEYS, keys.to_secret_text().as_bytes())
    }

    pub(super) fn state(&self) -> Result<Option<State>, FolderError> {
        let Some(text) = self.read(STATE)? else {
            return Ok(None);
        };
        let state = serde_json::from_str(&text);
        state.map(Some).map_err(|_| FolderError::State(self.path.join(STATE)))
    }

    /// Replaces the state, and only what was there before.
    pub(super) fn save(&self, before: &State, state: &State) -> Result<(), FolderError> {
        let found = self.state()?;
        if found.as_ref().is_some_and(|found| found != before) {
            return Err(FolderError::Changed(self.path.join(STATE)));
        }
        let text = serde_json::to_vec(state).map_err(|why| self.io(STATE, why.into()))?;
        self.replace(STATE, &text)
    }

    /// Puts a file in the place of another, so that after a loss of power there is the one or the other.
    fn replace(&self, name: &str, text: &[u8]) -> Result<(), FolderError> {
        let written = || {
            let next = self.path.join(NEXT);
            match fs::remove_file(&next) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
            let mut file = private().write(true).create_new(true).open(&next)?;
            file.write_all(text)?;
            file.sync_all()?;
            fs::rename(&next, self.path.join(name))?;
            sync(&self.path)
        };
        written().map_err(|source| self.io(name, source))
    }

    /// What the signer is called where it meets others: random, and made once.
    pub(super) fn id(&self) -> Result<String, FolderError> {
        if let Some(id) = self.read(ID)? {
            return Ok(id);
        }
        let id = hex::encode(random());
        self.replace(ID, id.as_bytes())?;
        Ok(id)
    }

    fn read(&self, name: &str) -> Result<Option<String>, FolderError> {
        let path = self.path.join(name);
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(self.io(name, source)),
        };
        let metadata = file.metadata().map_err(|source| self.io(name, source))?;
        // All of them say what was signed, by whom and up to where; only the keys are secret.
        match name {
            KEYS if others_may(&metadata, 0o077) => return Err(FolderError::Readable(path)),
            _ if others_may(&metadata, 0o022) => return Err(FolderError::Writable(path)),
            _ => {}
        }
        let mut text = String::new();
        file.read_to_string(&mut text).map_err(|source| self.io(name, source))?;
        Ok(Some(text))
    }

    fn io(&self, name: &str, source: io::Error) -> FolderError {
        FolderError::Io { path: self.path.join(name), source }
    }
}

/// How files are made that nobody else reads.
fn private() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// Whether others than the owner have any of these rights.
#[cfg(unix)]
fn others_may(metadata: &Metadata, rights: u32) -> bool {
    std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & rights != 0
}

#[cfg(not(unix))]
fn others_may(_metadata: &Metadata, _rights: u32) -> bool {
    false
}

/// Makes a new name in a folder last.
fn sync(folder: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(folder)?.sync_all() } else { Ok(()) }
}
