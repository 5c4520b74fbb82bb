use audit_core::audited;

#[audited(action = "a.b", sensitive = true)]
fn approve() {}

fn main() {}
