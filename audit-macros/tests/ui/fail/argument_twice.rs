use audit_core::audited;

#[audited(action = "invoice.approve", action = "invoice.refuse")]
async fn approve() {}

fn main() {}
