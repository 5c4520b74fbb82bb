use audit_core::audited;

#[audited(action = "invoice.approve", durability = "durable")]
async fn approve() {}

fn main() {}
