use audit_core::AuditAction;

#[derive(AuditAction)]
#[audit(prefix = "invoice")]
enum Action {
    PaidInFull,
    #[audit(name = "paid_in_full")]
    Paid,
}

fn main() {}
