use audit_core::AuditAction;

#[derive(AuditAction)]
enum Action {
    #[audit(alert = true)]
    Approve,
    #[audit(alert(true))]
    Refuse,
}

fn main() {}
