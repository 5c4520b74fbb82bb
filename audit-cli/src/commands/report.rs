//! `audit report`

use std::collections::BTreeMap;
use std::pin::pin;

use audit_core::Query;
use audit_core::clock::{Clock as _, SystemClock};
use audit_core::follow::{FollowError, Follower};
use audit_core::store::{Entry, Reader};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;

use crate::args::Database as DatabaseArgs;
use crate::database::Database;
use crate::entries::{moment, time};
use crate::output::{Failure, answer, answer_json, complain};
use crate::page::{Page, Section};
use crate::progress::Progress;
use crate::{FINDINGS, OK, logs, stop};

/// Different things of one kind that are counted; what comes after is counted together.
const MOST: usize = 10_000;

/// Rows of a table.
const SHOWN: usize = 20;

/// How long a recorder may be silent of which no more is known than one sign of life.
const LONGEST: TimeDelta = TimeDelta::days(1);

const EXAMPLES: &str = "\
Examples:
  audit report --since 30d
  audit report --since 2026-01-01 --html > january.html

What was denied and what failed, who and which addresses were not there before, what was done with a high sensitivity, or is
relevant for compliance, or to the log itself, where the log has gaps, and what it was last verified and signed at.

It reads every entry since then, and looks up what was before.";

#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Report {
    #[command(flatten)]
    database: DatabaseArgs,
    /// What happened at this time or later: `2026-01-31`, `2026-01-31T12:00:00Z`, or `2h`, `30d` ago.
    #[arg(long, value_name = "TIME", value_parser = time)]
    since: DateTime<Utc>,
    /// As a page of HTML, with nothing in it that is loaded or runs.
    #[arg(long, conflicts_with = "json")]
    html: bool,
}

pub(crate) async fn run(args: Report) -> Result<u8, Failure> {
    let reader = Database::of(&args.database.database_url)?.read().await?;
    let now = SystemClock::new().now();
    let (seen, code) = Seen::since(&reader, args.since).await?;
    let title = format!("Audit report, {} to {}", moment(args.since), moment(now));
    let mut sections = vec![seen.outcomes()];
    sections.push(table("Denied", ["count", "actor", "action"], &seen.denied));
    sections.push(table("Failed", ["count", "action", "error"], &seen.failed));
    sections.push(first("Actors not seen before", &reader, &seen.actors, args.since, actor).await?);
    sections.push(
        first("Addresses not seen before", &reader, &seen.addresses, args.since, address).await?,
    );
    sections.push(table("Privileged actions", ["count", "actor", "action"], &seen.privileged));
    sections.push(seen.gaps(now));
    sections.push(proved(&reader).await?);
    let page = Page { title, sections };
    match (args.database.json, args.html) {
        (true, _) => answer_json(&page)?,
        (_, true) => answer(|out| page.html(out))?,
        _ => answer(|out| page.text(out))?,
    }
    Ok(code)
}

/// Counts by key, of which there are never too many.
#[derive(Debug, Default)]
struct Counts {
    by_key: BTreeMap<Vec<String>, u64>,
    /// Of keys for which there was no room.
    others: u64,
}

impl Counts {
    fn add(&mut self, key: &[&str]) {
        let key: Vec<String> = key.iter().map(|&part| part.to_owned()).collect();
        let full = self.by_key.len() >= MOST;
        let count = match self.by_key.get_mut(&key) {
            Some(count) => count,
            None if full => &mut self.others,
            None => self.by_key.entry(key).or_default(),
        };
        *count = count.saturating_add(1);
    }

    fn all(&self) -> u64 {
        self.by_key.values().fold(self.others, |sum, count| sum.saturating_add(*count))
    }

    /// The most frequent first.
    fn sorted(&self) -> Vec<(&Vec<String>, u64)> {
        let mut sorted: Vec<_> = self.by_key.iter().map(|(key, count)| (key, *count)).collect();
        sorted.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        sorted
    }
}

/// A boot of a recorder.
#[derive(Debug)]
struct Boot {
    producer: String,
    started: String,
    last: DateTime<Utc>,
    /// How often it gives a sign of life, where its first word is in this report.
    heartbeat: Option<TimeDelta>,
    /// The longest time between two of them.
    pause: TimeDelta,
    has_stopped: bool,
}

/// What is in the log since a time.
#[derive(Debug, Default)]
struct Seen {
    outcomes: Counts,
    denied: Counts,
    failed: Counts,
    privileged: Counts,
    actors: Counts,
    addresses: Counts,
    /// Time, log, how many, why.
    gaps: Vec<Vec<String>>,
    more_gaps: u64,
    boots: BTreeMap<String, Boot>,
}

