//! Where a search goes.

use std::ops::Range;

/// Where a search of a log begins, and which way it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// Below this index, the newest first.
    Before(u64),
    /// At this index, the oldest first.
    At(u64),
}

impl Start {
    /// At the end, the newest first.
    pub const END: Self = Self::Before(u64::MAX);

    /// The indices that it goes over in a log of so many entries: what lies beyond the tree is no entry.
    #[must_use]
    pub fn range(self, size: u64) -> Range<u64> {
        match self {
            Self::Before(end) => 0..end.min(size),
            Self::At(start) => start.min(size)..size,
        }
    }

    /// Where it goes on when it has come to this index.
    pub(crate) fn behind(self, index: u64) -> Self {
        match self {
            Self::Before(_) => Self::Before(index),
            Self::At(_) => Self::At(index.saturating_add(1)),
        }
    }

    pub(crate) fn index(self) -> u64 {
        match self {
            Self::Before(index) | Self::At(index) => index,
        }
    }
}
