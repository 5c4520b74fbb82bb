use audit_core::audited;

#[audited(action = "invoice.approve", durability = eventually)]
async fn approve() {}

fn main() {}
