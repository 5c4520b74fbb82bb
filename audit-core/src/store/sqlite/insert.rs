//! Statements that insert many rows at once.

use sqlx::query::Query;
use sqlx::sqlite::{SqliteArguments, SqliteConnection};
use sqlx::{Error, Sqlite};

/// The texts of one INSERT for 1, 2, 4, .. 256 rows, smallest first.
pub(super) type Statements = [&'static str; 9];

/// A statement that waits for its values.
pub(super) type Insert = Query<'static, Sqlite, SqliteArguments>;

macro_rules! twice {
    ($($row:tt)*) => { concat!($($row)*, ",", $($row)*) };
}

/// [`Statements`] of the text before the rows and the text of one row.
macro_rules! statements {
    ($into:literal, $row:literal) => {
        [
            concat!($into, $row),
            concat!($into, twice!($row)),
            concat!($into, twice!(twice!($row))),
            concat!($into, twice!(twice!(twice!($row)))),
            concat!($into, twice!(twice!(twice!(twice!($row))))),
            concat!($into, twice!(twice!(twice!(twice!(twice!($row)))))),
            concat!($into, twice!(twice!(twice!(twice!(twice!(twice!($row))))))),
            concat!($into, twice!(twice!(twice!(twice!(twice!(twice!(twice!($row)))))))),
            concat!($into, twice!(twice!(twice!(twice!(twice!(twice!(twice!(twice!($row))))))))),
        ]
    };
}
pub(super) use {statements, twice};

/// Inserts all rows, largest pieces first: a statement has its price whatever it inserts, and with these
/// sizes every batch is made of the same few, which stay prepared.
pub(super) async fn all<T>(
    connection: &mut SqliteConnection,
    statements: &'static Statements,
    mut rows: &[T],
    bind: impl Fn(Insert, &T) -> Insert,
) -> Result<(), Error> {
    for (exponent, statement) in statements.iter().enumerate().rev() {
        while let Some((piece, rest)) = rows.split_at_checked(1 << exponent) {
            let insert = piece.iter().fold(sqlx::query(*statement), &bind);
            let done = insert.execute(&mut *connection).await?;
            // A trigger of somebody else's can let a row fall without a word.
            if usize::try_from(done.rows_affected()) != Ok(piece.len()) {
                return Err(Error::RowNotFound);
            }
            rows = rest;
        }
    }
    Ok(())
}
