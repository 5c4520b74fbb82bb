//! Rows as they come from a database.

use std::fmt;

use super::Row;

/// Rows by index, each decoded when it is taken: that is work which need not be done where they are fetched.
pub struct Fetched {
    indices: Vec<u64>,
    rows: Box<dyn Iterator<Item = Row> + Send>,
}

impl Fetched {
    /// Rows with their indices, in the order of these, and how one is decoded.
    #[must_use]
    pub fn new<T: Send + 'static>(
        rows: Vec<(u64, T)>,
        decode: impl Fn(u64, T) -> Row + Send + 'static,
    ) -> Self {
        let indices = rows.iter().map(|(index, _)| *index).collect();
        let rows = rows.into_iter().map(move |(index, row)| decode(index, row));
        Self { indices, rows: Box::new(rows) }
    }

    /// The indices of all rows that were fetched.
    #[must_use]
    pub fn indices(&self) -> &[u64] {
        &self.indices
    }
}

impl From<Vec<Row>> for Fetched {
    fn from(rows: Vec<Row>) -> Self {
        Self::new(rows.into_iter().map(|row| (row.index, row)).collect(), |_, row| row)
    }
}

impl Iterator for Fetched {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        self.rows.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.rows.size_hint()
    }
}

impl fmt::Debug for Fetched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetched").field("indices", &self.indices).finish_non_exhaustive()
    }
}
