//! Statements that insert many rows at once.

use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteConnection};
use sqlx::{AssertSqlSafe, Error, Sqlite};

/// An INSERT of any number of rows.
pub(super) struct Inserts {
    /// Its text up to them.
    pub(super) into: &'static str,
    /// The places for the values of one.
    pub(super) row: &'static str,
}

/// A statement that waits for its values.
pub(super) type Insert = Query<'static, Sqlite, SqliteArguments>;

/// Inserts all rows, largest pieces first: a statement has its price whatever it inserts.
pub(super) async fn all<T>(
    connection: &mut SqliteConnection,
    inserts: &Inserts,
    mut rows: &[T],
    bind: impl Fn(Insert, &T) -> Insert,
) -> Result<(), Error> {
    while let Some((piece, rest)) = rows.split_at_checked(at_once(rows.len())) {
        let places = vec![inserts.row; piece.len()].join(",");
        #[expect(clippy::disallowed_methods, reason = "its parts are constants")]
        let text = AssertSqlSafe(format!("{} VALUES {places}", inserts.into));
        let insert = piece.iter().fold(sqlx::query(text), &bind);
        let done = insert.execute(&mut *connection).await?;
        // A trigger of somebody else's can let a row fall without a word.
        if usize::try_from(done.rows_affected()) != Ok(piece.len()) {
            return Err(Error::RowNotFound);
        }
        rows = rest;
    }
    Ok(())
}

/// How many of some rows to insert next: so that all batches are made of the same few statements, which stay prepared, and a small
/// one, that somebody waits for, of one.
fn at_once(rows: usize) -> usize {
    match rows {
        0..32 => rows.max(1),
        32.. => (1 << rows.ilog2()).min(256),
    }
}
