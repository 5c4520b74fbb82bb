use audit_core::AuditAction;

#[derive(AuditAction)]
#[audit(severity = fatal)]
enum Action {
    Approve,
}

fn main() {}
