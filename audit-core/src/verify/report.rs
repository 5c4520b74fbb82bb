//! What a verification says: as text, one finding a line, and as JSON.

use std::collections::BTreeMap;
use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Serialize, Serializer};

use super::finding::{Finding, FindingKind, Span, Weight};
use crate::event::{MAX_MESSAGE, line};
use crate::merkle::Hash;
use crate::note::Trusted;

/// Most findings of a kind that are kept of a log; the rest is counted, so that a log that was rewritten
/// as a whole cannot fill the memory of the one who looks.
pub const MAX_FINDINGS: usize = 1_000;

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

/// A checkpoint from outside with which a log was compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Compared {
    /// How many entries it tells of.
    pub size: u64,
    /// Where it comes from, as whoever gave it has said.
    pub from: String,
    /// The witnesses that have seen it, and when.
    pub seen: Vec<Seen>,
}

/// That a witness has seen a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Seen {
    /// The name of the witness's key.
    pub by: String,
    /// When, by the witness's clock.
    pub at: DateTime<Utc>,
}

impl Compared {
    pub(super) fn new(trusted: &Trusted, from: &str) -> Self {
        let seen = trusted.seen.iter().map(|(by, at)| Seen { by: clean(by), at: *at });
        Self { size: trusted.checkpoint.size, from: clean(from), seen: seen.collect() }
    }
}

impl fmt::Display for Compared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the checkpoint of {} entries from {}", self.size, self.from)?;
        self.seen.iter().try_for_each(|Seen { by, at }| {
            write!(f, ", seen by {by} at {}", at.to_rfc3339_opts(SecondsFormat::Secs, true))
        })
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
    /// The first entry that was read: what is before was [verified before](super::Verification::since), and is known by what
    /// its tiles come to alone.
    pub from: u64,
    /// The checkpoints from outside that were believed, and compared.
    pub checkpoints: Vec<Compared>,
    /// How many checkpoints that are kept in the database were believed and compared as well.
    pub kept: u64,
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
        if self.from > 0 {
            let from = self.from;
            writeln!(f, "  entries below {from} were not read, as they were verified before")?;
        }
        for compared in &self.checkpoints {
            writeln!(f, "  compared with {compared}")?;
        }
        if self.kept > 0 {
            writeln!(f, "  compared with {} checkpoints that are kept in the database", self.kept)?;
        }
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
    /// Whether only leaves were looked at: [`leaves_only`](super::Verification::leaves_only).
    pub leaves_only: bool,
    /// One report a log, by name.
    pub logs: Vec<LogReport>,
}

impl Report {
    /// The most that any finding weighs; nothing where there is none.
    #[must_use]
    pub fn weight(&self) -> Option<Weight> {
        let kinds = |log: &LogReport| {
            let kept = log.findings.iter().map(|finding| finding.kind);
            kept.chain(log.omitted.keys().copied()).map(FindingKind::weight).max()
        };
        self.logs.iter().filter_map(kinds).max()
    }

    /// Whether nothing was found, but for [notices](Weight::Notice). How much that is worth is said by
    /// [`LogReport::against`].
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.weight().is_none_or(|weight| weight == Weight::Notice)
    }

    /// The findings of all logs.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.logs.iter().flat_map(|log| &log.findings)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.logs.is_empty() {
            return writeln!(f, "there is no log in this store");
        }
        if self.leaves_only {
            writeln!(
                f,
                "leaves and roots only: columns, openings, tiles and the numbers of producers were not looked at"
            )?;
        }
        self.logs.iter().try_for_each(|log| write!(f, "{log}"))
    }
}

/// The findings of one log while they are made.
#[derive(Debug, Clone)]
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

    /// Whether it was found of this entry alone that its bytes or columns are not what they were.
    pub(super) fn is_any_at(&self, index: u64) -> bool {
        let kinds = [FindingKind::Modified, FindingKind::Reordered, FindingKind::ColumnMismatch];
        let mut found = kinds.iter().filter_map(|kind| self.kept.get(kind)).flatten();
        found.any(|finding| finding.entries == Some(Span::from(index)))
    }

    /// Whether something of the log itself is in doubt.
    pub(super) fn is_any_about_the_log(&self) -> bool {
        let about =
            |kind: &FindingKind| kind.weight() == Weight::Alarm && *kind != FindingKind::PreLogLoss;
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
            checkpoints: Vec::new(),
            kept: 0,
            from: 0,
            findings,
            omitted: self.omitted,
        }
    }
}

/// A text in which something from the database may stand, for one line of a terminal.
fn clean(text: impl Into<String>) -> String {
    line(text, MAX_MESSAGE, "", &mut Vec::new())
}
