use audit_core::audited;

const APPROVE: &str = "invoice.approve";

#[audited(action = APPROVE)]
async fn approve() {}

fn main() {}
