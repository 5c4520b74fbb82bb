use audit_core::AuditAction;

#[derive(AuditAction)]
enum Action {
    Élan,
}

fn main() {}
