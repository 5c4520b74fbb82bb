use audit_core::audited;

#[audited(action = "invoice.approve", resource = "in-voice")]
async fn approve() {}

fn main() {}
