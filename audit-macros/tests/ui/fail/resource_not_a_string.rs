use audit_core::audited;

#[audited(action = "invoice.approve", resource = 7)]
async fn approve() {}

fn main() {}
