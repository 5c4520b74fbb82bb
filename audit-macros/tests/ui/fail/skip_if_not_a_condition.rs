use audit_core::audited;

#[audited(action = "a.b", skip_if = id)]
fn approve(id: u64) {}

fn main() {}
