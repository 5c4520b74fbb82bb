//! `audit search`

use std::io::{self, Write};

use audit_core::Query;
use audit_core::store::Entry;
use serde_json::Value;

use crate::OK;
use crate::args::Search;
use crate::database::Database;
use crate::output::{Failure, answer, printable};

pub(crate) async fn run(args: Search) -> Result<u8, Failure> {
    let json = args.database.json;
    let reader = Database::of(&args.database.database_url)?.read().await?;
    let page = reader.search(&query(args)).await?;
    if json {
        answer(|out| writeln!(out, "{}", serde_json::to_string(&page)?))?;
        return Ok(OK);
    }
    answer(|out| {
        page.entries.iter().try_for_each(|entry| writeln!(out, "{}", printable(&as_line(entry))))
    })?;
    if let Some(next) = page.next {
        writeln!(io::stderr(), "more with --cursor {next}")?;
    }
    Ok(OK)
}

/// Narrows a query by a text.
type Narrow = fn(Query, &str) -> Query;

fn query(args: Search) -> Query {
    let mut query = Query::new().limit(args.limit);
    if let Some(actor) = args.actor {
        query = query.actor(actor);
    }
    if let Some(action) = args.action {
        query = query.action(action);
    }
    if let Some(resource) = args.resource {
        query = match resource.split_once('/') {
            Some((kind, id)) => query.resource_type(kind).resource_id(id),
            None => query.resource_type(resource),
        };
    }
    if let Some(outcome) = args.outcome {
        query = query.outcome(outcome);
    }
    if let Some(severity) = args.severity {
        query = query.severity(severity);
    }
    let texts: [(_, Narrow); 6] = [
        (args.category, Query::category),
        (args.tenant, Query::tenant),
        (args.request_id, Query::request_id),
        (args.session, Query::session),
        (args.correlation_id, Query::correlation_id),
        (args.operation_id, Query::operation_id),
    ];
    for (text, narrow) in texts {
        query = text.iter().fold(query, |query: Query, text: &String| narrow(query, text));
    }
    query = args.label.iter().fold(query, |query, (key, value)| query.label(key, value));
    query = args.tag.iter().fold(query, |query, tag| query.tag(tag));
    query = match args.ip {
        Some((ip, Some(bits))) => query.network(ip, bits),
        Some((ip, None)) => query.ip(ip),
        None => query,
    };
    if let Some(since) = args.since {
        query = query.since(since);
    }
    if let Some(until) = args.until {
        query = query.until(until);
    }
    match args.cursor {
        Some(cursor) => query.cursor(cursor),
        None => query,
    }
}

/// When, where, what, how, who, on what, and what went wrong.
fn as_line(entry: &Entry) -> String {
    let event = entry.event();
    let text = |pointer| event.pointer(pointer).and_then(Value::as_str);
    let or_dash = |pointer| text(pointer).unwrap_or("-");
    let mut line = format!(
        "{} {} {} {} {} {}",
        or_dash("/occurred_at"),
        entry.log,
        entry.index,
        or_dash("/action"),
        or_dash("/outcome"),
        or_dash("/actor/id"),
    );
    if let Some(kind) = text("/resource/type") {
        line.push_str(&format!(" {kind}/{}", or_dash("/resource/id")));
    }
    if let Some(error) = text("/error/message") {
        line.push_str(&format!(": {error}"));
    }
    line
}
