use audit_core::audited;

#[audited(action = "a.b", tags("ttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttttt"))]
fn approve() {}

fn main() {}
