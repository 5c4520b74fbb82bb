//! Whether all that was numbered is there: each producer counts its events of each log, from 0, and says when it stops.
//!
//! A producer that stopped has said how far it came, so that a hole is a loss. One that was killed has said nothing: what
//! it had in memory may be lost, and more cannot be known.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::Deserialize;
use uuid::Uuid;

use super::report::{FindingKind, Findings, Span};
use crate::event::Stamp;
use crate::store::Row;

/// Runs of numbers that are kept at the most, but for one of each producer and log: an honest log has hardly any.
const MAX_RUNS: usize = 100_000;

/// Places that are named in one finding.
const NAMED: usize = 5;

/// What the producers have numbered, and said of themselves.
#[derive(Debug, Default)]
pub(super) struct Boots {
    boots: BTreeMap<Uuid, Boot>,
    runs: usize,
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
}

#[derive(Deserialize)]
struct Own<T> {
    metadata: T,
}

#[derive(Deserialize)]
struct Labelled<T> {
    labels: BTreeMap<String, String>,
    metadata: T,
}

/// Numbers that were seen, as runs: the first of each, and the last.
#[derive(Debug, Default)]
struct Numbers(BTreeMap<u64, u64>);

impl Boots {
    /// Notes an entry whose bytes are not in doubt.
    pub(super) fn see(&mut self, log: &str, row: &Row, action: &str) {
        let Some(stamp) = Stamp::of(&row.canon) else {
            return;
        };
        let boot = self.boots.entry(stamp.boot).or_default();
        boot.seen = boot.seen.max(row.recorded_at);
        if let Some(seq) = stamp.seq {
            note(&mut self.runs, boot, log, seq);
        }
        match action {
            "audit.started" => {
                let begun = serde_json::from_slice::<Own<Begun>>(&row.canon);
                boot.begun = begun.ok().map(|own| own.metadata);
            }
            "audit.stopped" => {
                if let Ok(own) = serde_json::from_slice::<Own<Stopped>>(&row.canon) {
                    boot.stopped.get_or_insert_default().extend(own.metadata.last_seq);
                }
            }
            "audit.rejected" | "audit.id_conflict" => {
                // It is accounted for.
                if let Ok(report) = serde_json::from_slice::<Labelled<Refused>>(&row.canon)
                    && let Some(log) = report.labels.get("log")
                {
                    let Refused { boot, seq } = report.metadata;
                    note(&mut self.runs, self.boots.entry(boot).or_default(), log, seq);
                }
                return;
            }
            _ => return,
        }
        (boot.producer, boot.log) = (stamp.id, log.to_owned());
    }

    /// Adds findings about the producers to those of the logs, by their names. A log in which entries are in doubt
    /// already says nothing of those that may be missing beside them.
    pub(super) fn judge(&self, now: DateTime<Utc>, logs: &mut BTreeMap<String, Findings>) {
        let doubtful = |logs: &BTreeMap<String, Findings>, log: &str| {
            logs.get(log).is_some_and(Findings::is_any_about_the_log)
        };
        for (id, boot) in &self.boots {
            if self.runs >= MAX_RUNS || doubtful(logs, &boot.log) {
                continue;
            }
            let name = format!("producer {} (boot {id})", boot.producer);
            if let Some(stopped) = &boot.stopped {
                let all = boot
                    .numbers
                    .keys()
                    .chain(stopped.keys().filter(|log| !boot.numbers.contains_key(*log)));
                for log in all {
                    let missing = boot.missing(log);
                    if !missing.is_empty() && !doubtful(logs, log) {
                        let detail = format!("{} of {name} in {log} are not there", told(&missing));
                        add(logs, [log, &boot.log], FindingKind::PreLogLoss, detail);
                    }
                }
            } else if let Some(detail) = boot.unclean(now) {
                add(logs, [&boot.log; 2], FindingKind::UncleanStop, format!("{name} {detail}"));
            }
        }
    }
}

impl Boot {
    /// What is known of a producer that has fallen silent without saying that it stops.
    fn unclean(&self, now: DateTime<Utc>) -> Option<String> {
        let (begun, seen) = (self.begun.as_ref()?, self.seen?);
        let silence = Duration::from_millis(begun.heartbeat_ms).saturating_mul(3);
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
            if !missing.is_empty() {
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

fn note(runs: &mut usize, boot: &mut Boot, log: &str, number: u64) {
    if *runs >= MAX_RUNS {
        return;
    }
    if !boot.numbers.contains_key(log) {
        boot.numbers.insert(log.to_owned(), Numbers::default());
    }
    let Some(numbers) = boot.numbers.get_mut(log) else {
        return;
    };
    let before = numbers.0.len();
    numbers.add(number);
    *runs = runs.saturating_add(numbers.0.len()).saturating_sub(before.max(1));
}

/// Adds to the first of these logs that there is.
fn add(logs: &mut BTreeMap<String, Findings>, names: [&str; 2], kind: FindingKind, detail: String) {
    if let Some(name) = names.into_iter().find(|name| logs.contains_key(*name))
        && let Some(findings) = logs.get_mut(name)
    {
        findings.add(kind, None, detail);
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
