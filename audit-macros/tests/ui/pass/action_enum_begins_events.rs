#![deny(warnings)]

use std::borrow::Cow;

use audit_core::{Action, AuditAction, Event, EventBuilder};

/// Both in one enum, with its trait and its derive under one name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, AuditAction)]
pub enum Deed {
    #[audit(alert)]
    #[allow(dead_code)]
    LogIn,
    #[cfg(any())]
    Never(missing::Type),
}

// As those with a wrapper around the builder write it.
fn begin(action: impl Into<Action>) -> EventBuilder {
    Event::builder(action)
}

fn name(event: EventBuilder) -> String {
    event.build().unwrap().action().to_owned()
}

fn main() {
    let deed = Deed::LogIn;
    assert_eq!(name(begin(deed)), "log_in");
    assert_eq!(name(begin(&deed)), "log_in");
    assert_eq!(name(begin("a.b")), "a.b");
    assert_eq!(name(begin(String::from("a.b"))), "a.b");
    assert_eq!(name(begin(Cow::Borrowed("a.b"))), "a.b");
    let hidden: &dyn AuditAction = &deed;
    assert_eq!(name(begin(hidden)), "log_in");
}
