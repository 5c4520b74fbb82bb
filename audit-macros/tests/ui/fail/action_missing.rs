use audit_core::audited;

#[audited(resource = "invoice")]
async fn approve() {}

fn main() {}
