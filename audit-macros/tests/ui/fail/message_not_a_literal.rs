use audit_core::audited;

#[audited(action = "a.b", message = text)]
fn approve(text: &str) {}

fn main() {}
