use audit_core::AuditAction;

#[derive(AuditAction)]
enum Action {
    #[audit(prefix = "invoice")]
    Approve,
}

fn main() {}
