use audit_core::AuditAction;

#[derive(AuditAction)]
#[audit(alert)]
enum Action {
    Approve,
}

fn main() {}
