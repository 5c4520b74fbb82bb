use audit_core::audited;

#[audited(action = "a.b", retention = "ten.years")]
fn approve() {}

fn main() {}
