use audit_core::audited;

#[audited(action = "invoice.approve", resource_id = id)]
async fn approve() {}

fn main() {}
