use audit_core::audited;

#[audited(action = "a.b", severity = fatal)]
fn approve() {}

fn main() {}
