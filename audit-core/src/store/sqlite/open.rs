//! How a file is opened: to be written, with its tables made, or only to be looked at.

use std::error::Error as _;
use std::path::Path;
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqliteSynchronous};
use sqlx::{ConnectOptions as _, Connection as _};
use tokio::time::sleep;

use super::errors::{meaning, result_code};
use super::schema;
use crate::store::doing::Doing;
use crate::store::{StoreError, StoreErrorKind};

/// Between two tries to switch a file to write-ahead logging.
const PAUSE: Duration = Duration::from_millis(10);

/// Rows that SQLite's thread may find ahead of whoever reads them: with sqlx's own 50, the two wait for one another all the time.
const ROWS_AHEAD: usize = 512;

/// A database file, by the name that errors give it, and how its connections are opened.
pub(super) struct Source {
    pub(super) file: Arc<str>,
    pub(super) options: SqliteConnectOptions,
}

impl Source {
    /// Reads a path or a `sqlite:` URL.
    pub(super) fn of(path_or_url: &str, busy_timeout: Duration) -> Result<Self, StoreError> {
        let incompatible = |what| {
            let text = format!("open the log in {path_or_url:?}: {what}");
            StoreError::new(StoreErrorKind::Incompatible, text)
        };
        let options = match path_or_url.strip_prefix("sqlite:") {
            // Each connection would have a memory of its own.
            Some(url) if url.contains(":memory:") || url.contains("mode=memory") => {
                return Err(incompatible("SQLite's memory cannot keep a log, name a file"));
            }
            Some(_) => SqliteConnectOptions::from_str(path_or_url).map_err(|error| {
                incompatible("this is no URL of a SQLite database").caused_by(error)
            })?,
            // To SQLite these are not names of files.
            None if matches!(path_or_url, "" | ":memory:") || path_or_url.starts_with("file:") => {
                return Err(incompatible("name a file by its path, or by a `sqlite:` URL"));
            }
            None => SqliteConnectOptions::new().filename(path_or_url),
        };
        let options = options.busy_timeout(busy_timeout).synchronous(SqliteSynchronous::Full);
        let options = options.row_buffer_size(ROWS_AHEAD);
        Ok(Self {
            file: options.get_filename().display().to_string().into(),
            options: options.disable_statement_logging(),
        })
    }

    /// Creates the file where there is none, and brings its tables to this version.
    pub(super) async fn made(self, busy_timeout: Duration) -> Result<Self, StoreError> {
        let doing = Doing::new("open the log", &self.file, meaning);
        let mut connection = self.make(busy_timeout, &doing).await?;
        schema::migrate(&mut connection, &doing).await?;
        connection.close().await.map_err(|error| doing.failed(error))?;
        Ok(self)
    }

    /// Creates the file where there is none, with a write-ahead log.
    pub(super) async fn make(
        &self,
        busy_timeout: Duration,
        doing: &Doing,
    ) -> Result<SqliteConnection, StoreError> {
        let creating =
            self.options.clone().create_if_missing(true).journal_mode(SqliteJournalMode::Wal);
        // SQLite does not wait for the lock that it needs to switch the mode of a new file.
        let mut patience = busy_timeout;
        loop {
            match creating.connect().await {
                Ok(connection) => return Ok(connection),
                Err(error) if result_code(&error) == BUSY && !patience.is_zero() => {
                    patience = patience.saturating_sub(PAUSE);
                    sleep(PAUSE).await;
                }
                Err(error) => return Err(doing.failed(error)),
            }
        }
    }

    /// Makes sure that there is a log of this version, and changes nothing.
    pub(super) async fn found(mut self) -> Result<Self, StoreError> {
        self.options = self.options.create_if_missing(false).read_only(true);
        match self.look().await {
            // To read a file in this mode, SQLite needs a `-shm` beside it, and there none can be made.
            // As long as nobody writes to it, it can be read as one that does not change.
            Err(error) if is_without_access(&error) && self.is_at_rest() => {
                self.options = self.options.immutable(true);
                self.look().await?;
            }
            looked => looked?,
        }
        Ok(self)
    }

    async fn look(&self) -> Result<(), StoreError> {
        let doing = Doing::new("open the existing log", &self.file, meaning);
        let mut connection = self.options.connect().await.map_err(|error| doing.failed(error))?;
        schema::check(&mut connection, &doing).await?;
        connection.close().await.map_err(|error| doing.failed(error))
    }

    /// Whether all of the database is in the file itself.
    fn is_at_rest(&self) -> bool {
        let wal = std::fs::metadata(format!("{}-wal", self.file));
        Path::new(&*self.file).is_file() && wal.map_or(0, |wal| wal.len()) == 0
    }
}

const BUSY: i32 = 5;

/// READONLY or CANTOPEN.
fn is_without_access(error: &StoreError) -> bool {
    let source = error.source().and_then(|source| source.downcast_ref::<sqlx::Error>());
    source.is_some_and(|source| matches!(result_code(source) & 0xff, 8 | 14))
}
