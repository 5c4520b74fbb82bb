//! What a verification says: as text, one finding a line, and as JSON.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;

use serde::{Serialize, Serializer};

use crate::event::{MAX_MESSAGE, line};
use crate::merkle::Hash;

/// Most findings of a kind that are kept of a log; the rest is counted, so that a log that was rewritten
/// as a whole cannot fill the memory of the one who looks.
pub const MAX_FINDINGS: usize = 1_000;

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
    /// `TILES_CORRUPT`: a tile is missing, or is not that of the leaves under it.
    TilesCorrupt,
    /// `EQUIVOCATION`: checkpoints of one size are signed with different roots.
    Equivocation,
    /// `PRE_LOG_LOSS`: of a producer that has stopped, events that it had numbered are not in their log.
    PreLogLoss,
    /// `UNCLEAN_STOP`: a producer fell silent without saying that it stops. The log is what it was; what the producer had in
    /// memory may not be in it.
    UncleanStop,
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
        }
    }

    /// Whether it is told for people to know, and speaks against nothing that is in the log: an unclean stop.
    #[must_use]
    pub const fn is_notice(self) -> bool {
        matches!(self, Self::UncleanStop)
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

/// Against what a log was checked: the report is worth as much as this.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Against {
    /// The log's own head. It shows what was changed by accident, by an application, or by somebody who
    /// does not know how; who can write to the database can write a head to match, and cut the tail.
    Head,
    /// Checkpoints from outside of the database, and for what is behind the last of them the log's own head.
    Checkpoint {
        /// The largest size that is signed.
        size: u64,
    },
    /// Nothing: the head could not be read, or there is no such log.
    Nothing,
}

impl fmt::Display for Against {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Head => f.write_str(
                "the head row in the same database, which proves nothing against the database's administrator",
            ),
            Self::Checkpoint { size } => write!(
                f,
                "a checkpoint from outside for the first {size} entries, and the head row in the same database for the rest"
            ),
            Self::Nothing => f.write_str("nothing, as the head row cannot be read"),
        }
    }
}

impl Serialize for Against {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// What was found in one log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct LogReport {
    /// The log's name, free of control characters.
    pub log: String,
    /// How many entries its head speaks of.
    pub size: Option<u64>,
    /// The root that its head names.
    #[serde(serialize_with = "as_text")]
    pub root: Option<Hash>,
    /// What all this was checked against.
    pub against: Against,
    /// By index, at most [`MAX_FINDINGS`] of a kind.
    pub findings: Vec<Finding>,
    /// How many more there are of each kind.
    pub omitted: BTreeMap<FindingKind, u64>,
}

fn as_text<S: Serializer>(root: &Option<Hash>, serializer: S) -> Result<S::Ok, S::Error> {
    root.map(|root| root.to_string()).serialize(serializer)
}

impl fmt::Display for LogReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.log)?;
        if let (Some(size), Some(root)) = (self.size, self.root) {
            write!(f, "{size} entries, root {root}; ")?;
        }
        writeln!(f, "checked against {}", self.against)?;
        for finding in &self.findings {
            writeln!(f, "{finding}")?;
        }
        for (kind, count) in &self.omitted {
            writeln!(f, "{kind} {}: {count} more", self.log)?;
        }
        Ok(())
    }
}

/// What was found in all logs of a store.
#[must_use]
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// One report a log, by name.
    pub logs: Vec<LogReport>,
}

impl Report {
    /// Whether nothing was found, but for [notices](FindingKind::is_notice). How much that is worth is said by
    /// [`LogReport::against`].
    #[must_use]
    pub fn is_clean(&self) -> bool {
        let kinds = |log: &LogReport| {
            let kept = log.findings.iter().map(|finding| finding.kind);
            kept.chain(log.omitted.keys().copied()).all(FindingKind::is_notice)
        };
        self.logs.iter().all(kinds)
    }

    /// The findings of all logs.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.logs.iter().flat_map(|log| &log.findings)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.logs.as_slice() {
            [] => writeln!(f, "there is no log in this store"),
            logs => logs.iter().try_for_each(|log| write!(f, "{log}")),
        }
    }
}

/// The findings of one log while they are made.
#[derive(Debug)]
pub(super) struct Findings {
    log: String,
    kept: BTreeMap<FindingKind, Vec<Finding>>,
    omitted: BTreeMap<FindingKind, u64>,
}

impl Findings {
    pub(super) fn new(origin: &str) -> Self {
        Self { log: clean(origin), kept: BTreeMap::new(), omitted: BTreeMap::new() }
    }

    pub(super) fn add(
        &mut self,
        kind: FindingKind,
        entries: impl Into<Option<Span>>,
        detail: impl Into<String>,
    ) {
        let kept = self.kept.entry(kind).or_default();
        if kept.len() >= MAX_FINDINGS {
            return self.omit(kind, 1);
        }
        kept.push(Finding {
            kind,
            log: self.log.clone(),
            entries: entries.into(),
            detail: clean(detail),
        });
    }

    /// Takes in what was found elsewhere of the same log.
    pub(super) fn extend(&mut self, other: Self) {
        for finding in other.kept.into_values().flatten() {
            self.add(finding.kind, finding.entries, finding.detail);
        }
        for (kind, count) in other.omitted {
            self.omit(kind, count);
        }
    }

    pub(super) fn omit(&mut self, kind: FindingKind, count: u64) {
        if count > 0 {
            *self.omitted.entry(kind).or_default() += count;
        }
    }

    /// Whether something of the log itself is in doubt.
    pub(super) fn is_any_about_the_log(&self) -> bool {
        let about = |kind: &FindingKind| {
            !matches!(kind, FindingKind::PreLogLoss | FindingKind::UncleanStop)
        };
        self.kept.keys().any(about)
    }

    /// The report on a log whose head could not be read.
    pub(super) fn report(self) -> LogReport {
        let mut findings: Vec<_> = self.kept.into_values().flatten().collect();
        findings.sort_by_key(|finding| (finding.entries, finding.kind));
        LogReport {
            log: self.log,
            size: None,
            root: None,
            against: Against::Nothing,
            findings,
            omitted: self.omitted,
        }
    }
}

/// A text in which something from the database may stand, for one line of a terminal.
fn clean(text: impl Into<String>) -> String {
    line(text, MAX_MESSAGE, "", &mut Vec::new())
}
