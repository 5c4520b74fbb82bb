#![deny(warnings)]

use audit_core::{Auditable, Event};

#[derive(Auditable)]
#[audit(resource = "invoice")]
pub struct Invoice {
    #[audit(id)]
    id: u64,
    #[audit(personal)]
    iban: Option<String>,
    #[audit(redact)]
    token: Secret,
    #[audit(skip)]
    cache: Vec<Secret>,
    lines: Vec<Line>,
}

#[derive(Auditable)]
struct Line {
    text: String,
    cents: i64,
}

/// Implements nothing.
struct Secret;

fn main() {
    let line = Line { text: "paper".to_owned(), cents: 120 };
    let invoice = Invoice { id: 7, iban: None, token: Secret, cache: vec![Secret], lines: vec![line] };
    let _: (&Secret, &[Secret]) = (&invoice.token, &invoice.cache);
    drop(Event::builder("invoice.create").created(&invoice));
}
