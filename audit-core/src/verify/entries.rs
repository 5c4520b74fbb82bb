//! What stands beside the bytes of an entry: derived again, and compared.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use chrono::{DateTime, Utc};

use super::boots::Boots;
use super::examined::{Examined, Said};
use super::finding::{FindingKind, Span};
use super::permits::{Permit, Permits};
use super::report::Findings;
use super::rows::Runs;
use crate::event::Columns;
use crate::store::{LogId, SEGMENT_SIZE, Segment, Store, StoreError, TermSum};

/// Spans of entries that have lost values without a permit, and sets of such values, that are kept at the most.
const MAX_WAITING: usize = 100_000;

/// Checks the rows whose bytes are not in doubt, one after the other.
#[derive(Debug, Default)]
pub(super) struct Entries {
    /// The last row that has it, and its `recorded_at`.
    recorded: Option<(u64, DateTime<Utc>)>,
    segments: BTreeMap<u64, Bounds>,
    /// By which terms each segment's rows should be found.
    terms: BTreeMap<u64, TermSum>,
    log: String,
    /// Entries of which values are gone, by what permits it.
    erased: BTreeMap<Permit, Runs>,
    /// Entries of which these values are gone, which nothing has permitted by then, or nothing that is signed: that may stand further on.
    waiting: BTreeMap<BTreeSet<String>, Vec<Span>>,
    waiting_spans: usize,
    /// What was said in this log, and in those before.
    pub(super) known: Known,
}

/// What entries say about others.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// What the producers have numbered.
    pub(super) boots: Boots,
    /// What may be gone.
    pub(super) permits: Permits,
}

/// Bounds of `occurred_at`, from the bytes.
#[derive(Debug)]
struct Bounds {
    entries: u64,
    earliest: DateTime<Utc>,
    latest: DateTime<Utc>,
}

impl Entries {
    pub(super) fn new(log: &str, known: Known) -> Self {
        Self { log: log.to_owned(), known, ..Self::default() }
    }

    /// Checks a row whose bytes are those of its place.
    pub(super) fn check(&mut self, row: &Examined, findings: &mut Findings) {
        let place = Span::from(row.index);
        if !row.wrong.is_empty() {
            let detail = format!("these columns do not fit the entry: {}", row.wrong.join(", "));
            findings.add(FindingKind::ColumnMismatch, place, detail);
        }
        let Some(beside) = &row.beside else {
            return;
        };
        let segment = row.index / SEGMENT_SIZE;
        match &beside.said {
            Ok(Said { occurred_at, own, stamp, gone }) => {
                self.widen(segment, *occurred_at);
                let own = own.as_ref().map(|(action, canon)| (&**action, &**canon));
                if let Some(stamp) = stamp {
                    self.known.boots.see(&self.log, stamp, own, beside.recorded_at);
                }
                if let Some((action, canon)) = own {
                    self.known.permits.see(&self.log, row.index, action, canon);
                }
                match gone {
                    Ok(gone) => self.miss(row.index, gone, findings),
                    Err(detail) => findings.add(FindingKind::CommitmentMismatch, place, detail),
                }
            }
            Err(error) => {
                let detail = format!("the bytes are no event of format version 1: {error}");
                findings.add(FindingKind::NonCanonical, place, detail);
            }
        }
        self.check_order(row.index, beside.recorded_at, findings);
    }

    /// Takes in by which terms a row should be found.
    pub(super) fn add_terms(&mut self, row: &Examined) {
        if let Some(beside) = &row.beside {
            let sum = self.terms.entry(row.index / SEGMENT_SIZE).or_default();
            let keys = beside.columns.iter().flat_map(Columns::keys);
            keys.for_each(|term| sum.add(row.index, term));
        }
    }

    /// Checks that a search by terms finds each row that was taken in, and once, but for those whose columns do not fit them already: their terms may be
    /// what is wrong.
    pub(super) async fn check_terms(
        &self,
        store: &dyn Store,
        log: LogId,
        read: Range<u64>,
        findings: &mut Findings,
    ) -> Result<(), StoreError> {
        let segments: Vec<_> = self.terms.iter().collect();
        let unindexed = async |of: Option<&(&u64, &TermSum)>| match of {
            Some((segment, terms)) => {
                let start = segment.saturating_mul(SEGMENT_SIZE);
                let end = start.saturating_add(SEGMENT_SIZE).min(read.end);
                store.unindexed(log, start.max(read.start)..end, terms).await
            }
            None => Ok(Vec::new()),
        };
        // A database whose work is done by threads of its own does it for two at a time.
        for two in segments.chunks(2) {
            let (one, other) = tokio::try_join!(unindexed(two.first()), unindexed(two.get(1)))?;
            for index in one.into_iter().chain(other) {
                if !findings.is_any_at(index) {
                    let detail = "a search may miss it or show it twice: the index of terms does not list it by exactly its terms, or is there as no append writes it";
                    findings.add(FindingKind::ColumnMismatch, Span::from(index), detail);
                }
            }
        }
        Ok(())
    }

