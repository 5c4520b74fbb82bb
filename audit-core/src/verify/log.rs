//! One log: its head, the walk over its rows, and what stands beside them.

use std::ops::Range;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use super::anchors::{Anchors, Sealed};
use super::entries::Known;
use super::examined::Depth;
use super::finding::{FindingKind, Span};
use super::kept::{Kept, Signed};
use super::report::{Against, Compared, Findings, LogReport};
use super::rows::{Rows, Runs};
use super::walk::Walk;
use crate::merkle::Frontier;
use crate::note::Policy;
use crate::store::{Head, LogId, LogInfo, Reader, Store, StoreError, content, misfit};

/// What a log is held against.
#[derive(Debug)]
pub(super) struct Terms<'a> {
    pub(super) sealed: Sealed,
    /// Whose checkpoints of those that are kept are believed.
    pub(super) policy: Option<&'a Policy>,
    /// Checkpoints that are not believed.
    pub(super) refused: Option<Findings>,
    pub(super) unsealed_after: Option<Duration>,
    pub(super) stale_after: Option<Duration>,
    pub(super) entries_read: &'a AtomicU64,
    pub(super) now: DateTime<Utc>,
}

impl<'a> Terms<'a> {
    pub(super) fn none(now: DateTime<Utc>, entries_read: &'a AtomicU64) -> Self {
        let (unsealed_after, stale_after) = (None, None);
        let sealed = Sealed::new(now);
        Self { sealed, policy: None, refused: None, unsealed_after, stale_after, entries_read, now }
    }
}

/// What was found in a log.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) log: LogInfo,
    pub(super) findings: Findings,
    /// Its head, where that can be read, and what it was compared with.
    head: Option<(Head, Against)>,
    checkpoints: Vec<Compared>,
    /// How many checkpoints of the database were believed.
    kept: u64,
    /// The first entry that was read.
    from: u64,
}

impl Checked {
    pub(super) fn report(self) -> LogReport {
        let (checkpoints, kept, from) = (self.checkpoints, self.kept, self.from);
        let report = LogReport { checkpoints, kept, from, ..self.findings.report() };
        match self.head {
            None => report,
            Some((head, against)) => LogReport {
                size: Some(head.frontier.size()),
                root: Some(head.root),
                against,
                ..report
            },
        }
    }
}

/// A log of which only checkpoints are there.
pub(super) fn verify_nothing(
    store: &dyn Store,
    origin: &str,
    sealed: Option<&Sealed>,
    refused: Option<&Findings>,
) -> Checked {
    let log = LogInfo { id: LogId::of(origin), origin: origin.to_owned() };
    let mut findings = refused.cloned().unwrap_or_else(|| Findings::new(origin));
    let Some(sealed) = sealed.cloned() else {
        return Checked { log, findings, head: None, checkpoints: Vec::new(), kept: 0, from: 0 };
    };
    sealed.equivocations(&mut findings);
    let checkpoints = sealed.compared.clone();
    if sealed.size.is_some_and(|size| size > 0) {
        let kept = Kept::new(store, &log, None, 0);
        Anchors::new(sealed, kept).judge(0, Frontier::new().root(), &mut findings);
    }
    Checked { log, findings, head: None, checkpoints, kept: 0, from: 0 }
}

