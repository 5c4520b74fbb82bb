use audit_core::audited;

#[audited(action = "invoice.approve", resource = "invoice", resource_id_from = |_: &()| 1)]
async fn approve() {}

fn main() {}