    /// Notes that the openings of these values of an entry are not there.
    fn miss(&mut self, index: u64, gone: &BTreeSet<String>, findings: &mut Findings) {
        if gone.is_empty() {
            return;
        }
        let permit = self.known.permits.erased(&self.log, index, gone);
        if let Some(permit) = permit.filter(|permit| permit.is_sealed) {
            return self.erased.entry(permit).or_default().add(Span::from(index));
        }
        if self.waiting_spans >= MAX_WAITING {
            return findings.omit(FindingKind::CommitmentMismatch, 1);
        }
        let spans = self.waiting.entry(gone.clone()).or_default();
        let before = spans.len();
        lengthen(spans, index);
        self.waiting_spans += spans.len() - before;
    }

    /// Whether something is gone that was not permitted when it was missed.
    pub(super) fn misses_any(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Tells of the values that are gone, once all that may permit it is known.
    pub(super) fn tell_erased(&mut self, findings: &mut Findings) {
        let mut erased: BTreeMap<Permit, Vec<Span>> = BTreeMap::new();
        for (permit, Runs { spans, omitted }) in std::mem::take(&mut self.erased) {
            erased.insert(permit, spans);
            findings.omit(FindingKind::Erased, omitted);
        }
        for (gone, spans) in std::mem::take(&mut self.waiting) {
            for index in spans.iter().flat_map(|span| span.first..=span.last) {
                if let Some(permit) = self.known.permits.erased(&self.log, index, &gone) {
                    lengthen(erased.entry(permit).or_default(), index);
                    continue;
                }
                let gone: Vec<_> = gone.iter().map(String::as_str).collect();
                let detail = format!(
                    "these openings are gone, and no erasure names them: {}",
                    gone.join(", ")
                );
                findings.add(FindingKind::CommitmentMismatch, Span::from(index), detail);
            }
        }
        for (permit, mut spans) in erased {
            spans.sort_unstable();
            let mut runs = Runs::default();
            spans.into_iter().for_each(|span| runs.add(span));
            for place in runs.spans {
                let what = "personal values were erased here";
                permit.tell(FindingKind::Erased, place, what, findings);
            }
            findings.omit(FindingKind::Erased, runs.omitted);
        }
    }

    /// Neighbours only are compared, or one time that was set too late would speak against all entries
    /// after it. Which of the two was changed cannot be told.
    fn check_order(
        &mut self,
        at: u64,
        recorded_at: Option<DateTime<Utc>>,
        findings: &mut Findings,
    ) {
        let Some(recorded_at) = recorded_at else {
            return;
        };
        if let Some((index, before)) = self.recorded
            && recorded_at < before
        {
            let place = Span { first: index, last: at };
            let detail = format!("recorded_at goes back from {before} to {recorded_at}");
            findings.add(FindingKind::ColumnMismatch, place, detail);
        }
        self.recorded = Some((at, recorded_at));
    }

    fn widen(&mut self, segment: u64, at: DateTime<Utc>) {
        let bounds =
            self.segments.entry(segment).or_insert(Bounds { entries: 0, earliest: at, latest: at });
        bounds.entries += 1;
        bounds.earliest = bounds.earliest.min(at);
        bounds.latest = bounds.latest.max(at);
    }

    /// Compares the last entry of `size` with what the head says of it.
    pub(super) fn check_head(
        &self,
        size: u64,
        recorded_at: Option<DateTime<Utc>>,
        findings: &mut Findings,
    ) {
        if let Some((index, last)) = self.recorded
            && index.checked_add(1) == Some(size)
            && recorded_at != Some(last)
        {
            let detail = "recorded_at is not that of the head";
            findings.add(FindingKind::ColumnMismatch, Span::from(index), detail);
        }
    }

    /// Compares the bounds that are `stored` with those of the first `size` entries; `now` is the size
    /// after the bounds were read.
    ///
    /// Bounds that are too narrow hide entries from a search and are always wrong. Bounds that are too
    /// wide are wrong if all entries of the segment were seen.
    pub(super) fn check_segments(
        &self,
        stored: &[Segment],
        size: u64,
        now: u64,
        findings: &mut Findings,
    ) {
        for (&number, derived) in &self.segments {
            let start = number.saturating_mul(SEGMENT_SIZE);
            let end = start.saturating_add(SEGMENT_SIZE);
            let place = Span::from(start..end.min(size));
            let all_seen = derived.entries == end.min(now).saturating_sub(start);
            let right =
                stored.iter().find(|segment| segment.number == number).is_some_and(|bounds| {
                    let narrow =
                        bounds.earliest > derived.earliest || bounds.latest < derived.latest;
                    let wide = bounds.earliest < derived.earliest || bounds.latest > derived.latest;
                    !(narrow || (wide && all_seen))
                });
            if !right {
                let detail = format!(
                    "the bounds of occurred_at in segment {number} are not those of its entries"
                );
                findings.add(FindingKind::ColumnMismatch, place, detail);
            }
        }
        for segment in
            stored.iter().filter(|segment| segment.number.saturating_mul(SEGMENT_SIZE) >= now)
        {
            let detail =
                format!("segment {} has bounds of occurred_at and no entries", segment.number);
            findings.add(FindingKind::ColumnMismatch, None, detail);
        }
    }
}

/// Adds an index to spans.
fn lengthen(spans: &mut Vec<Span>, index: u64) {
    match spans.last_mut() {
        Some(last) if last.last.checked_add(1) == Some(index) => last.last = index,
        _ => spans.push(Span::from(index)),
    }
}
