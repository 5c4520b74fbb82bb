//! What the benchmark asks of a database, beside the store that it measures.

use std::path::PathBuf;

use audit_core::store::{LogId, Store};

use crate::Failure;

/// A new database with a store in it.
pub(crate) trait Database: Sized {
    /// Where databases of this kind are made.
    type Home;
    /// The store that is measured. Its clones are the same store.
    type Store: Store + Clone;
    /// Rows as the store has written them, ready to be inserted once more.
    type Rows: Clone + Send + 'static;
    /// A connection of the benchmark's own, with the settings of the store's.
    type Connection: Send + 'static;

    /// The name of the kind in the table.
    const NAME: &'static str;
    /// How many connections can write at once, to be compared with one recorder.
    const WRITERS: &'static [usize];

    async fn make(home: &Self::Home) -> Result<Self, Failure>;
    fn store(&self) -> &Self::Store;
    async fn connect(&self) -> Result<Self::Connection, Failure>;
    async fn version(&self) -> Result<String, Failure>;

    /// Makes tables with the columns, constraints and indexes of the store's, and nothing else.
    async fn make_floor(&self) -> Result<(), Failure>;

    /// The rows at these indices, by what the tables' columns are now: nothing here names one.
    async fn rows(&self, log: LogId, from: usize, count: usize) -> Result<Self::Rows, Failure>;

    /// Inserts rows into the floor's tables, many at a time, in one transaction.
    async fn insert(connection: &mut Self::Connection, rows: Self::Rows) -> Result<(), Failure>;

    /// Inserts rows into the floor's tables, each committed alone.
    fn insert_singly(
        connection: Self::Connection,
        rows: Self::Rows,
    ) -> impl Future<Output = Result<(), Failure>> + Send + 'static;

    /// Bytes written to the log of the database so far, if it says.
    async fn logged(&self) -> Result<Option<i64>, Failure>;

    /// Names and bytes of the tables of entries and of their indexes.
    async fn sizes(&self) -> Result<Vec<(String, i64)>, Failure>;

    async fn remove(self) -> Result<(), Failure>;
}

/// The folder of SQLite's files: in the target folder, as a temporary one may be no disk at all.
pub(crate) fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
}
