use audit_core::AuditAction;

#[derive(AuditAction)]
#[audit(prefix = "invoice")]
enum Action {
    #[audit(name = "paidInFull")]
    Paid,
}

fn main() {}
