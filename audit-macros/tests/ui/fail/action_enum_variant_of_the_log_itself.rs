use audit_core::AuditAction;

#[derive(AuditAction)]
enum Action {
    Audit,
}

fn main() {}
