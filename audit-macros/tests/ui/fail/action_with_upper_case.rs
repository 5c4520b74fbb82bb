use audit_core::audited;

#[audited(action = "invoice.Approve")]
async fn approve(id: u64) {}

fn main() {}
