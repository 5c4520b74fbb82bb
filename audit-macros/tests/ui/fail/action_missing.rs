use audit_core::audited;

#[audited(resource = "invoice")]
async fn approve(id: u64) {}

fn main() {}
