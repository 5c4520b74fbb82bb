use audit_core::AuditAction;

#[derive(AuditAction)]
struct Approve;

fn main() {}
