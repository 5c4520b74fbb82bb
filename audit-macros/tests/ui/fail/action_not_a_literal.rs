use audit_core::audited;

#[audited(action = format!("invoice.{}", "approve"))]
async fn approve() {}

fn main() {}
