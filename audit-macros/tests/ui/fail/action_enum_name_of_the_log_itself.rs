use audit_core::AuditAction;

#[derive(AuditAction)]
enum Action {
    #[audit(name = "audit.gap")]
    Gap,
}

fn main() {}
