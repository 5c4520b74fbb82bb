use audit_core::audited;

#[audited(action = "a.b", crate = "audit_core")]
fn approve() {}

fn main() {}
