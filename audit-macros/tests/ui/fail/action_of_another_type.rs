use audit_core::audited;

const NUMBER: u64 = 7;

#[audited(action = NUMBER)]
fn approve() {}

fn main() {}
