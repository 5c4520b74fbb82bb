use audit_core::AuditAction;

#[derive(AuditAction)]
enum Action {
    #[audit(name = paid)]
    Paid,
}

fn main() {}
