use audit_core::audited;

#[audited(action = "a.b", sensitivity = "high")]
fn approve() {}

fn main() {}
