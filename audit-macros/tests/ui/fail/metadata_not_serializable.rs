use audit_core::audited;

struct Amount(u64);

#[audited(action = "a.b", metadata(amount = amount))]
fn approve(amount: Amount) {}

fn main() {}
