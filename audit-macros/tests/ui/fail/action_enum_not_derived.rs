use audit_core::{AuditAction, Event};

enum Action {
    Approve,
}

fn record(_: impl AuditAction) {}

fn main() {
    record(Action::Approve);
    let _ = Event::builder(Action::Approve);
    let _ = Event::builder(7);
}
