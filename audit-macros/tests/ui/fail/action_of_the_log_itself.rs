use audit_core::audited;

#[audited(action = "audit.started")]
async fn approve(id: u64) {}

fn main() {}
