use audit_core::audited;

#[audited(action = "a.b", message = "invoice {number}")]
fn approve(id: u64) {}

fn main() {}
