use audit_core::AuditAction;

#[derive(AuditAction)]
#[audit(category = "bil\nling")]
enum Action {
    Approve,
}

fn main() {}
