use audit_core::AuditAction;

#[derive(AuditAction)]
#[audit(prefix = "invoice.")]
enum Action {
    Approve,
}

fn main() {}
