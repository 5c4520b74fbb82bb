use audit_core::AuditAction;

#[derive(AuditAction)]
#[audit(category = "")]
enum Action {
    Approve,
}

fn main() {}
