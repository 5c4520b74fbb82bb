use audit_core::AuditAction;

#[derive(AuditAction)]
enum Action {
    #[audit(severity = info alert)]
    Approve,
    #[audit(alert severity = info)]
    Refuse,
}

fn main() {}
