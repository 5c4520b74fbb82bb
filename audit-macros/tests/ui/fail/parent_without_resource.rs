use audit_core::audited;

#[audited(action = "a.b", parent("customer", 7))]
fn approve() {}

fn main() {}
