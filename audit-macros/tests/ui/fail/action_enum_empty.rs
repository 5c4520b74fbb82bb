use audit_core::AuditAction;

#[derive(AuditAction)]
enum Action {}

fn main() {}
