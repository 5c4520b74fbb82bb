//! Which entries are meant, and how one looks on a line: the same for all commands that show some.

use std::net::IpAddr;

use audit_core::clock::{Clock as _, SystemClock};
use audit_core::query::language;
use audit_core::store::{Entry, Reader};
use audit_core::{Outcome, Query, Severity};
use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::Value;
use uuid::Uuid;

use crate::logs;
use crate::output::Failure;
use crate::paint::{BAD, BOLD, DIM, of_outcome, painted};

/// All that is asked for must be there. Without any, all entries are meant.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Which entries")]
pub(crate) struct Which {
    /// In the search language: `actor:alice action:invoice.* -outcome:success after:7d "free text"`.
    #[arg(value_name = "QUERY")]
    text: Vec<String>,
    /// In this log, by its name or the end of it: `standard`.
    #[arg(long, value_name = "NAME")]
    log: Option<String>,
    /// The event with this id.
    #[arg(long, value_name = "UUID")]
    id: Option<Uuid>,
    /// What this actor did, by id.
    #[arg(long, value_name = "ID")]
    actor: Option<String>,
    /// This action: `invoice.approve`.
    #[arg(long, value_name = "NAME")]
    action: Option<String>,
    /// What was done to resources of a type, or to one of them: `invoice`, `invoice/4711`.
    #[arg(long, value_name = "TYPE[/ID]")]
    resource: Option<String>,
    /// What ended so: success, failure, denied, cancelled, unknown.
    #[arg(long)]
    outcome: Option<Outcome>,
    /// What is so serious: debug, info, warning, error, critical.
    #[arg(long)]
    severity: Option<Severity>,
    /// What happened at this time or later: `2026-01-31`, `2026-01-31T12:00:00Z`, or `30m`, `2h`, `7d` ago.
    #[arg(long, value_name = "TIME", value_parser = written_time)]
    since: Option<String>,
    /// What happened before this time.
    #[arg(long, value_name = "TIME", value_parser = written_time)]
    until: Option<String>,
    /// This group of actions.
    #[arg(long, value_name = "NAME")]
    category: Option<String>,
    /// What belongs to this tenant.
    #[arg(long, value_name = "ID")]
    tenant: Option<String>,
    /// What has this label; given more than once, all of them.
    #[arg(long, value_name = "KEY=VALUE", value_parser = label)]
    label: Vec<(String, String)>,
    /// What has this tag; given more than once, all of them.
    #[arg(long)]
    tag: Vec<String>,
    /// What this request did.
    #[arg(long, value_name = "ID")]
    request_id: Option<String>,
    /// What was done in this session, by its hash as it stands in the events.
    #[arg(long, value_name = "HASH")]
    session: Option<String>,
    /// What requests with this correlation id did.
    #[arg(long, value_name = "ID")]
    correlation_id: Option<String>,
    /// The steps of this workflow or job.
    #[arg(long, value_name = "ID")]
    operation_id: Option<String>,
    /// What was asked for from this address or network: `10.0.0.7`, `10.0.0.0/8`, `2001:db8::/32`.
    #[arg(long, value_name = "ADDRESS[/PREFIX]", value_parser = network)]
    ip: Option<(IpAddr, u8)>,
}

/// Narrows a query by a text.
type Narrow = fn(Query, &str) -> Query;

impl Which {
    /// Which log alone.
    pub(crate) fn log(&self) -> Option<&str> {
        self.log.as_deref()
    }

    pub(crate) async fn query(self, reader: &Reader) -> Result<Query, Failure> {
        let mut text = self.text.join(" ");
        // As words of the language: what is so long ago is the same query the next time, to which its cursor belongs.
        for (word, time) in [("after", self.since), ("before", self.until)] {
            text.extend(time.map(|time| format!(" {word}:\"{time}\"")));
        }
        let mut query: Query = text.parse()?;
        let log = self.log.as_deref().or(query.log_name()).map(str::to_owned);
        if let Some(log) = log {
            query = query.log(logs::named(reader, &log).await?.origin);
        }
        if let Some(id) = self.id {
            query = query.event_id(id);
        }
        if let Some(resource) = self.resource {
            query = match resource.split_once('/') {
                Some((kind, id)) => query.resource_type(kind).resource_id(id),
                None => query.resource_type(resource),
            };
        }
        if let Some(outcome) = self.outcome {
            query = query.outcome(outcome);
        }
        if let Some(severity) = self.severity {
            query = query.severity(severity);
        }
        let texts: [(_, Narrow); 8] = [
            (self.actor, |query, text| query.actor(text)),
            (self.action, |query, text| query.action(text)),
            (self.category, Query::category),
            (self.tenant, Query::tenant),
            (self.request_id, Query::request_id),
            (self.session, Query::session),
            (self.correlation_id, Query::correlation_id),
            (self.operation_id, Query::operation_id),
        ];
        for (text, narrow) in texts {
            query = text.iter().fold(query, |query, text| narrow(query, text));
        }
        query = self.label.iter().fold(query, |query, (key, value)| query.label(key, value));
        query = self.tag.iter().fold(query, |query, tag| query.tag(tag));
        query = match self.ip {
            Some((ip, bits)) => query.network(ip, bits),
            None => query,
        };
        Ok(query)
    }
}

/// When, where, what, how, who, on what, and what went wrong.
pub(crate) fn line(entry: &Entry) -> String {
    let event = entry.event();
    let text = |pointer| event.pointer(pointer).and_then(Value::as_str);
    let or_dash = |pointer| text(pointer).unwrap_or("-");
    let outcome = or_dash("/outcome");
    let mut line = format!(
        "{} {} {} {} {}",
        painted(DIM, or_dash("/occurred_at")),
        painted(DIM, format_args!("{} {}", entry.log, entry.index)),
        painted(BOLD, or_dash("/action")),
        painted(of_outcome(outcome), outcome),
        painted(anstyle::Style::new(), or_dash("/actor/id")),
    );
    if let Some(kind) = text("/resource/type") {
        let resource = format_args!(" {kind}/{}", or_dash("/resource/id")).to_string();
        line.push_str(&painted(anstyle::Style::new(), resource));
    }
    if let Some(error) = text("/error/message") {
        line.push_str(&format!(": {}", painted(BAD, error)));
    }
    line
}

/// How a moment is written.
pub(crate) fn moment(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// A time as it is written.
fn written_time(text: &str) -> Result<String, String> {
    time(text).map(|_| text.to_owned())
}

pub(crate) fn time(text: &str) -> Result<DateTime<Utc>, String> {
    language::time(text, SystemClock::new().now()).ok_or_else(|| {
        "write `2026-01-31`, `2026-01-31T12:00:00Z`, or `2h` for two hours ago".to_owned()
    })
}

/// A label's key ends at the first `=`.
fn label(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("write `KEY=VALUE`")?;
    Ok((key.to_owned(), value.to_owned()))
}

fn network(text: &str) -> Result<(IpAddr, u8), String> {
    language::network(text).ok_or_else(|| "write `10.0.0.7` or `10.0.0.0/8`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::time;

    #[test]
    fn a_time_is_a_moment_a_day_or_so_long_ago() {
        for right in ["2026-01-31T12:00:00+01:00", "2026-01-31", "2026-01-31 12:00:00Z", "7d"] {
            assert!(time(right).is_ok(), "{right}");
        }
        for wrong in ["", "h", "-1h", "2", "2y", "2hh", "yesterday", "4294967295d", "ü", "7d\""] {
            assert!(time(wrong).is_err(), "{wrong}");
        }
    }
}
