use audit_core::audited;

#[audited(action = "invoice.approve", resource_name = "invoice")]
async fn approve() {}

fn main() {}
