//! Whether all that was numbered is there: each producer counts its events of each log, from 0, and says when it stops.
//!
//! A producer that stopped has said how far it came, so that a hole is a loss. One that was killed has said nothing: what
//! it had in memory may be lost, and more cannot be known.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::Deserialize;
use uuid::Uuid;

use super::finding::{FindingKind, Span};
use super::log::Checked;
use crate::appender::MISSED_BEATS;
use crate::event::{Stamp, metadata};
use crate::store::first_of;

/// Runs of numbers that are kept at the most, but for one of each producer and log: an honest log has hardly any.
const MAX_RUNS: usize = 100_000;

/// Pairs of a boot and a log that are kept at the most.
const MAX_PAIRS: usize = 500_000;

/// Places that are named in one finding.
const NAMED: usize = 5;

/// What the producers have numbered, and said of themselves.
#[derive(Debug, Default)]
pub(super) struct Boots {
    boots: BTreeMap<Uuid, Boot>,
    /// Logs of which not all entries were seen: of these nothing is missed.
    partial: BTreeSet<String>,
    runs: usize,
    pairs: usize,
}

#[derive(Debug, Default)]
struct Boot {
    producer: String,
    /// The log in which it speaks of itself.
    log: String,
    begun: Option<Begun>,
    /// Its last number in each log, once it has stopped.
    stopped: Option<BTreeMap<String, u64>>,
    seen: Option<DateTime<Utc>>,
    numbers: BTreeMap<String, Numbers>,
}

#[derive(Debug, Deserialize)]
struct Begun {
    /// How many events it may have in memory.
    places: u64,
    /// How long it is silent at the most.
    heartbeat_ms: u64,
}

#[derive(Deserialize)]
struct Stopped {
    last_seq: BTreeMap<String, u64>,
}

/// An event of a producer that no log takes.
#[derive(Deserialize)]
struct Refused {
    boot: Uuid,
    seq: u64,
    /// The log that did not take it.
    origin: String,
}

/// Numbers that were seen, as runs: the first of each, and the last.
#[derive(Debug, Default)]
struct Numbers(BTreeMap<u64, u64>);

impl Boots {
    /// Notes an entry whose bytes are not in doubt; action and bytes of what the log says of itself.
    pub(super) fn see(
        &mut self,
        log: &str,
        stamp: &Stamp,
        own: Option<(&str, &[u8])>,
        recorded_at: Option<DateTime<Utc>>,
    ) {
        // Numbers go on in the log that goes on.
        let log = first_of(log);
        if let Some(seq) = stamp.seq {
            self.note(stamp.boot, log, seq);
        }
        let Some(boot) = self.boots.get_mut(&stamp.boot) else {
            return;
        };
        boot.seen = boot.seen.max(recorded_at);
        let Some((action, canon)) = own else {
            return;
        };
        match action {
            "audit.started" => {
                boot.begun = metadata(canon);
            }
            "audit.stopped" => {
                if let Some(Stopped { last_seq }) = metadata(canon) {
                    boot.stopped.get_or_insert_default().extend(last_seq);
                }
            }
            "audit.rejected" | "audit.id_conflict" => {
                // It is accounted for.
                if let Some(Refused { boot, seq, origin }) = metadata(canon) {
                    self.note(boot, &origin, seq);
                }
                return;
            }
            _ => return,
        }
        (boot.producer, boot.log) = (stamp.id.clone(), log.to_owned());
    }

    /// Notes a number of a producer in a log.
    fn note(&mut self, boot: Uuid, log: &str, number: u64) {
        let is_full = self.pairs >= MAX_PAIRS;
        if self.runs >= MAX_RUNS || (is_full && !self.boots.contains_key(&boot)) {
            return;
        }
        let boot = self.boots.entry(boot).or_default();
        if !boot.numbers.contains_key(log) {
            if is_full {
                return;
            }
            self.pairs += 1;
            boot.numbers.insert(log.to_owned(), Numbers::default());
        }
        if let Some(numbers) = boot.numbers.get_mut(log) {
            let before = numbers.0.len();
            numbers.add(number);
            self.runs = self.runs.saturating_add(numbers.0.len()).saturating_sub(before.max(1));
        }
    }

    /// Notes that not all entries of a log are seen.
    pub(super) fn see_partly(&mut self, log: &str) {
        self.partial.insert(first_of(log).to_owned());
    }

