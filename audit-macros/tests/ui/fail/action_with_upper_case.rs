use audit_core::audited;

#[audited(action = "invoice.Approve")]
async fn approve() {}

fn main() {}
