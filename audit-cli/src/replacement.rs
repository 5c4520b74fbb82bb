//! A file that is written whole, or not at all.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use tempfile::NamedTempFile;

use crate::output::Failure;

/// A file that comes into the place of what a path names when all of it is written; before that, it is not there.
/// Nobody else may read it.
pub(crate) struct Replacement {
    file: BufWriter<NamedTempFile>,
    path: PathBuf,
}

impl Replacement {
    pub(crate) fn of(path: &Path) -> Result<Self, Failure> {
        // What is a pipe or a device must stay one.
        if path.metadata().is_ok_and(|there| !there.is_file()) {
            let why = "it is there, and is no file that could be replaced: write to stdout instead";
            return Err(Failure::File(path.to_owned(), why.into()));
        }
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        let file = NamedTempFile::new_in(folder);
        let file = file.map_err(|why| Failure::File(path.to_owned(), Box::new(why)))?;
        Ok(Self { file: BufWriter::new(file), path: path.to_owned() })
    }

    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let written = self.file.write_all(bytes);
        written.map_err(|why| Failure::File(self.path.clone(), Box::new(why)))
    }

    pub(crate) fn put(self) -> Result<(), Failure> {
        let Self { file, path } = self;
        let put = || {
            let file = file.into_inner().map_err(|why| why.into_error())?;
            file.as_file().sync_all()?;
            file.persist(&path).map_err(|why| why.error)
        };
        put().map(drop).map_err(|why| Failure::File(path.clone(), Box::new(why)))
    }
}

impl Write for Replacement {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
