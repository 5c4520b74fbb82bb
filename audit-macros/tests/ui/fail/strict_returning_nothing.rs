use audit_core::audited;

#[audited(action = "a.b", durability = strict)]
async fn approve() {}

fn main() {}
