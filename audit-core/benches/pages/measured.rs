//! The measurements.

use std::time::Instant;

use audit_core::query::{Field, Scope};
use audit_core::store::{Entry, Reader};
use audit_core::{Cursor, Query};

use crate::Failure;

/// Entries of a page that is measured.
const PAGE: u32 = 100;

/// How often each page is measured, in turns.
const ROUNDS: usize = 15;

/// How deep, in percent of what a query finds.
const DEPTHS: [usize; 3] = [10, 50, 90];

/// All that is looked up in the reference systems. `$` is replaced by what the entry in the middle of the log has there.
const LOOKUPS: [(&str, &str); 20] = [
    ("time", ""),
    ("actor", "actor:$/actor/id"),
    ("action", "action:$/action"),
    ("severity", "severity:error"),
    ("scope, a label", "label.scope:$/labels/scope"),
    ("tenant", "tenant:$/tenant"),
    ("resource type", "resource:$/resource/type"),
    ("resource type and id", "resource:$/resource/type resource.id:$/resource/id"),
    ("parent resource", "parent.account:$/resource/parent/id"),
    ("address", "ip:$/request/ip"),
    ("session", "session:$/request/session"),
    ("request", "request:$/request/id"),
    ("correlation", "correlation:$/request/correlation_id"),
    ("operation", "operation:op-1"),
    ("compliance", "compliance:true"),
    ("category", "category:$/category"),
    ("outcome", "outcome:denied"),
    ("actor and action", "actor:$/actor/id action:$/action"),
    ("action and tenant", "action:$/action tenant:$/tenant"),
    ("tenant and outcome", "tenant:$/tenant outcome:denied"),
];

pub(crate) async fn all(name: &str, entries: usize, reader: &Reader) -> Result<(), Failure> {
    let middle = middle(reader).await?;
    text(&format!(
        "\n{name}, {entries} entries: the first page of {PAGE}, and pages deeper, in times of it"
    ));
    text(&format!(
        "{:<34} {:>9} {:>9} {:>6} {:>6} {:>6}",
        "look-up", "found", "first ms", "10 %", "50 %", "90 %"
    ));
    for (what, lookup) in LOOKUPS {
        let query = query(lookup, &middle)?;
        if lookup.is_empty() {
            line(&format!("{what}, oldest first"), reader, &query.clone().oldest_first()).await?;
        }
        line(what, reader, &query).await?;
    }
    summaries(reader, &middle).await
}

/// The entry in the middle of what there is.
async fn middle(reader: &Reader) -> Result<Entry, Failure> {
    let log = reader.logs().await?.into_iter().next().ok_or("there is no log")?;
    let size = reader.head(log.id).await?.frontier.size();
    reader.read(&log, size / 2, 1).await?.pop().ok_or_else(|| "there is no entry".into())
}

fn query(lookup: &str, middle: &Entry) -> Result<Query, Failure> {
    let event = middle.event();
    let words = lookup.split(' ').map(|word| match word.split_once('$') {
        Some((field, place)) => {
            let value = event.pointer(place).and_then(serde_json::Value::as_str);
            format!("{field}\"{}\"", value.unwrap_or_default())
        }
        None => word.to_owned(),
    });
    // An address is not quoted.
    let text = words.collect::<Vec<_>>().join(" ");
    Ok(text.parse()?)
}

async fn line(what: &str, reader: &Reader, query: &Query) -> Result<(), Failure> {
    let (found, cursors) = deep(reader, query).await?;
    let first = query.clone().limit(PAGE);
    let pages: Vec<_> = std::iter::once(first.clone())
        .chain(cursors.into_iter().map(|it| first.clone().cursor(it)))
        .collect();
    let mut times = vec![Vec::new(); pages.len()];
    for _ in 0..ROUNDS {
        for (page, times) in pages.iter().zip(&mut times) {
            let begun = Instant::now();
            reader.search(page).await?;
            times.push(begun.elapsed().as_secs_f64() * 1e3);
        }
    }
    let times: Vec<_> = times.into_iter().map(median).collect();
    let ratio = |place: usize| {
        times.get(place).map_or("-".to_owned(), |time| format!("{:.2}", time / times[0]))
    };
    text(&format!(
        "{what:<34} {found:>9} {:>9.2} {:>6} {:>6} {:>6}",
        times[0],
        ratio(1),
        ratio(2),
        ratio(3)
    ));
    Ok(())
}

/// How many entries a query finds, and cursors at the depths, if there are full pages behind them.
async fn deep(reader: &Reader, query: &Query) -> Result<(usize, Vec<Cursor>), Failure> {
    let (mut found, mut ends, mut next) = (0, Vec::new(), None::<Cursor>);
    loop {
        // In pieces of which the depths are multiples, near enough.
        let page = query.clone().limit(1_000);
        let page =
            reader.search(&next.take().map_or(page.clone(), |next| page.cursor(next))).await?;
        found += page.entries.len();
        match page.next {
            Some(cursor) => {
                ends.push((found, cursor.clone()));
                next = Some(cursor);
            }
            None => break,
        }
    }
    if found < 5_000 {
        return Ok((found, Vec::new()));
    }
    let at = |depth: usize| ends.iter().find(|(end, _)| *end >= found / 100 * depth);
    Ok((found, DEPTHS.iter().filter_map(|depth| Some(at(*depth)?.1.clone())).collect()))
}

async fn summaries(reader: &Reader, middle: &Entry) -> Result<(), Failure> {
    text(&format!("\n{:<44} {:>9}", "what is said of 100,000 entries, or all", "ms"));
    let all = Query::new();
    let scoped = reader.within(Scope::everything().tenant(text_at(middle, "/tenant")));
    let (from, until) = ("2021-01-01T00:00:00Z".parse()?, "2031-01-01T00:00:00Z".parse()?);
    let begun = Instant::now();
    reader.count(&all, 100_000).await?;
    said("count", begun);
    let begun = Instant::now();
    reader.count(&"-outcome:success".parse()?, 100_000).await?;
    said("count of what no index knows", begun);
    let begun = Instant::now();
    let count = scoped.count(&all, 100_000).await?;
    said(&format!("count of one tenant, {}", count.entries), begun);
    let begun = Instant::now();
    reader.histogram(&all, from, until, 100).await?;
    said("histogram", begun);
    for field in [Field::Action, Field::Actor, Field::ActorName] {
        let begun = Instant::now();
        reader.facets(&all, &field, 10).await?;
        said(&format!("facets of {field}"), begun);
    }
    Ok(())
}

fn text_at(entry: &Entry, place: &str) -> String {
    let event = entry.event();
    event.pointer(place).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned()
}

fn said(what: &str, begun: Instant) {
    text(&format!("{what:<44} {:>9.0}", begun.elapsed().as_secs_f64() * 1e3));
}

/// The middle one, which noise of a moment does not move.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

#[expect(clippy::print_stdout, reason = "a benchmark prints")]
pub(crate) fn text(text: &str) {
    println!("{text}");
}