impl Seen {
    async fn since(reader: &Reader, since: DateTime<Utc>) -> Result<(Self, u8), Failure> {
        let progress = Progress::new("reading");
        let mut follower = Follower::new(reader.clone(), Query::new().since(since));
        let mut stopped = pin!(stop::asked()?);
        let (mut seen, mut code) = (Self::default(), OK);
        loop {
            let read = tokio::select! {
                read = follower.read() => read,
                () = &mut stopped => return Err(Failure::Interrupted),
            };
            match read {
                Ok(Some(entries)) => entries.iter().for_each(|entry| seen.take(entry)),
                Ok(None) => return Ok((seen, code)),
                Err(why @ FollowError::Damaged { .. }) => {
                    code = FINDINGS;
                    progress.aside(|| complain(&why.into()));
                }
                Err(why) => return Err(why.into()),
            }
            let (done, all) = follower.progress();
            progress.set(done, all);
        }
    }

    fn take(&mut self, entry: &Entry) {
        let event = entry.known();
        let text = |pointer| event.pointer(pointer).and_then(Value::as_str);
        let or_dash = |pointer| text(pointer).unwrap_or("-");
        let (actor, action) = (or_dash("/actor/id"), or_dash("/action"));
        self.outcomes.add(&[or_dash("/outcome")]);
        match text("/outcome") {
            Some("denied") => self.denied.add(&[actor, action]),
            Some("failure") => {
                let error = text("/error/code").or(text("/error/kind"));
                self.failed.add(&[action, error.unwrap_or("-")]);
            }
            _ => {}
        }
        if let Some(actor) = text("/actor/id") {
            self.actors.add(&[actor]);
        }
        if let Some(ip) = text("/request/ip") {
            self.addresses.add(&[ip]);
        }
        let is_sensitive = matches!(text("/sensitivity"), Some("high" | "critical"));
        let is_own = action.starts_with("audit.") && !OF_A_RECORDER.contains(&action);
        let is_relevant = event.get("is_compliance_relevant").and_then(Value::as_bool);
        if is_sensitive || is_own || is_relevant == Some(true) {
            self.privileged.add(&[actor, action]);
        }
        self.take_own(entry, &event, action);
    }

    /// What a recorder says of itself.
    fn take_own(&mut self, entry: &Entry, event: &Value, action: &str) {
        let text =
            |pointer| event.pointer(pointer).and_then(Value::as_str).unwrap_or("-").to_owned();
        if action == "audit.gap" {
            let count = event.pointer("/metadata/count").map_or_else(String::new, Value::to_string);
            let gap =
                vec![text("/occurred_at"), text("/producer/id"), count, text("/metadata/reason")];
            match self.gaps.len() < SHOWN {
                true => self.gaps.push(gap),
                false => self.more_gaps = self.more_gaps.saturating_add(1),
            }
        }
        if !OF_A_RECORDER.contains(&action) {
            return;
        }
        let boot = text("/labels/boot");
        let is_known = self.boots.contains_key(&boot);
        // Of one that began before this report its first sign of life is seen first.
        let is_first = action == "audit.started" || action == "audit.heartbeat" && !is_known;
        if is_first && (self.boots.len() < MOST || is_known) {
            let heartbeat = event.pointer("/metadata/heartbeat_ms").and_then(Value::as_i64);
            let boot_of = Boot {
                producer: text("/producer/id"),
                started: text("/occurred_at"),
                last: entry.recorded_at,
                heartbeat: heartbeat.and_then(TimeDelta::try_milliseconds),
                pause: TimeDelta::zero(),
                has_stopped: false,
            };
            self.boots.insert(boot, boot_of);
        } else if let Some(of) = self.boots.get_mut(&boot) {
            of.pause = of.pause.max(entry.recorded_at.signed_duration_since(of.last));
            of.last = entry.recorded_at;
            of.has_stopped |= action == "audit.stopped";
        }
    }

    fn outcomes(&self) -> Section {
        let rows = self.outcomes.sorted();
        let rows = rows.into_iter().map(|(key, count)| vec![key.concat(), count.to_string()]);
        let note = format!("{} entries in all", self.outcomes.all());
        let (head, note) = (vec!["outcome", "entries"], Some(note));
        Section { title: "Outcomes", head, rows: rows.collect(), note }
    }

