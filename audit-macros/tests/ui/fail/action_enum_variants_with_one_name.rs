use audit_core::AuditAction;

#[allow(non_camel_case_types)]
#[derive(AuditAction)]
enum Action {
    PaidInFull,
    Paid_in_full,
}

fn main() {}
