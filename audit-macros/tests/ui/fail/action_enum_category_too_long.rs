use audit_core::AuditAction;

#[derive(AuditAction)]
#[audit(category = "a category that takes rather more room than the sixty-four bytes")]
enum Action {
    #[audit(category = "a category that takes rather more room than the sixty-four bytes!")]
    Approve,
}

fn main() {}
