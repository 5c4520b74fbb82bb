//! What stands beside the bytes of an entry: derived again, and compared.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::boots::Boots;
use super::finding::{FindingKind, Span};
use super::permits::Permits;
use super::report::Findings;
use super::rows::Runs;
use crate::event::{Columns, ip_of, open_all};
use crate::merkle::Hash;
use crate::store::{Row, SEGMENT_SIZE, Segment};

/// Checks the rows whose bytes are not in doubt, one after the other.
#[derive(Debug, Default)]
pub(super) struct Entries {
    /// The last row that has it, and its `recorded_at`.
    recorded: Option<(u64, DateTime<Utc>)>,
    segments: BTreeMap<u64, Bounds>,
    log: String,
    /// Entries of which values are gone by an erasure.
    erased: Runs,
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

    /// Checks a row whose bytes have this leaf hash.
    pub(super) fn check(&mut self, row: &Row, hash: Hash, findings: &mut Findings) {
        let place = Span::from(row.index);
        let mut wrong = Vec::new();
        let segment = row.index / SEGMENT_SIZE;
        note(&mut wrong, "segment", row.segment == Some(segment));
        note(&mut wrong, "leaf", row.leaf == Some(hash));
        match Columns::of(&row.canon) {
            Ok(derived) => {
                compare(&mut wrong, &derived, row.columns.as_ref());
                self.widen(segment, derived.occurred_at);
                self.known.boots.see(&self.log, row, &derived.action);
                self.known.permits.see(&self.log, &derived.action, &row.canon);
            }
            Err(error) => {
                let detail = format!("the bytes are no event of format version 1: {error}");
                findings.add(FindingKind::NonCanonical, place, detail);
            }
        }
        self.check_openings(row, &mut wrong, findings);
        note(&mut wrong, "recorded_at", row.recorded_at.is_some());
        if !wrong.is_empty() {
            let detail = format!("these columns do not fit the entry: {}", wrong.join(", "));
            findings.add(FindingKind::ColumnMismatch, place, detail);
        }
        self.check_order(row, findings);
    }

    /// Checks that what is there opens what the bytes commit to, that what is not there may be gone, and that the address is
    /// the one that was opened. An opening that does not open says nothing about the address.
    fn check_openings(
        &mut self,
        row: &Row,
        wrong: &mut Vec<&'static str>,
        findings: &mut Findings,
    ) {
        let place = Span::from(row.index);
        let openings = match row.openings.as_deref().map(open_all).transpose() {
            Ok(openings) => openings.unwrap_or_default(),
            Err(error) => {
                return findings.add(FindingKind::CommitmentMismatch, place, error.to_string());
            }
        };
        let event: Value = serde_json::from_slice(&row.canon).unwrap_or_default();
        let closed: Vec<_> = openings
            .iter()
            .filter(|opening| !opening.opens(&event))
            .map(|opening| &*opening.pointer)
            .collect();
        if !closed.contains(&"/request/ip") {
            let ip = ip_of(&openings);
            note(wrong, "ip", ip.as_ref().map(<[u8; 16]>::as_slice) == row.ip.as_deref());
        }
        if !closed.is_empty() {
            let detail =
                format!("the openings do not open what the bytes commit to: {}", closed.join(", "));
            return findings.add(FindingKind::CommitmentMismatch, place, detail);
        }
        let named = event.get("personal").and_then(Value::as_array).into_iter().flatten();
        let is_gone = |pointer: &&str| !openings.iter().any(|there| there.pointer == **pointer);
        let (erased, taken): (Vec<_>, Vec<_>) = named
            .filter_map(Value::as_str)
            .filter(is_gone)
            .partition(|pointer| self.known.permits.allow_erased(&self.log, row.index, pointer));
        if !taken.is_empty() {
            let detail =
                format!("these openings are gone, and no erasure names them: {}", taken.join(", "));
            findings.add(FindingKind::CommitmentMismatch, place, detail);
        } else if !erased.is_empty() {
            self.erased.add(place);
        }
    }

    /// Tells of the values that are gone by an erasure.
    pub(super) fn tell_erased(&self, findings: &mut Findings) {
        for place in &self.erased.spans {
            let detail = "personal values were erased here, as entries of the class `audit` say";
            findings.add(FindingKind::Erased, *place, detail);
        }
        findings.omit(FindingKind::Erased, self.erased.omitted);
    }

    /// Neighbours only are compared, or one time that was set too late would speak against all entries
    /// after it. Which of the two was changed cannot be told.
    fn check_order(&mut self, row: &Row, findings: &mut Findings) {
        let Some(recorded_at) = row.recorded_at else {
            return;
        };
        if let Some((index, before)) = self.recorded
            && recorded_at < before
        {
            let place = Span { first: index, last: row.index };
            let detail = format!("recorded_at goes back from {before} to {recorded_at}");
            findings.add(FindingKind::ColumnMismatch, place, detail);
        }
        self.recorded = Some((row.index, recorded_at));
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

fn note(wrong: &mut Vec<&'static str>, name: &'static str, right: bool) {
    if !right {
        wrong.push(name);
    }
}

fn compare(wrong: &mut Vec<&'static str>, derived: &Columns, stored: Option<&Columns>) {
    let Some(stored) = stored else {
        return wrong.push("the search columns, which cannot be read");
    };
    // Taken apart, so that a new column cannot be forgotten here.
    let Columns { event_id, occurred_at, action, actor, resource_type, resource_id, terms } =
        derived;
    note(wrong, "event_id", stored.event_id == *event_id);
    note(wrong, "occurred_at", stored.occurred_at == *occurred_at);
    note(wrong, "action", stored.action == *action);
    note(wrong, "actor", stored.actor == *actor);
    note(wrong, "resource_type", stored.resource_type == *resource_type);
    note(wrong, "resource_id", stored.resource_id == *resource_id);
    note(wrong, "terms", stored.terms == *terms);
}
