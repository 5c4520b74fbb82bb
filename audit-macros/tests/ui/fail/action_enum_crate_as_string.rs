use audit_core::AuditAction;

#[derive(AuditAction)]
#[audit(crate = "audit_core")]
enum Action {
    Approve,
}

fn main() {}
