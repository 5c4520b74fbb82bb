//! `audit search`

use std::io::{self, Write as _};

use audit_core::Cursor;

use crate::OK;
use crate::args::Database as DatabaseArgs;
use crate::database::Database;
use crate::entries::{self, Which};
use crate::output::{Failure, answer, answer_json};

const EXAMPLES: &str = "\
Examples:
  audit search 'actor:alice action:invoice.* -outcome:success after:7d \"wrong account\"'
  audit search --outcome denied --since 2h
  audit search --actor u-17 --resource invoice/4711
  audit search --action invoice.approve --since 2026-01-01 --until 2026-02-01
  audit search --ip 10.0.0.0/8 --label region=eu --json | jq .entries

A line has: when it happened, log and index, action, outcome, actor, resource, and what went wrong. `audit show` shows
one entry whole. The newest entries come first. A query is all of its words: FIELD:VALUE, VALUE,VALUE for any of them, VALUE* for what
begins so, - before it for what is not so, and words without a field for what texts and names say. Before one that begins with `-`
write `--`. Fields are, among others, actor, action, resource, outcome, severity, category, tenant, tag, label.KEY, ip, status,
request, session, after, before. Single values are looked up in indexes, others are looked at one by one.";

#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Search {
    #[command(flatten)]
    database: DatabaseArgs,
    #[command(flatten)]
    which: Which,
    /// Entries on a page, 1 to 1000.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    /// Goes on where a page of the same search ended.
    #[arg(long)]
    cursor: Option<Cursor>,
}

pub(crate) async fn run(args: Search) -> Result<u8, Failure> {
    let reader = Database::of(&args.database.database_url)?.read().await?;
    let mut query = args.which.query(&reader).await?.limit(args.limit);
    if let Some(cursor) = args.cursor {
        query = query.cursor(cursor);
    }
    let page = reader.search(&query).await?;
    if args.database.json {
        answer_json(&page)?;
        return Ok(OK);
    }
    answer(|out| {
        page.entries.iter().try_for_each(|entry| writeln!(out, "{}", entries::line(entry)))
    })?;
    if let Some(next) = page.next {
        writeln!(io::stderr(), "more with --cursor {next}")?;
    }
    Ok(OK)
}
