use audit_core::audited;

#[audited(action = "audit.started")]
async fn approve() {}

fn main() {}
