use audit_core::audited;

#[audited(action = "invoice.approve")]
fn approve(id: u64) -> u64 {
    id
}

fn main() {}
