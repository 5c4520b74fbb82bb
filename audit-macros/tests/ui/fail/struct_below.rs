use audit_core::audited;

#[audited(action = "invoice.approve")]
struct Invoice {
    id: u64,
}

fn main() {}
