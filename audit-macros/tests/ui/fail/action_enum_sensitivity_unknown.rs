use audit_core::AuditAction;

#[derive(AuditAction)]
enum Action {
    #[audit(sensitivity = warning)]
    Approve,
}

fn main() {}
