use audit_core::audited;

#[audited(action = "a.b", tags(kind = "billing"))]
fn approve() {}

fn main() {}
