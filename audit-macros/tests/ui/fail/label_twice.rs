use audit_core::audited;

#[audited(action = "a.b", labels(region = "eu", "region" = "us"))]
fn approve() {}

fn main() {}
