use audit_core::AuditAction;

#[derive(AuditAction)]
#[audit = "invoice"]
enum Action {
    #[audit]
    Approve,
}

fn main() {}
