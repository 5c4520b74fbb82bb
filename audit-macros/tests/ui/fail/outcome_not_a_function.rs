use audit_core::audited;

#[audited(action = "a.b", outcome = 7)]
fn approve() {}

fn main() {}
