use audit_core::audited;

#[audited(action = "a.b", retention = "audit")]
fn approve() {}

fn main() {}
