use audit_core::audited;

#[audited(action = "a.b", resource = "invoice", parent("customer"))]
fn approve() {}

fn main() {}