/// Verifies one log; what is said in it of others is known afterwards.
pub(super) async fn verify_log(
    reader: &Reader,
    log: LogInfo,
    depth: Depth,
    known: &mut Known,
    terms: Terms<'_>,
) -> Result<Checked, StoreError> {
    let store = reader.store();
    let Terms { sealed, refused, .. } = &terms;
    let mut findings = refused.clone().unwrap_or_else(|| Findings::new(&log.origin));
    sealed.equivocations(&mut findings);
    let mut checkpoints = sealed.compared.clone();
    let head = match content(store.head(log.id).await)? {
        Ok(head) => head,
        Err(damage) => {
            findings.add(FindingKind::Forked, None, damage);
            return Ok(Checked { log, findings, head: None, checkpoints, kept: 0, from: 0 });
        }
    };
    let mut size = head.frontier.size();
    let kept = || Kept::new(store, &log, terms.policy, sealed.verified);
    let anchors = || Anchors::new(sealed.clone(), kept());
    let read = terms.entries_read;
    let mut walk = Walk::new(reader, &log, depth, size, std::mem::take(known), anchors(), read)?;
    walk.run(&head.frontier).await?;

    let agrees = head.frontier.root() == head.root;
    let mut forked = (!agrees).then(|| "the root is not that of the frontier beside it".to_owned());
    if !(agrees && walk.settled) {
        // The root may be right and only the rest of the head wrong: then the entries are compared with
        // the root, and not all of them blamed for the head.
        let stored = stored_frontier(store, &log).await?;
        if stored.root() == head.root && stored != head.frontier {
            size = stored.size();
            forked = Some(format!(
                "the root is that of {size} entries, size and frontier beside it are not"
            ));
            // What was seen of producers is the same again.
            walk = Walk::new(reader, &log, depth, size, walk.entries.known, anchors(), read)?;
            walk.run(&stored).await?;
        }
    }
    if let Some(detail) = misfit(store, &log, &head).await? {
        forked.get_or_insert(detail);
    }
    if !log.is_itself() {
        let detail = "its id is not that of its name: somebody has written a log that goes by the name of another";
        forked.get_or_insert(detail.to_owned());
    }
    walk.entries.check_head(size, head.recorded_at, &mut walk.findings);
    let segments = match depth {
        Depth::Leaves => Ok(Vec::new()),
        Depth::Everything => content(store.segments(log.id).await)?,
    };
    let mut beyond = Runs::default();
    let mut rows = Rows::new(store, log.id, size);
    while let Some(row) = rows.next_below(u64::MAX).await? {
        beyond.add(Span::from(row.index));
    }
    let signed = walk.anchors.load_rest(size, &mut walk.findings).await?;
    // Entries are appended all the while, so what stands beyond the end is known only by a head that was
    // read after it.
    let now = content(store.head(log.id).await)?.unwrap_or_else(|_| head.clone());
    let end = now.frontier.size().max(size);
    for place in beyond.starting_at(end) {
        walk.findings.add(FindingKind::Extra, place, format!("the log ends before {end}"));
    }
    walk.findings.omit(FindingKind::Extra, beyond.omitted);
    match segments {
        Ok(segments) => walk.entries.check_segments(&segments, size, end, &mut walk.findings),
        Err(damage) => walk.findings.add(FindingKind::ColumnMismatch, None, damage),
    }
    let permits = &mut walk.entries.known.permits;
    // What its entries say was not read where only their leaves were: then it is read where it is needed.
    let read = if depth == Depth::Leaves { &Frontier::new() } else { &head.frontier };
    permits.have_read(&log.origin, read, walk.anchors.sealed.size);
    let min_index = now.min_index;
    let mut pruned = permits.pruned(&log.origin, min_index, end);
    let is_pruned = min_index == 0 || pruned.as_ref().is_some_and(|permit| permit.is_sealed);
    if !is_pruned || walk.entries.misses_any() {
        // It may have been said after the other log was read.
        let permits = &mut walk.entries.known.permits;
        permits.read_on(store, &log.origin, terms.policy).await?;
        pruned = permits.pruned(&log.origin, min_index, end);
    }
    let pruned = pruned.map(|permit| (min_index, permit));
    let from = walk.from;
    checkpoints.retain(|compared| compared.size >= from);
    if pruned.is_some() || from > 0 {
        walk.entries.known.boots.see_partly(&log.origin);
    }
    if pruned.is_none() && min_index > 0 {
        let why = "no entry that counts says that those below";
        forked.get_or_insert(format!("{why} {min_index} were pruned"));
    }
    if let Some(detail) = forked {
        walk.findings.add(FindingKind::Forked, None, detail);
    }
    walk.finish(size, pruned.as_ref());
    walk.entries.check_terms(store, log.id, from..size, &mut walk.findings).await?;
    let compared = walk.anchors.judge(size, head.root, &mut walk.findings);
    if let Some(Signed { size, is_late, .. }) = signed.filter(|signed| signed.size > end) {
        let detail = format!("a checkpoint that is kept in the database knows of {size} entries");
        match is_late {
            true => walk.findings.add(FindingKind::Unauthentic, None, detail),
            false => walk.findings.add(FindingKind::Truncated, Span::from(end..size), detail),
        }
    }
    let Anchors { sealed, kept, .. } = walk.anchors;
    *known = walk.entries.known;
    findings.extend(walk.findings);
    if let Some(bound) = terms.stale_after {
        sealed.check_age(bound, &mut findings);
    }
    if let Some(bound) = terms.unsealed_after {
        check_sealed(store, &log, sealed.size.unwrap_or(0)..size, terms.now, bound, &mut findings)
            .await?;
    }
    let against = compared.map_or(Against::Head, |size| Against::Checkpoint { size });
    Ok(Checked {
        log,
        findings,
        head: Some((head, against)),
        checkpoints,
        kept: kept.believed,
        from,
    })
}

/// Whether the first of the entries that no checkpoint covers waits for one for too long.
async fn check_sealed(
    store: &dyn Store,
    log: &LogInfo,
    uncovered: Range<u64>,
    now: DateTime<Utc>,
    bound: Duration,
    findings: &mut Findings,
) -> Result<(), StoreError> {
    let bound = TimeDelta::from_std(bound).unwrap_or(TimeDelta::MAX);
    let rows = store.read(log.id, uncovered.start, 1).await?;
    let first = rows.first().filter(|row| uncovered.contains(&row.index));
    if let Some(at) = first.and_then(|row| row.recorded_at)
        && now.signed_duration_since(at) > bound
    {
        let at = at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let detail = format!("no checkpoint covers these entries, the first of them from {at}");
        findings.add(FindingKind::Unsealed, Span::from(uncovered), detail);
    }
    Ok(())
}

/// The frontier over the leaf hashes that the rows have beside their bytes, up to the first gap.
async fn stored_frontier(store: &dyn Store, log: &LogInfo) -> Result<Frontier, StoreError> {
    let mut frontier = Frontier::new();
    let mut rows = Rows::new(store, log.id, 0);
    while let Some(row) = rows.next_below(u64::MAX).await? {
        let Some(leaf) = row.leaf.filter(|_| row.index == frontier.size()) else {
            break;
        };
        if frontier.push(leaf).is_err() {
            break;
        }
    }
    Ok(frontier)
}
