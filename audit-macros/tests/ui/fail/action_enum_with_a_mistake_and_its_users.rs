use audit_core::{AuditAction, Event};

#[derive(AuditAction)]
#[audit(severity = fatal)]
enum Action {
    Approve,
}

// Only the mistake itself is told.
fn main() {
    let _ = Event::builder(Action::Approve);
}
