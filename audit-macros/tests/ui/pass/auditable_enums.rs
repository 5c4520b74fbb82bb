#![deny(warnings)]

use audit_core::{AuditValue, Auditable};

#[derive(Auditable)]
enum State {
    Open,
    Paid(u64),
    #[audit(rename = "cancelled")]
    Void {
        by: String,
        #[audit(redact)]
        r#why: String,
    },
    Split(u8, #[audit(skip)] u8),
}

#[derive(Auditable)]
enum Never {}

fn main() {
    let none: Option<Never> = None;
    let void = State::Void { by: "ada".to_owned(), why: "because".to_owned() };
    let all = [State::Open, State::Paid(1), void, State::Split(1, 2)];
    assert_eq!(all.audit_value().redacted(), ["/2/cancelled/why"]);
    drop(none.audit_value());
}
