//! `audit stats`

use std::collections::BTreeMap;
use std::io::{self, Write};

use audit_core::Query;
use audit_core::store::{Entry, Head, LogInfo, LogState, Reader, SignedCheckpoint};
use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use crate::args::Database as DatabaseArgs;
use crate::database::Database;
use crate::entries::moment;
use crate::output::{Failure, answer, answer_json};
use crate::paint::{BOLD, DIM, of_outcome, painted};
use crate::{OK, logs};

/// Entries that are read at once.
const CHUNK: u32 = 500;

/// Where counting what was set aside ends.
const MANY: u64 = 10_000;

const EXAMPLES: &str = "\
Examples:
  audit stats
  audit stats --log standard --newest 100000
  audit stats --json | jq '.[].size'";

#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Stats {
    #[command(flatten)]
    database: DatabaseArgs,
    /// Only this log, by its name or the end of it: `standard`.
    #[arg(long, value_name = "NAME")]
    log: Option<String>,
    /// How many of the newest entries of each log are counted by action and outcome.
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    newest: u64,
}

pub(crate) async fn run(args: Stats) -> Result<u8, Failure> {
    let reader = Database::of(&args.database.database_url)?.read().await?;
    let mut all = Vec::new();
    for log in logs::all_or(&reader, args.log.as_deref()).await? {
        all.push(Counted::of(&reader, log, args.newest).await?);
    }
    if args.database.json {
        answer_json(&Value::from_iter(all.iter().map(Counted::json)))?;
    } else {
        answer(|out| all.iter().try_for_each(|log| log.print(out)))?;
    }
    Ok(OK)
}

/// What is said of a log.
struct Counted {
    log: LogInfo,
    head: Head,
    first: Option<DateTime<Utc>>,
    rejected: u64,
    checkpoint: Option<SignedCheckpoint>,
    newest: u64,
    /// By action, then outcome.
    actions: BTreeMap<String, BTreeMap<String, u64>>,
}

impl Counted {
    async fn of(reader: &Reader, log: LogInfo, newest: u64) -> Result<Self, Failure> {
        let head = reader.head(log.id).await?;
        let size = head.frontier.size();
        let first = reader.read(&log, 0, 1).await?.first().map(|entry| entry.recorded_at);
        let rejected = rejected(reader, &log).await?;
        let checkpoint = reader.latest_checkpoint(log.id).await?;
        let actions = BTreeMap::new();
        let mut counted = Self { log, head, first, rejected, checkpoint, newest: 0, actions };
        let mut next = size.saturating_sub(newest);
        while next < size {
            let entries = reader.read(&counted.log, next, CHUNK).await?;
            let Some(last) = entries.last() else { break };
            next = last.index.saturating_add(1);
            entries.iter().for_each(|entry| counted.count(entry));
        }
        Ok(counted)
    }

    fn count(&mut self, entry: &Entry) {
        let event: Value = serde_json::from_slice(entry.canonical()).unwrap_or_default();
        let word = |name| event.get(name).and_then(Value::as_str).map(str::to_owned);
        let outcome = word("outcome").or_else(|| word("stage")).unwrap_or_default();
        let action = self.actions.entry(word("action").unwrap_or_default()).or_default();
        let count = action.entry(outcome).or_default();
        *count = count.saturating_add(1);
        self.newest = self.newest.saturating_add(1);
    }

    fn json(&self) -> Value {
        json!({
            "log": self.log.origin,
            "size": self.head.frontier.size(),
            "root": self.head.root.to_string(),
            "state": state(self.head.state),
            "first_recorded_at": self.first.map(moment),
            "last_recorded_at": self.head.recorded_at.map(moment),
            "rejected": self.rejected,
            "checkpoint": self.checkpoint.as_ref().map(|kept| json!({
                "size": kept.size,
                "signed_at": moment(kept.signed_at),
            })),
            "newest": { "entries": self.newest, "actions": self.actions },
        })
    }

    fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        let time = |time: Option<DateTime<Utc>>| time.map_or("-".to_owned(), moment);
        writeln!(out, "{}", painted(BOLD, &self.log.origin))?;
        let mut line = |name: &str, value: String| {
            writeln!(out, "  {} {value}", painted(DIM, format_args!("{name:<10}")))
        };
        line("entries", self.head.frontier.size().to_string())?;
        line("root", self.head.root.to_string())?;
        line("state", state(self.head.state).to_owned())?;
        line("recorded", format!("{} to {}", time(self.first), time(self.head.recorded_at)))?;
        line("rejected", self.rejected.to_string())?;
        let checkpoint = self.checkpoint.as_ref().map_or("none is kept".to_owned(), |kept| {
            format!("of size {}, signed {}", kept.size, moment(kept.signed_at))
        });
        line("checkpoint", checkpoint)?;
        if self.newest > 0 {
            writeln!(out, "  {}", painted(DIM, format_args!("of the newest {}:", self.newest)))?;
        }
        for (action, outcomes) in &self.actions {
            write!(out, "    {}", painted(BOLD, format_args!("{action:<24}")))?;
            for (outcome, count) in outcomes {
                write!(out, " {count} {}", painted(of_outcome(outcome), outcome))?;
            }
            writeln!(out)?;
        }
        Ok(())
    }
}

/// How many events were kept out of a log, as its database says in the log of the class `audit`.
async fn rejected(reader: &Reader, log: &LogInfo) -> Result<u64, Failure> {
    let mut count = 0_u64;
    for action in ["audit.rejected", "audit.id_conflict"] {
        let mut query = Query::new().action(action).label("log", &log.origin).limit(1_000);
        while count < MANY {
            let page = reader.search(&query).await?;
            count = page.entries.iter().fold(count, |count, _| count.saturating_add(1));
            let Some(next) = page.next else { break };
            query = query.cursor(next);
        }
    }
    Ok(count)
}

fn state(state: LogState) -> &'static str {
    match state {
        LogState::Open => "open",
        LogState::Frozen => "frozen",
        LogState::Quarantined => "quarantined",
    }
}
