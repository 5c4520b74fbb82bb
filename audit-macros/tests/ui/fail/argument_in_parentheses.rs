use audit_core::audited;

#[audited(action("invoice.approve"))]
async fn approve() {}

fn main() {}
