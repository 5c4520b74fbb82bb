use audit_core::audited;

#[audited(action = "invoice.approve", "invoice")]
async fn approve() {}

fn main() {}
