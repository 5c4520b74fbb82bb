//! Rows as they come from a database.

use std::fmt;

use super::Row;

/// Rows by index, each decoded when it is taken: that is work which need not be done where they are fetched.
pub struct Fetched {
    indices: Vec<u64>,
    rows: Box<dyn Iterator<Item = Row> + Send>,
}

impl Fetched {
    /// Rows of these indices, in this order.
    #[must_use]
    pub fn new(indices: Vec<u64>, rows: impl Iterator<Item = Row> + Send + 'static) -> Self {
        Self { indices, rows: Box::new(rows) }
    }

    /// The indices of all that were fetched.
    #[must_use]
    pub fn indices(&self) -> &[u64] {
        &self.indices
    }
}

impl From<Vec<Row>> for Fetched {
    fn from(rows: Vec<Row>) -> Self {
        Self::new(rows.iter().map(|row| row.index).collect(), rows.into_iter())
    }
}

impl Iterator for Fetched {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        self.rows.next()
    }
}

impl fmt::Debug for Fetched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetched").field("indices", &self.indices).finish_non_exhaustive()
    }
}