    fn gaps(&self, now: DateTime<Utc>) -> Section {
        let mut rows = self.gaps.clone();
        // Two signs of life that should have been there are not.
        let is_lost = |boot: &&Boot| {
            let silence = now.signed_duration_since(boot.last);
            let seen = Some(boot.pause).filter(|pause| !pause.is_zero());
            !boot.has_stopped && silence / 2 > boot.heartbeat.or(seen).unwrap_or(LONGEST)
        };
        let lost = self.boots.values().filter(is_lost).count().saturating_sub(SHOWN);
        for boot in self.boots.values().filter(is_lost).take(SHOWN) {
            let why = format!("stopped without a last word, after {}", moment(boot.last));
            rows.push(vec![boot.started.clone(), boot.producer.clone(), "?".to_owned(), why]);
        }
        let more = [
            (self.more_gaps, "gaps: `audit search --action audit.gap`"),
            (
                u64::try_from(lost).unwrap_or(u64::MAX),
                "recorders: `audit search --action audit.started`",
            ),
        ];
        let more = more.iter().filter(|(count, _)| *count > 0);
        let more: Vec<_> = more.map(|(count, what)| format!("and {count} more {what}")).collect();
        let note = match (rows.is_empty(), more.is_empty()) {
            (true, _) => Some("none".to_owned()),
            (_, true) => None,
            _ => Some(more.join("; ")),
        };
        let head = vec!["since", "producer", "events lost", "why"];
        Section { title: "Gaps, and recorders that did not stop cleanly", head, rows, note }
    }
}

/// What recorders say all the time.
const OF_A_RECORDER: [&str; 3] = ["audit.started", "audit.heartbeat", "audit.stopped"];

fn table(title: &'static str, head: [&'static str; 3], counts: &Counts) -> Section {
    let sorted = counts.sorted();
    let more = sorted.len().saturating_sub(SHOWN);
    let row = |(key, count): (&Vec<String>, u64)| [vec![count.to_string()], key.clone()].concat();
    let shown: u64 = sorted.iter().take(SHOWN).map(|(_, count)| *count).sum();
    let rows: Vec<_> = sorted.into_iter().take(SHOWN).map(row).collect();
    let note = match (rows.is_empty(), more) {
        (true, _) => Some("none".to_owned()),
        (_, 0) if counts.others == 0 => None,
        _ => Some(format!("and {} more entries", counts.all().saturating_sub(shown))),
    };
    Section { title, head: head.to_vec(), rows, note }
}

fn actor(value: &str) -> Query {
    Query::new().actor(value)
}

fn address(value: &str) -> Query {
    value.parse().map_or_else(|_| Query::new(), |ip| Query::new().ip(ip))
}

/// Those that nothing names before a time: each is looked up in an index.
async fn first(
    title: &'static str,
    reader: &Reader,
    counts: &Counts,
    since: DateTime<Utc>,
    query: fn(&str) -> Query,
) -> Result<Section, Failure> {
    let (mut rows, mut more) = (Vec::new(), 0_u64);
    for (key, count) in counts.sorted() {
        let value = key.concat();
        let before = query(&value).until(since).limit(1);
        if !reader.search(&before).await?.entries.is_empty() {
            continue;
        }
        match rows.len() < SHOWN {
            true => rows.push(vec![value, count.to_string()]),
            false => more = more.saturating_add(1),
        }
    }
    let note = match (rows.is_empty(), more, counts.others) {
        (true, ..) => Some("none".to_owned()),
        (_, 0, 0) => None,
        (_, more, 0) => Some(format!("and {more} more")),
        (_, more, others) => {
            Some(format!("and {more} more; {others} entries are of others that were not looked up"))
        }
    };
    Ok(Section { title, head: vec!["who", "entries"], rows, note })
}

/// What speaks for the logs.
async fn proved(reader: &Reader) -> Result<Section, Failure> {
    let mut rows = Vec::new();
    for log in logs::all_or(reader, None).await? {
        let size = reader.head(log.id).await?.frontier.size();
        let signed = reader.latest_checkpoint(log.id).await?;
        let signed = signed.map_or_else(
            || "never".to_owned(),
            |it| format!("{} of {size} at {}", it.size, moment(it.signed_at)),
        );
        rows.push(vec![log.origin, size.to_string(), signed]);
    }
    let verified = reader.search(&Query::new().action("audit.log.verified").limit(1)).await?;
    let note = match verified.entries.first() {
        Some(entry) => {
            let event = entry.event();
            let outcome = event.get("outcome").and_then(Value::as_str).unwrap_or("-");
            format!("last verification: {}, {outcome}", moment(entry.recorded_at))
        }
        None => "last verification: never recorded".to_owned(),
    };
    let head = vec!["log", "entries", "signed"];
    Ok(Section { title: "The logs", head, rows, note: Some(note) })
}
