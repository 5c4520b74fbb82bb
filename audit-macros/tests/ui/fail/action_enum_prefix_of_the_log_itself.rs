use audit_core::AuditAction;

#[derive(AuditAction)]
#[audit(prefix = "audit")]
enum Action {
    Audit,
    Gap,
}

fn main() {}
