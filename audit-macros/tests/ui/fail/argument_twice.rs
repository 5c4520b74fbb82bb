use audit_core::audited;

#[audited(action = "invoice.approve", action = "invoice.refuse")]
async fn approve(id: u64) {}

fn main() {}