    /// Adds findings about the producers to those of the logs. A log in which entries are in doubt already says nothing of
    /// those that may be missing beside them.
    pub(super) fn judge(&self, now: DateTime<Utc>, logs: &mut [Checked]) {
        if self.runs >= MAX_RUNS {
            let detail = "the numbers of its producers are so scattered that they cannot be compared, which honest ones are not";
            if let Some(first) = logs.first_mut() {
                first.findings.add(FindingKind::PreLogLoss, None, detail);
            }
            return;
        }
        for (id, boot) in &self.boots {
            if is_doubtful(logs, &boot.log) {
                continue;
            }
            let name = format!("producer {} (boot {id})", boot.producer);
            let Some(stopped) = &boot.stopped else {
                if let Some(detail) = boot.unclean(now, &self.partial) {
                    add(logs, [&boot.log; 2], FindingKind::UncleanStop, format!("{name} {detail}"));
                }
                continue;
            };
            let unseen = stopped.keys().filter(|log| !boot.numbers.contains_key(*log));
            let logs_of_it = boot.numbers.keys().chain(unseen);
            for log in logs_of_it.filter(|log| !self.partial.contains(*log)) {
                let missing = boot.missing(log);
                // Pairs that were not kept say nothing.
                let is_known = boot.numbers.contains_key(log) || self.pairs < MAX_PAIRS;
                if !missing.is_empty() && is_known && !is_doubtful(logs, log) {
                    let detail = format!("{} of {name} in {log} are not there", told(&missing));
                    add(logs, [log, &boot.log], FindingKind::PreLogLoss, detail);
                }
            }
        }
    }
}

fn is_doubtful(logs: &[Checked], log: &str) -> bool {
    let is_of = |checked: &&Checked| first_of(&checked.log.origin) == log;
    logs.iter().filter(is_of).any(|checked| checked.findings.is_any_about_the_log())
}

impl Boot {
    /// What is known of a producer that has fallen silent without saying that it stops.
    fn unclean(&self, now: DateTime<Utc>, partial: &BTreeSet<String>) -> Option<String> {
        let (begun, seen) = (self.begun.as_ref()?, self.seen?);
        let silence = Duration::from_millis(begun.heartbeat_ms).saturating_mul(MISSED_BEATS);
        let silence = TimeDelta::from_std(silence).unwrap_or(TimeDelta::MAX);
        if now.signed_duration_since(seen) <= silence {
            return None;
        }
        let seen = seen.to_rfc3339_opts(SecondsFormat::Micros, true);
        let mut detail = format!("has not said that it stopped: seen last at {seen}");
        let ends = self.numbers.iter().filter_map(|(log, seen)| Some((log, seen.last()?)));
        for (log, last) in ends.take(NAMED) {
            let _ = write!(detail, ", number {last} in {log}");
            let missing = self.missing(log);
            if !missing.is_empty() && !partial.contains(log) {
                let _ = write!(detail, " without {}", told(&missing));
            }
        }
        let _ = write!(detail, "; at most {} more events are lost", begun.places);
        Some(detail)
    }

    /// Which of its numbers in a log are missing.
    fn missing(&self, log: &str) -> Vec<Span> {
        let (mut missing, mut next) = (Vec::new(), 0_u64);
        let said = self.stopped.as_ref().and_then(|stopped| stopped.get(log)).copied();
        let seen = self.numbers.get(log).into_iter().flat_map(|numbers| &numbers.0);
        let end = said.map_or(u64::MAX, |last| last.saturating_add(1));
        for (first, last) in seen.map(|(first, last)| (*first, *last)) {
            if first > next {
                missing.push(Span::from(next..first));
            }
            next = last.saturating_add(1);
        }
        if said.is_some() && next < end {
            missing.push(Span::from(next..end));
        }
        missing
    }
}

impl Numbers {
    fn last(&self) -> Option<u64> {
        self.0.last_key_value().map(|(_, last)| *last)
    }

    fn add(&mut self, number: u64) {
        let mut first = number;
        if let Some((start, last)) = self.0.range_mut(..=number).next_back() {
            if *last >= number {
                return;
            }
            if last.checked_add(1) == Some(number) {
                (*last, first) = (number, *start);
            }
        }
        let after = number.checked_add(1).and_then(|next| self.0.remove(&next));
        self.0.insert(first, after.unwrap_or(number));
    }
}

/// Adds to the first of these logs that there is.
fn add(logs: &mut [Checked], names: [&str; 2], kind: FindingKind, detail: String) {
    let place = names.iter().find_map(|name| {
        logs.iter().position(|checked| checked.log.origin == *name && checked.log.is_itself())
    });
    if let Some(checked) = place.and_then(|place| logs.get_mut(place)) {
        checked.findings.add(kind, None, detail);
    }
}

/// Numbers in words: how many, and the first of them.
fn told(missing: &[Span]) -> String {
    let count = missing.iter().map(|span| span.last.saturating_sub(span.first).saturating_add(1));
    let count = count.fold(0_u64, u64::saturating_add);
    let named: Vec<_> = missing.iter().take(NAMED).map(Span::to_string).collect();
    let more = if missing.len() > NAMED { ", .." } else { "" };
    format!("{count} events (numbers {}{more})", named.join(", "))
}
