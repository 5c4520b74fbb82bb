use audit_core::AuditAction;

#[derive(AuditAction)]
enum Action {
    #[audit(level = info)]
    Approve,
}

fn main() {}
