use audit_core::AuditAction;

#[derive(AuditAction)]
enum Action {
    #[audit(severity = info, alert)]
    #[audit(severity = error)]
    Approve,
}

fn main() {}
