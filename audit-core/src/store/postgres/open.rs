//! How a database is reached.

use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use sqlx::ConnectOptions as _;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use tokio::time::timeout;

use super::errors::meaning;
use crate::store::doing::Doing;
use crate::store::{StoreError, StoreErrorKind};

/// How long a server has to take a connection.
const CONNECT_DEADLINE: Duration = Duration::from_secs(10);

/// What the store's sessions are, whatever the server's own defaults: they give up a lock or a statement
/// in time, what they commit is on the server's disk, and no statement is compiled, which takes longer than
/// to run it. Before the server knows of a table how large it is, it likes to read all of it, or to sort a
/// segment whose index is in order.
const SESSION: [(&str, &str); 7] = [
    ("lock_timeout", "3s"),
    ("statement_timeout", "30s"),
    ("idle_in_transaction_session_timeout", "10s"),
    ("synchronous_commit", "on"),
    ("jit", "off"),
    ("enable_seqscan", "off"),
    ("enable_sort", "off"),
];

/// What is more to those that only read: a plan for certain values may leave the index that a search is
/// meant for.
const READING: [(&str, &str); 2] =
    [("default_transaction_read_only", "on"), ("plan_cache_mode", "force_generic_plan")];

/// What lets a server end a statement for which nobody waits any more. Before version 14, and on a system that cannot tell who is
/// there, it refuses this.
const ABANDONED: (&str, &str) = ("client_connection_check_interval", "1s");

/// A database, by the name that errors give it, and how its connections are opened: those that write, and those that only read.
pub(super) struct Source {
    pub(super) database: Arc<str>,
    pub(super) options: PgConnectOptions,
    pub(super) reading: PgConnectOptions,
}

impl Source {
    /// Reads a `postgres:` URL; what is wrong with it is said without it, as it may hold a password.
    pub(super) fn of_url(url: &str) -> Result<Self, StoreError> {
        let options = match url.starts_with("postgres:") || url.starts_with("postgresql:") {
            true => PgConnectOptions::from_str(url).map_err(Some),
            false => Err(None),
        };
        options.map(Self::of).map_err(|error| {
            let text = "open the log: this is no URL of a PostgreSQL database, write \
                        `postgres://user:password@host/database`";
            let refused = StoreError::new(StoreErrorKind::Incompatible, text);
            error.into_iter().fold(refused, StoreError::caused_by)
        })
    }

    pub(super) fn of(options: PgConnectOptions) -> Self {
        let server = match options.get_socket() {
            Some(folder) => folder.display().to_string(),
            None => format!("{}:{}", options.get_host(), options.get_port()),
        };
        let database = options.get_database().unwrap_or_else(|| options.get_username());
        let database = format!("the database {database} at {server}").into();
        let options = options.options(SESSION).disable_statement_logging();
        Self { database, reading: options.clone().options(READING), options }
    }

    /// A connection of its own, on which a failure leaves nothing behind. Finds out what the server lets those set who only read.
    pub(super) async fn connect(&mut self, doing: &Doing) -> Result<PgConnection, StoreError> {
        let (name, interval) = ABANDONED;
        let set = sqlx::query("SELECT set_config($1, $2, false)").bind(name).bind(interval);
        let connected = timeout(CONNECT_DEADLINE, async {
            let mut connection = self.options.connect().await?;
            let takes_it = set.execute(&mut connection).await.is_ok();
            Ok((connection, takes_it))
        });
        let connected = connected.await.map_err(|_| doing.late())?;
        let (connection, takes_it) = connected.map_err(|error| doing.failed(error))?;
        if takes_it {
            self.reading = self.reading.clone().options([ABANDONED]);
        }
        Ok(connection)
    }

    pub(super) fn doing(&self, what: &str) -> Doing {
        Doing::new(what, &self.database, meaning)
    }
}
