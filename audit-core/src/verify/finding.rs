//! What can be wrong with a log, and where.

use std::fmt;
use std::ops::Range;

use serde::{Serialize, Serializer};

/// What is wrong. Written as the upper-case words of the variants' documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum FindingKind {
    /// `FORKED`: the head does not agree with itself, with its name, or with a checkpoint from outside.
    Forked,
    /// `TRUNCATED`: the last entries are gone.
    Truncated,
    /// `MISSING`: entries are gone from between others.
    Missing,
    /// `EXTRA`: rows stand beyond the end of the log.
    Extra,
    /// `DUPLICATE`: more than one row claims an index.
    Duplicate,
    /// `MODIFIED`: the bytes are not those that were appended.
    Modified,
    /// `REORDERED`: the bytes are those that were appended at another index.
    Reordered,
    /// `NON_CANONICAL`: the bytes were not changed, as far as can be told, but they are no event.
    NonCanonical,
    /// `COLUMN_MISMATCH`: what stands beside the bytes, so that they can be found, is not what they say.
    ColumnMismatch,
    /// `COMMITMENT_MISMATCH`: an opening does not open its commitment.
    CommitmentMismatch,
    /// `TILES_CORRUPT`: a tile is missing, or is not that of the leaves under it. Entries are not in
    /// doubt by that.
    TilesCorrupt,
    /// `EQUIVOCATION`: checkpoints of one size are signed with different roots.
    Equivocation,
    /// `UNAUTHENTIC`: a checkpoint, from outside or kept in the database, is not one that the policy believes.
    Unauthentic,
    /// `PRE_LOG_LOSS`: of a producer that has stopped, events that it had numbered are not in their log.
    PreLogLoss,
    /// `UNCLEAN_STOP`: a producer fell silent without saying that it stops. The log is what it was; what the producer had in
    /// memory may not be in it.
    UncleanStop,
    /// `UNSEALED`: entries wait for a signed checkpoint for longer than they should; or entries or values of a log that is signed
    /// are gone, and what permits it is under no checkpoint yet.
    Unsealed,
    /// `STALE`: the newest checkpoint was seen by a witness longer ago than it should.
    Stale,
    /// `PRUNED`: entries are gone by retention, which the log of the class `audit` has noted.
    Pruned,
    /// `ERASED`: personal values are gone by an erasure, which the log of the class `audit` has noted.
    Erased,
}

/// How much a finding weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Weight {
    /// It is for people to know, and speaks against nothing: what was done by those who may, or what a killed process
    /// leaves.
    Notice,
    /// Nothing speaks against the log, but a part of it is not proved, or the proof is old.
    Warning,
    /// The log is not what it was, or events that should be in it are not.
    Alarm,
}

impl FindingKind {
    /// The word of this kind.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Forked => "FORKED",
            Self::Truncated => "TRUNCATED",
            Self::Missing => "MISSING",
            Self::Extra => "EXTRA",
            Self::Duplicate => "DUPLICATE",
            Self::Modified => "MODIFIED",
            Self::Reordered => "REORDERED",
            Self::NonCanonical => "NON_CANONICAL",
            Self::ColumnMismatch => "COLUMN_MISMATCH",
            Self::CommitmentMismatch => "COMMITMENT_MISMATCH",
            Self::TilesCorrupt => "TILES_CORRUPT",
            Self::Equivocation => "EQUIVOCATION",
            Self::PreLogLoss => "PRE_LOG_LOSS",
            Self::UncleanStop => "UNCLEAN_STOP",
            Self::Unauthentic => "UNAUTHENTIC",
            Self::Unsealed => "UNSEALED",
            Self::Stale => "STALE",
            Self::Pruned => "PRUNED",
            Self::Erased => "ERASED",
        }
    }

    /// How much a finding of this kind weighs.
    #[must_use]
    pub const fn weight(self) -> Weight {
        match self {
            Self::UncleanStop | Self::Pruned | Self::Erased => Weight::Notice,
            Self::Unsealed | Self::Stale => Weight::Warning,
            _ => Weight::Alarm,
        }
    }
}

impl fmt::Display for FindingKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for FindingKind {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

/// Neighbouring entries, by index; both ends belong to it. Written as `17`, or as `17-20`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Span {
    /// The first.
    pub first: u64,
    /// The last.
    pub last: u64,
}

impl From<u64> for Span {
    fn from(index: u64) -> Self {
        Self { first: index, last: index }
    }
}

/// The range must not be empty.
impl From<Range<u64>> for Span {
    fn from(range: Range<u64>) -> Self {
        Self { first: range.start, last: range.end.saturating_sub(1) }
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.last == self.first {
            true => write!(f, "{}", self.first),
            false => write!(f, "{}-{}", self.first, self.last),
        }
    }
}

/// One thing that is wrong with a log: what, where, and how it shows.
///
/// Written as `MODIFIED billing.example/audit/standard 17: ..`, without the index where the log as a
/// whole is meant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// What is wrong.
    pub kind: FindingKind,
    /// The log's name, free of control characters.
    pub log: String,
    /// The entries; none where the head is meant.
    pub entries: Option<Span>,
    /// How it shows, in a sentence that is free of control characters.
    pub detail: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind, self.log)?;
        if let Some(entries) = self.entries {
            write!(f, " {entries}")?;
        }
        write!(f, ": {}", self.detail)
    }
}
