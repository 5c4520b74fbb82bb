use audit_core::audited;

#[audited(action = "a.b", category = "")]
fn approve() {}

fn main() {}
