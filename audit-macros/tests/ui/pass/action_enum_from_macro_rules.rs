#![deny(warnings)]

use audit_core::{Action, AuditAction, Sensitivity};

macro_rules! actions {
    ($name:ident, $prefix:expr, $level:ident, $core:path { $($variant:ident = $part:expr),+ }) => {
        #[derive(AuditAction)]
        #[audit(prefix = $prefix, sensitivity = $level, crate = $core)]
        enum $name {
            $(#[audit(name = $part)] $variant,)+
        }
    };
}

actions!(Invoices, "invoice", high, ::audit_core { Approve = "approve", Pay = "paid.in_full" });

fn main() {
    let of = |name| Action::new(name).sensitivity(Sensitivity::High);
    assert_eq!(Invoices::Approve.action(), of("invoice.approve"));
    assert_eq!(Invoices::Pay.action(), of("invoice.paid.in_full"));
}
