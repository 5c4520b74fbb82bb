use audit_core::audited;

#[audited(action = "a.b", actor = name)]
fn approve(name: String) {}

fn main() {}
