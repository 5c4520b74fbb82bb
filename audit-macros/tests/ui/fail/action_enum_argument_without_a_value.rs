use audit_core::AuditAction;

#[derive(AuditAction)]
#[audit(prefix)]
enum Action {
    Approve,
}

fn main() {}
