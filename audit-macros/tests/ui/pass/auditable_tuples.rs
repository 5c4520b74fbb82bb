#![deny(warnings)]

use audit_core::{AuditValue, Auditable};

#[derive(Auditable)]
struct Unit;

#[derive(Auditable)]
struct Cents(u64);

#[derive(Auditable)]
#[audit(resource = "pair")]
struct Pair(#[audit(id)] u8, #[audit(personal)] Cents, #[audit(redact)] Cents, Unit);

fn main() {
    let pair = Pair(1, Cents(2), Cents(3), Unit);
    assert_eq!(pair.snapshot().personal(), ["/1"]);
    assert_eq!(pair.audit_value().redacted(), ["/2"]);
}
