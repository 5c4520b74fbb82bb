use audit_core::audited;

#[audited("invoice.approve")]
async fn approve(id: u64) {}

fn main() {}
