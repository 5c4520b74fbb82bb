//! How long a search takes on a log that was just filled.

use std::time::Instant;

use audit_core::store::Reader;
use audit_core::{Outcome, Query};

use crate::Failure;
use crate::database::Database;
use crate::events::{action, actor, address, request_id, resource, session_id};
use crate::table::{median, text};

const PAGE: u32 = 50;
const TIMES: usize = 9;

/// Times the first page of each kind of search: once right after the log was filled, and then warm.
pub(crate) async fn searches<D: Database>(database: &D) -> Result<(), Failure> {
    let reader = Reader::new(database.store().clone());
    text(&format!("\n{}: a page of {PAGE}", D::NAME));
    text(&format!("  {:<44} {:>8} {:>9} {:>9}", "search", "found", "first ms", "median ms"));
    for (name, query) in queries()? {
        let query = query.limit(PAGE);
        let mut times = Vec::new();
        let mut found = 0;
        for _ in 0..=TIMES {
            let begun = Instant::now();
            found = reader.search(&query).await?.entries.len();
            times.push(begun.elapsed().as_secs_f64() * 1e3);
        }
        let first = times.remove(0);
        text(&format!("  {name:<44} {found:>8} {first:>9.2} {:>9.2}", median(times)));
    }
    Ok(())
}

fn queries() -> Result<Vec<(&'static str, Query)>, Failure> {
    let new = Query::new;
    let long_ago = "2000-01-01T00:00:00Z".parse()?;
    Ok(vec![
        ("newest", new()),
        ("actor, 1 in 5,000", new().actor(actor(7))),
        ("actor, 1 in 100,000", new().actor("u-rare")),
        ("actor, missing", new().actor("u-none")),
        ("action, 1 in 40", new().action(action(7))),
        ("action, missing", new().action("invoice.none")),
        ("resource, 1 in 200,000", new().resource_type("invoice").resource_id(resource(7))),
        ("resource, missing", new().resource_type("invoice").resource_id("none")),
        ("resource type, all", new().resource_type("invoice")),
        ("resource type, missing", new().resource_type("none")),
        ("outcome, nearly all", new().outcome(Outcome::Success)),
        ("outcome, 1 in 50", new().outcome(Outcome::Denied)),
        ("outcome, missing", new().outcome(Outcome::Cancelled)),
        ("actor and action", new().actor(actor(7)).action(action(7))),
        ("actor and outcome, 1 in 250,000", new().actor(actor(7)).outcome(Outcome::Denied)),
        ("before all entries", new().until(long_ago)),
        ("action, before all entries", new().action(action(7)).until(long_ago)),
        ("request id, the oldest", new().request_id(&request_id(17))),
        ("request id, missing", new().request_id("none")),
        ("session, 1 in 20,000", new().session(&session_id(7))),
        ("tenant, 1 in 200", new().tenant("tenant-7")),
        ("label, 1 in 12", new().label("region", "region-7")),
        ("label, missing", new().label("region", "none")),
        ("tag, all", new().tag("web")),
        ("label and outcome, 1 in 600", new().label("region", "region-7").outcome(Outcome::Denied)),
        ("address, 1 in 20,000", new().ip(address(7))),
        ("address, missing", new().ip([192, 0, 2, 1].into())),
    ])
}
