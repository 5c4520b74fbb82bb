use audit_core::AuditAction;

#[derive(AuditAction)]
enum Action {
    #[audit(severity = "info")]
    Approve,
}

fn main() {}
