use audit_core::AuditAction;

#[derive(AuditAction)]
union Approve {
    id: u8,
}

fn main() {}
