//! What can go wrong.

use std::error::Error;
use std::fmt::{Display, Formatter, Result};
use std::io;

use crate::URL_VARIABLE;

/// Why there is no server, or why it did not do as it was told.
#[derive(Debug)]
#[non_exhaustive]
pub enum ServerError {
    /// No programs of PostgreSQL 13 or newer are on this machine.
    NotInstalled {
        /// Those that were found and do not fit, each with the reason.
        passed_over: Vec<String>,
    },
    /// The operating system refused something.
    System {
        /// What was tried, and on what.
        doing: String,
        /// The reason that the system gives.
        source: io::Error,
    },
    /// A program of PostgreSQL failed.
    Program {
        /// What was asked of it.
        doing: String,
        /// What it said.
        said: String,
    },
}

impl ServerError {
    /// For `map_err`.
    pub(crate) fn system(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        |source| Self::System { doing, source }
    }
}

impl Display for ServerError {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::NotInstalled { passed_over } => {
                f.write_str(
                    "no PostgreSQL 13 or newer: `postgres`, `initdb` and `pg_ctl` are neither in PATH, nor where \
                     `pg_config --bindir` says, nor in /usr/lib/postgresql/*/bin",
                )?;
                for reason in passed_over {
                    write!(f, "; {reason}")?;
                }
                write!(
                    f,
                    ". Install it (Debian: `apt-get install postgresql`), or set {URL_VARIABLE} to the URL of a server"
                )
            }
            Self::System { doing, .. } => write!(f, "test server: could not {doing}"),
            Self::Program { doing, said } => {
                write!(f, "test server: could not {doing}: {}", said.trim_end())
            }
        }
    }
}

impl Error for ServerError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::System { source, .. } => Some(source),
            Self::NotInstalled { .. } | Self::Program { .. } => None,
        }
    }
}
