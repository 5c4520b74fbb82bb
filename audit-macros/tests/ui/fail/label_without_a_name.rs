use audit_core::audited;

#[audited(action = "a.b", labels(region))]
fn approve(region: &str) {}

fn main() {}
