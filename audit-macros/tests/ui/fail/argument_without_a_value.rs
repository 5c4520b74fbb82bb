use audit_core::audited;

#[audited(action = "invoice.approve", durability)]
async fn approve() {}

fn main() {}
