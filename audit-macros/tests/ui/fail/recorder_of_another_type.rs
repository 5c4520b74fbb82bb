use audit_core::audited;

#[audited(action = "a.b", recorder = name)]
fn approve(name: String) {}

fn main() {}
