use audit_core::audited;

#[audited(action = "invoice.approve" resource = "invoice")]
async fn approve() {}

fn main() {}
